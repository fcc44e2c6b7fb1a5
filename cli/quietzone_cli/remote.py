"""The API of an installation, as commands ask it: by the client that everybody has, its errors in the command's words."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from quietzone_cli.errors import ApiError
from quietzone_client import AsyncClient, DeadlineExceeded, NoAnswer, QuietzoneError, Retries, Unavailable

PATIENT = Retries()
"""For what runs by itself, such as the tour: longer than a release's switch."""

BRIEF = Retries(attempts=5, within_s=15.0)
"""For commands that somebody waits for: a server that isn't there is said after some two seconds, one that hangs after some fifteen."""


@asynccontextmanager
async def connected(api_url: str, key: str, retries: Retries = PATIENT) -> AsyncIterator[AsyncClient]:
    """A client of one installation, for one account.

    Raises:
        ApiError: the URL or the key can't be one, or the API refused something or couldn't be reached within the block.
    """
    try:
        client = AsyncClient(api_url, key, retries=retries)
    except ValueError as error:
        raise ApiError(str(error).replace("the key", "QUIETZONE_API_KEY", 1)) from error
    try:
        async with client:
            yield client
    except NoAnswer as error:
        raise ApiError(f"{error}: is `quietzone serve` running?") from error
    except (Unavailable, DeadlineExceeded) as error:
        raise ApiError(f"{error} (it was tried more than once; the server's log says more)") from error
    except QuietzoneError as error:
        raise ApiError(str(error)) from error
