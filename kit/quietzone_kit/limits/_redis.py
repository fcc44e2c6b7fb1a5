"""Buckets in Redis: one script a decision, by the server's clock."""

import asyncio
from collections.abc import Mapping

from quietzone_kit.cache._redis.connect import CONNECT_S, ERRORS, cancellable
from quietzone_kit.cache._redis.line import Line
from quietzone_kit.cache._server import ServerGone
from quietzone_kit.limits import Rate
from quietzone_kit.limits._buckets import SHARE
from quietzone_kit.runtime import Clock

# Lua's numbers are doubles: microseconds since 1970 stay whole numbers until the year 2255. `%.0f`, because tostring has 14 digits.
# A bucket's key ends when it is full, in the same step: there is no second command that could be lost.
TAKE = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local full_at, room = {}, nil
for i, key in ipairs(KEYS) do
    local interval, size = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
    local at = math.min(math.max(tonumber(redis.call('GET', key) or 0), now), now + size)
    local fits = math.floor((now + size - at) / interval)
    full_at[i] = at
    room = room and math.min(room, fits) or fits
end
local taken = 0
if room > 0 then taken = math.min(room, 1 + math.min(tonumber(ARGV[1]), math.floor(room / SHARE))) end
local answer = {taken}
for i, key in ipairs(KEYS) do
    local at = full_at[i] + taken * tonumber(ARGV[2 * i])
    answer[i + 1] = at - now
    if at > now then redis.call('SET', key, string.format('%.0f', at), 'PX', math.ceil((at - now) / 1000)) end
end
return answer
""".replace("SHARE", str(SHARE))

GIVE_BACK = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
for i, key in ipairs(KEYS) do
    local at = tonumber(redis.call('GET', key) or 0) - tonumber(ARGV[i])
    if at > now then
        redis.call('SET', key, string.format('%.0f', at), 'PX', math.ceil((at - now) / 1000))
    else
        redis.call('DEL', key)
    end
end
return 1
"""

COUNT = """
local time = redis.call('TIME')
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', time[1] - tonumber(ARGV[2]))
redis.call('ZADD', KEYS[1], time[1], ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[2])
return redis.call('ZCARD', KEYS[1])
"""


class RedisBuckets:
    """See Server."""

    def __init__(self, url: str, clock: Clock) -> None:
        self._line = Line(url, clock, without="each process limits by itself until it is back")

    async def take(self, key: str, rates: Mapping[str, Rate], spare: int) -> tuple[int, tuple[int, ...]]:
        """See Server."""
        numbers = [number for rate in rates.values() for number in (rate.interval_us, rate.burst * rate.interval_us)]
        taken, *until_full_us = await self._line.ask("take", "EVAL", TAKE, len(rates), *self._keys(key, rates), spare, *numbers)
        return taken, tuple(until_full_us)

    async def give_back(self, key: str, rates: Mapping[str, Rate], tokens: int) -> None:
        """See Server."""
        times = [tokens * rate.interval_us for rate in rates.values()]
        await self._line.ask("give back", "EVAL", GIVE_BACK, len(rates), *self._keys(key, rates), *times)

    async def count(self, me: str, within_s: int) -> int:
        """See Server."""
        return int(await self._line.ask("count", "EVAL", COUNT, 1, f"{self._line.prefix}:limits", me, within_s))

    async def check(self) -> None:
        """See Server."""
        await self._line.check()

    async def warm(self) -> None:
        """See Server."""
        try:
            async with asyncio.timeout(2 * CONNECT_S):
                with cancellable():
                    await self._line.warm()
        except ERRORS as error:
            raise ServerGone from error

    async def close(self) -> None:
        """See Server."""
        await self._line.close()

    def _keys(self, key: str, rates: Mapping[str, Rate]) -> list[str]:
        return [f"{self._line.prefix}:r:{{{key}}}:{name}" for name in rates]
