"""What an account may do with its webhook endpoints."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import msgspec

from quietzone_kit.errors import FieldViolation, InvalidInput, Violations
from quietzone_kit.ids import uuid7
from quietzone_kit.runtime import Clock, Randomness
from quietzone_kit.seal import Seal
from quietzone_notification.delivery.endpoints.domain import Endpoint, Reason, SealedSecret, State, description_of
from quietzone_notification.delivery.endpoints.repository import Endpoints
from quietzone_notification.delivery.headers import Headers, headers_of
from quietzone_notification.delivery.reach import Place, Reach, place_of
from quietzone_notification.delivery.signing import KEY_BYTES, MAX_OVERLAP_MS, InvalidSecret, Secret, new_secret, read_secret, rotated

DEFAULT_OVERLAP_MS = 24 * 3_600_000
"""For which a replaced secret signs too: whoever deploys a new one has a day."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What somebody wants an endpoint to be; `secret` is one of his own choice, None: we draw one."""

    url: str
    description: str = ""
    headers: Headers = ()
    secret: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What of an endpoint is to be another; None leaves it as it is."""

    url: str | None = None
    description: str | None = None
    headers: Headers | None = None
    state: State | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """What the sender needs of an endpoint. It shows no secrets by accident: `Secret` doesn't, and headers are kept out."""

    endpoint: Endpoint
    place: Place
    secrets: tuple[Secret, ...]
    headers: "Hidden"


@dataclass(frozen=True, slots=True, repr=False)
class Hidden:
    """Headers that nobody prints."""

    pairs: Headers


