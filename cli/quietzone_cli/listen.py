"""`quietzone webhooks listen`: what comes to a bus, sent to a program on this machine as a webhook would be."""

import asyncio
import base64
import os
import time
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from quietzone_cli.errors import CommandFailed, OperationFailed
from quietzone_cli.options import API_URL, ApiKey, ApiUrl
from quietzone_cli.tail import Bus, Pattern, follow, shown, until_stopped, warn
from quietzone_cli.terminal import console, finish
from quietzone_kit.runtime import SystemClock

if TYPE_CHECKING:
    import httpx

    from quietzone_client import BusEvent

ForwardTo = Annotated[str, typer.Option("--forward-to", help="Where each event is sent, such as http://localhost:3000/hook.")]
Secret = Annotated[
    str | None,
    typer.Option(
        "--secret",
        envvar="QUIETZONE_WEBHOOK_SECRET",
        help="What signs them: whsec_…, that of an endpoint of yours; without it, one of this run.",
        show_default=False,
    ),
]

CLOCK = SystemClock()

SECRET_BYTES = 24  # as Standard Webhooks has them at least
ANSWER_S = 15.0  # what webhooks have
MAX_WAITING = 100
"""Events that wait for the receiver: they are read on meanwhile, so that the server doesn't give this reader up. 26 MB with the largest."""


def listen(
    forward_to: ForwardTo,
    key: ApiKey,
    api: ApiUrl = API_URL,
    *,
    bus: Bus = "default",
    pattern: Pattern = None,
    secret: Secret = None,
) -> None:
    """Send what comes to a bus to a program on this machine, signed by Standard Webhooks, until Ctrl-C. Nothing is tried again."""
    finish(until_stopped(_listen(api, key, (bus, pattern), forward_to, secret)))


async def _listen(api_url: str, key: str, asked: tuple[str, str | None], forward_to: str, secret: str | None) -> None:
    import httpx  # noqa: PLC0415 - `serve` does without requests

    check(forward_to, secret)
    if secret is None:
        secret = new_secret()
        console.print(f"the secret of this run: {secret}", highlight=False, soft_wrap=True)
    # What stands in the environment about proxies isn't for this machine.
    async with httpx.AsyncClient(timeout=ANSWER_S, trust_env=False) as http:
        forwarder = Forwarder(http, forward_to, secret)
        failure: CommandFailed | None = None
        async with asyncio.TaskGroup() as group:
            sending = group.create_task(forwarder.run())
            try:
                await follow(api_url, key, asked, forwarder.take)
            except CommandFailed as error:  # raised below, outside the group, which would wrap it
                failure = error
            finally:
                sending.cancel()
        if failure is not None:
            raise failure


def new_secret() -> str:
    """A secret as endpoints have them."""
    return f"whsec_{base64.b64encode(os.urandom(SECRET_BYTES)).decode()}"


def check(forward_to: str, secret: str | None) -> None:
    """See that something can be sent.

    Raises:
        OperationFailed: says what would do.
    """
    from quietzone_client import webhooks  # noqa: PLC0415 - `serve` does without requests

    scheme, _, place = forward_to.partition("://")
    if scheme not in {"http", "https"} or not place:
        raise OperationFailed(f"--forward-to {forward_to!r}: no address; http://localhost:3000/hook would do")
    try:
        webhooks.sign(b"", secret or new_secret(), webhook_id="", at_s=0)
    except ValueError as error:
        raise OperationFailed(f"--secret: {error}") from error


class Forwarder:
    """Sends events to one address, in their order, each once."""

    def __init__(self, http: "httpx.AsyncClient", address: str, secret: str) -> None:
        self._http = http
        self._address = address
        self._secret = secret
        self._waiting: asyncio.Queue[BusEvent] = asyncio.Queue(MAX_WAITING)

    def take(self, event: "BusEvent") -> None:
        """Have an event sent when its turn comes."""
        try:
            self._waiting.put_nowait(event)
        except asyncio.QueueFull:
            warn(
                f"{MAX_WAITING} events wait for {self._address}: {shown(event.id)} isn't sent; answer faster, or ask for fewer by --pattern"
            )

    async def run(self) -> None:
        """Send what was taken, until cancelled."""
        while True:
            event = await self._waiting.get()
            began = CLOCK.monotonic()
            said = await self._sent(event)
            took_ms = (CLOCK.monotonic() - began) * 1_000
            line = f"{time.strftime('%H:%M:%S')}  {said}  {took_ms:.0f} ms  {event.source}  {event.detail_type}  {event.id}"
            console.print(escape(shown(line)), highlight=False, soft_wrap=True)

    async def _sent(self, event: "BusEvent") -> str:
        """The answer's status, or why there is none; what it says is not read."""
        import httpx  # noqa: PLC0415 - `serve` does without requests

        from quietzone_client import webhooks  # noqa: PLC0415

        body = event.text.encode()
        signed = webhooks.sign(body, self._secret, webhook_id=event.id, at_s=CLOCK.now_ms() // 1_000)
        try:
            async with (
                asyncio.timeout(ANSWER_S),
                self._http.stream("POST", self._address, content=body, headers={"content-type": "application/json", **signed}) as answer,
            ):
                return str(answer.status_code)
        except TimeoutError:
            return f"no answer within {ANSWER_S:.0f} s"
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            return f"not sent ({error or type(error).__name__})"
