"""URLs of caches."""

import pytest

from quietzone_kit.cache import open_cache
from quietzone_kit.runtime import SystemClock, SystemRandomness


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("memcached://host", "no such scheme 'memcached'; use redis://"),
        ("redis", "no scheme"),
        ("memory://place", "memory has no place"),
        ("redis://", "no host; use redis://host:6379"),
        ("redis://host/first", "'first' is no database"),
        ("redis://a,b", r"use redis\+sentinel:// or redis\+cluster://"),
        ("redis+sentinel://a,b", r"use redis\+sentinel://host,host/name"),
        ("redis+cluster://a,b/1", "none with a cluster"),
        ("redis://host?prefix={x}", "no brace"),
        ("redis://host?sentinel_user=x", "no such option: sentinel_user"),
    ],
)
def test_a_wrong_url_is_refused_with_what_would_do(url: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        open_cache(url, clock=SystemClock(), randomness=SystemRandomness())


@pytest.mark.parametrize(
    "url",
    ["memory://", "redis://me:pass@host:6380/3", "rediss://host?ca_file=/x", "redis+sentinel://a,b:26380/main/2", "rediss+cluster://a,b"],
)
async def test_nothing_is_opened_before_the_first_call(url: str) -> None:
    await open_cache(url, clock=SystemClock(), randomness=SystemRandomness()).close()
