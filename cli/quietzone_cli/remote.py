"""The API of an installation, as commands ask it: by the client that everybody has, its errors in the command's words."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from quietzone_cli.errors import ApiError
from quietzone_client import AsyncClient, NoAnswer, QuietzoneError


@asynccontextmanager
async def connected(api_url: str, key: str) -> AsyncIterator[AsyncClient]:
    """A client of one installation, for one account.

    Raises:
        ApiError: the URL or the key can't be one, or the API refused something or couldn't be reached within the block.
    """
    try:
        client = AsyncClient(api_url, key)
    except ValueError as error:
        raise ApiError(str(error).replace("the key", "QUIETZONE_API_KEY", 1)) from error
    try:
        async with client:
            yield client
    except NoAnswer as error:
        raise ApiError(f"{error}: is `quietzone serve` running?") from error
    except QuietzoneError as error:
        raise ApiError(str(error)) from error
