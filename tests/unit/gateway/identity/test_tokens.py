"""Access tokens, and the keys that sign them."""

import base64
import json
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, OKPKey
from unit.gateway.identity.desk import CHEAP, RANDOMNESS, SECRET, Desk
from unit.gateway.identity.persons import HOME, by_token, decoded, enter, parts_of, resigned, signed_in

from quietzone_gateway.identity.authentication import Credentials
from quietzone_gateway.identity.seal import CantOpen, Seal
from quietzone_gateway.identity.sessions.repository import SIGNING_KEYS
from quietzone_gateway.identity.sessions.signing import AHEAD_MS
from quietzone_gateway.identity.sessions.tokens import AUDIENCE
from quietzone_gateway.identity.sessions.use_cases import SignedIn, refresh
from quietzone_kit.errors import Unauthenticated

ORIGIN = "https://qr.example.com"
DAY_S = 86_400


def encoded(data: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(data).encode()).rstrip(b"=").decode()


async def test_a_token_says_who_where_and_for_how_long(desk: Desk) -> None:
    principal, signed = await signed_in(desk)

    header, claims = parts_of(signed.access_token)

    assert header.keys() == {"alg", "kid", "typ"}
    assert (header["alg"], header["typ"]) == ("Ed25519", "at+jwt")
    assert (claims["iss"], claims["aud"], claims["exp"] - claims["iat"]) == (ORIGIN, AUDIENCE, CHEAP.access_token_s)
    assert (claims["sub"], claims["acc"], claims["role"]) == (principal.user_id, principal.account_id, "owner")
    assert (set(claims["scopes"]), claims["sid"]) == (principal.scopes, principal.session_id)


async def test_a_token_ends(desk: Desk) -> None:
    _, signed = await signed_in(desk)
    desk.clock.seconds += CHEAP.access_token_s

    with pytest.raises(Unauthenticated):
        await by_token(desk, signed.access_token)


async def test_alg_none_is_refused(desk: Desk) -> None:
    _, signed = await signed_in(desk)
    header, claims = parts_of(signed.access_token)

    for alg in ("none", "None", "NONE", ""):
        with pytest.raises(Unauthenticated):
            await by_token(desk, f"{encoded(header | {'alg': alg})}.{encoded(claims)}.")


async def test_alg_confusion_with_the_public_key_as_a_secret_is_refused(desk: Desk) -> None:
    _, signed = await signed_in(desk)
    header, claims = parts_of(signed.access_token)
    (published,) = await desk.identity.signing.published()
    for secret in (decoded(str(published["x"])), str(published["x"]).encode(), json.dumps(published).encode()):
        forged = jwt.encode(header | {"alg": "HS256"}, claims, OctKey.import_key(secret.ljust(32, b"\0")), algorithms=["HS256"])

        with pytest.raises(Unauthenticated):
            await by_token(desk, forged)


async def test_an_unknown_kid_is_refused(desk: Desk) -> None:
    _, signed = await signed_in(desk)

    for kid in ("unknown", "../../etc/passwd", "' OR 1=1", "", 7, None):
        with pytest.raises(Unauthenticated):
            await by_token(
                desk, await resigned(desk, signed.access_token, header={"kid": kid}) if isinstance(kid, str) else _with_kid(signed, kid)
            )


async def test_unknown_kids_cost_one_look_into_the_store_a_second(desk: Desk) -> None:
    _, signed = await signed_in(desk)
    forged = await resigned(desk, signed.access_token, header={"kid": "unknown"})
    loads = 0
    load = desk.identity.signing._load

    async def counted() -> Any:
        nonlocal loads
        loads += 1
        return await load()

    desk.identity.signing._load = counted  # type: ignore[method-assign]
    desk.clock.seconds += 2
    for _ in range(20):
        with pytest.raises(Unauthenticated):
            await by_token(desk, forged)

    assert loads == 1


@pytest.mark.parametrize("name", ["jku", "x5u", "jwk", "x5c", "crit"])
async def test_a_key_that_the_token_brings_is_ignored(desk: Desk, name: str) -> None:
    _, signed = await signed_in(desk)
    header, claims = parts_of(signed.access_token)
    own = OKPKey.generate_key("Ed25519", private=True)
    brought = {"jwk": own.as_dict(private=False), "x5c": ["AAAA"], "crit": ["exp"]}.get(name, "https://evil.example.com/keys.json")
    head, body = encoded(header | {name: brought}), encoded(claims)
    signature = own.private_key.sign(f"{head}.{body}".encode())  # type: ignore[union-attr]

    with pytest.raises(Unauthenticated):
        await by_token(desk, f"{head}.{body}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}")


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "another"},
        {"aud": ["quietzone", "another"]},
        {"iss": "https://evil.example.com"},
        {"exp": None},
        {"exp": "9999999999"},
        {"iat": 9_999_999_999},
        {"sub": None},
        {"acc": 1},
        {"sid": ""},
        {"sid": "unknown"},
        {"sub": "somebody else"},
    ],
)
async def test_a_token_with_wrong_claims_is_refused(desk: Desk, claims: dict[str, Any]) -> None:
    _, signed = await signed_in(desk)

    with pytest.raises(Unauthenticated):
        await by_token(desk, await resigned(desk, signed.access_token, **claims))