class EndpointDesk:
    """Endpoints and their secrets."""

    def __init__(self, endpoints: Endpoints, seal: Seal, reach: Reach, clock: Clock, randomness: Randomness) -> None:
        self._endpoints = endpoints
        self._seal = seal
        self._reach = reach
        self._clock = clock
        self._randomness = randomness

    async def create(self, account_id: str, draft: Draft) -> tuple[Endpoint, str]:
        """A new endpoint, and its secret, which is shown this once.

        Raises:
            InvalidInput: names each field that is wrong.
            FailedPrecondition: the account has as many as it may have, or this installation has no key to seal secrets with.
        """
        self._check(Change(draft.url, draft.description, draft.headers), secret=draft.secret)
        now_ms = self._clock.now_ms()
        secret = self._secret(draft.secret)
        new = Endpoint(uuid7(self._clock, self._randomness), account_id, draft.url, description_of(draft.description), (), now_ms, now_ms)
        names, sealed = self._sealed_headers(new.endpoint_id, draft.headers)
        new = replace(new, secrets=self._sealed(new.endpoint_id, (secret,)), header_names=names, sealed_headers=sealed)
        await self._endpoints.add(new)
        return new, secret.text()

    async def listed(self, account_id: str) -> tuple[Endpoint, ...]:
        """An account's endpoints, the oldest first."""
        return await self._endpoints.listed(account_id)

    async def get(self, account_id: str, endpoint_id: str) -> Endpoint:
        """An endpoint; raises NotFound."""
        return (await self._endpoints.get(account_id, endpoint_id)).endpoint

    async def change(self, account_id: str, endpoint_id: str, change: Change, *, expected: int | None = None) -> Endpoint:
        """An endpoint with what is to be another.

        Raises:
            InvalidInput: names each field that is wrong.
            NotFound, RevisionMismatch: as the repository has it.
        """
        self._check(change)
        now_ms = self._clock.now_ms()
        headers = None if change.headers is None else self._sealed_headers(endpoint_id, change.headers)

        def changed(endpoint: Endpoint) -> Endpoint:
            url, description = change.url or endpoint.url, endpoint.description if change.description is None else change.description
            if (url, description) != (endpoint.url, endpoint.description):
                endpoint = endpoint.moved(url, description, now_ms)
            if headers is not None:
                endpoint = endpoint.with_headers(*headers, now_ms)
            if change.state is State.ENABLED:
                endpoint = endpoint.enabled(now_ms)
            elif change.state is State.DISABLED:
                endpoint = endpoint.disabled(Reason.OWNER, now_ms)
            return endpoint

        return await self._endpoints.change(account_id, endpoint_id, changed, expected=expected)

    async def rotate(
        self, account_id: str, endpoint_id: str, *, secret: str | None = None, overlap_ms: int = DEFAULT_OVERLAP_MS
    ) -> tuple[Endpoint, str]:
        """An endpoint with a new secret, which is shown this once; those before it sign for the overlap.

        Raises:
            InvalidInput: the secret or the overlap can't be.
            NotFound: the account has no such endpoint.
        """
        wrong = Violations()
        with wrong.field("secret"):
            new = self._secret(secret)
        if not 0 <= overlap_ms <= MAX_OVERLAP_MS:
            wrong.add("overlap_ms", f"from 0 to {MAX_OVERLAP_MS}")
        wrong.check()
        now_ms = self._clock.now_ms()

        def changed(endpoint: Endpoint) -> Endpoint:
            try:
                secrets = rotated(self._opened(endpoint), new, at_ms=now_ms, overlap_ms=overlap_ms)
            except InvalidSecret as error:
                raise InvalidInput(FieldViolation("secret", str(error))) from error
            return endpoint.with_secrets(self._sealed(endpoint_id, secrets), now_ms)

        return await self._endpoints.change(account_id, endpoint_id, changed), new.text()

    async def delete(self, account_id: str, endpoint_id: str) -> None:
        """Remove an endpoint; what waits for it is given up. Raises NotFound."""
        await self._endpoints.delete(account_id, endpoint_id)

    def opened(self, endpoint: Endpoint) -> Opened:
        """What the sender needs of it.

        Raises:
            InvalidUrl: webhooks don't go there any more: the installation's ports are others now.
            CantOpen: its secrets were sealed with a key that isn't there.
            FailedPrecondition: there is no key at all.
        """
        pairs: Headers = ()
        if endpoint.sealed_headers:
            opened = self._seal.open(endpoint.sealed_headers, _place_of_headers(endpoint.endpoint_id))
            pairs = headers_of(msgspec.json.decode(opened, type=Headers))
        return Opened(endpoint, place_of(endpoint.url, self._reach), self._opened(endpoint), Hidden(pairs))

    def _check(self, change: Change, *, secret: str | None = None) -> None:
        wrong = Violations()
        with wrong.field("url"):
            if change.url is not None:
                place_of(change.url, self._reach)
        with wrong.field("description"):
            description_of(change.description or "")
        with wrong.field("headers"):
            headers_of(change.headers or ())
        with wrong.field("secret"):
            if secret is not None:
                read_secret(secret)
        wrong.check()

    def _secret(self, text: str | None) -> Secret:
        return new_secret(self._randomness.token(KEY_BYTES)) if text is None else read_secret(text)

    def _sealed(self, endpoint_id: str, secrets: Iterable[Secret]) -> tuple[SealedSecret, ...]:
        place = _place_of_secret(endpoint_id)
        return tuple(SealedSecret(self._seal.seal(secret.key, place), secret.until_ms) for secret in secrets)

    def _opened(self, endpoint: Endpoint) -> tuple[Secret, ...]:
        place = _place_of_secret(endpoint.endpoint_id)
        return tuple(Secret(self._seal.open(each.sealed, place), each.until_ms) for each in endpoint.secrets)

    def _sealed_headers(self, endpoint_id: str, headers: Headers) -> tuple[tuple[str, ...], str]:
        """The names of headers, and the headers as they are stored."""
        sealed = self._seal.seal(msgspec.json.encode(headers), _place_of_headers(endpoint_id)) if headers else ""
        return tuple(name for name, _ in headers), sealed


def _place_of_secret(endpoint_id: str) -> str:
    return f"secret of webhook endpoint {endpoint_id}"


def _place_of_headers(endpoint_id: str) -> str:
    return f"headers of webhook endpoint {endpoint_id}"
