"""What happens in Redis in one step. All keys of a script have one hash tag, so that a cluster has them on one node.

An entry is a value (`v`) and, while somebody loads it, a lease (`l`): whoever stores must still hold it, and every change ends it. A tag is
a number (`t`) that an entry carries; one that has another number now, or none, makes the entry invalid. So tags may be evicted: a tag
that is made again begins with the time in microseconds, which no count ever reaches.
"""

READ = "return {redis.call('GET', KEYS[1]), redis.call('PTTL', KEYS[1])}"

STORE = """
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[2])
if ARGV[3] == '0' then redis.call('SET', KEYS[1], ARGV[2]) else redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
return 1
"""

RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) else return 0 end"

WRITE = """
redis.call('DEL', KEYS[2])
if ARGV[2] == '0' then redis.call('SET', KEYS[1], ARGV[1]) else redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) end
redis.call('PUBLISH', ARGV[3], ARGV[4])
return 1
"""

DELETE = """
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('PUBLISH', ARGV[1], ARGV[2])
return 1
"""

VERSION = """
local version = redis.call('GET', KEYS[1])
if not version then
    local now = redis.call('TIME')
    version = now[1] .. string.format('%06d', now[2])
    redis.call('SET', KEYS[1], version)
    if ARGV[1] ~= '0' then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
    return version
end
local left = redis.call('PTTL', KEYS[1])
if left >= 0 and ARGV[1] == '0' then redis.call('PERSIST', KEYS[1]) end
if left >= 0 and left < tonumber(ARGV[1]) then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return version
"""
"""A tag's number, which now lives as long as the longest of its entries: a shorter one takes nothing away."""

INVALIDATE = """
if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('INCR', KEYS[1]) end
redis.call('PUBLISH', ARGV[1], ARGV[2])
return 1
"""