@pytest.mark.parametrize("token", ["ey..", "eyJ.e30.", "ey" + "a" * 3000 + "..", "eyJhbGciOiJFZDI1NTE5In0.e30.x", "ey\x00.\xff.ü"])
async def test_rubbish_is_refused(desk: Desk, token: str) -> None:
    with pytest.raises(Unauthenticated):
        await by_token(desk, token)


async def test_a_token_of_another_type_is_refused(desk: Desk) -> None:
    _, signed = await signed_in(desk)

    with pytest.raises(Unauthenticated):
        await by_token(desk, await resigned(desk, signed.access_token, header={"typ": "JWT"}))


async def test_what_a_token_says_of_scopes_is_not_taken(desk: Desk) -> None:
    principal, signed = await signed_in(desk)

    found = await by_token(desk, await resigned(desk, signed.access_token, scopes=["operator"], role="owner"))

    assert found.scopes == principal.scopes


async def test_a_token_for_an_account_that_one_is_not_in_opens_nothing_there(desk: Desk) -> None:
    _, signed = await signed_in(desk)

    found = await by_token(desk, await resigned(desk, signed.access_token, acc="first"))

    assert (found.account_id, found.scopes) == ("", frozenset())


async def test_a_key_is_published_before_it_signs_and_stays_until_its_last_token_has_ended(desk: Desk) -> None:
    _, signed = await signed_in(desk)
    signing = desk.identity.signing

    async def published_after(seconds: float) -> list[str]:
        desk.clock.seconds += seconds
        await signing.rotate()
        return [str(key["kid"]) for key in await signing.published()]

    (first,) = await published_after(0)
    (same,) = await published_after(30 * DAY_S - AHEAD_MS / 1000 - 1)
    both = await published_after(1)
    last = await refresh_late(desk, signed)
    still = await published_after(AHEAD_MS / 1000)
    one = await published_after(CHEAP.access_token_s + 200)

    assert first == same == both[0] == parts_of(last.access_token)[0]["kid"]
    assert still == both
    assert one == [both[1]]
    assert parts_of((await enter(desk)).access_token)[0]["kid"] == both[1]


async def refresh_late(desk: Desk, signed: SignedIn) -> SignedIn:
    return await refresh(desk.identity.people, signed.refresh_token)


async def test_replicas_make_one_key_between_them(desk: Desk) -> None:
    other = desk.replica()

    kids = [(await signing.signer())[0] for signing in (desk.identity.signing, other.signing)]

    assert kids[0] == kids[1]


async def test_a_published_key_holds_nothing_private(desk: Desk) -> None:
    await signed_in(desk)

    (key,) = await desk.identity.signing.published()

    assert key.keys() == {"kty", "crv", "x", "kid", "use", "alg"}


async def test_a_private_key_lies_sealed_in_the_store(desk: Desk) -> None:
    await signed_in(desk)
    _, key = await desk.identity.signing.signer()

    stored = str((await desk.documents.scan(SIGNING_KEYS, limit=10)).items)

    assert str(key.as_dict(private=True)["d"]) not in stored


async def test_a_new_secret_key_opens_what_the_old_one_has_sealed(desk: Desk) -> None:
    principal, signed = await signed_in(desk)
    later = desk.replica(CHEAP.model_copy(update={"gateway_secret_key": type(CHEAP.gateway_secret_key)(f"{'n' * 32},{SECRET}")}))  # type: ignore[arg-type,misc]

    assert await later.authentication.principal_of(Credentials(HOME.address, bearer=signed.access_token)) == principal
    assert (await refresh(later.people, signed.refresh_token)).access_token


def test_what_is_sealed_for_one_place_opens_in_no_other() -> None:
    seal = Seal([SECRET], RANDOMNESS)

    with pytest.raises(CantOpen):
        seal.open(seal.seal(b"secret", "user a"), "user b")


def test_what_another_key_has_sealed_says_what_to_do() -> None:
    with pytest.raises(CantOpen, match="QUIETZONE_GATEWAY_SECRET_KEY"):
        Seal(["n" * 32], RANDOMNESS).open(Seal([SECRET], RANDOMNESS).seal(b"secret", "place"), "place")


def _with_kid(signed: SignedIn, kid: object) -> str:
    header, claims = parts_of(signed.access_token)
    return f"{encoded(header | {'kid': kid})}.{encoded(claims)}.{signed.access_token.rpartition('.')[2]}"
