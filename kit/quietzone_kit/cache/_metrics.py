"""What caches count, and what to do when it moves."""

from prometheus_client import Counter, Gauge, Histogram

READS = Counter(
    "quietzone_cache_reads_total",
    "Reads by where the answer came from: 'memory' and 'server' are hits, 'stale' a hit that is loaded anew, 'joined' waited for another's "
    "load, 'loaded' and 'miss' found nothing. Many misses: entries live too short, are invalidated too often, or the server is gone.",
    ["answer"],
)
LOAD_FAILURES = Counter(
    "quietzone_cache_load_failures_total",
    "Stale values that could not be loaded anew; they are given until they end. The log says what the load raised: look at what it asks.",
)
NOT_KEPT = Counter(
    "quietzone_cache_not_kept_total",
    "Values that were given and not remembered. 'changed': somebody changed them while they were loaded, as often as they change. "
    "'large': over 1 MB, don't cache these.",
    ["reason"],
)
EVICTED = Counter(
    "quietzone_cache_memory_evicted_total",
    "Entries that made room in memory. Rises with reads answered by 'server': more different keys are in use than memory holds; harmless.",
)
SERVER = Histogram(
    "quietzone_cache_server_seconds",
    "What the server took, by operation. Above 5 ms: it is far away, swaps, or runs somebody's slow command (SLOWLOG).",
    ["operation"],
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1),
)
SERVER_BYTES = Counter(
    "quietzone_cache_server_bytes_total",
    "Bytes of values written to and read from the server. More read than the network likes: values are too large, or memory too small.",
    ["direction"],
)
SERVER_FAILURES = Counter(
    "quietzone_cache_server_failures_total",
    "Operations without an answer, by kind of error; each is a miss. The log names the server and what to look at.",
    ["operation", "error"],
)
BREAKER_OPEN = Gauge(
    "quietzone_cache_server_gone",
    "1 while the server isn't asked, because it doesn't answer. See whether it runs, and whether QUIETZONE_CACHE_URL is right.",
)
UNHEARD = Gauge(
    "quietzone_cache_unheard",
    "1 while nothing is heard from other processes, so that memory is trusted for seconds only. Stays 1: see the log's 'cache unheard'.",
)
OWED = Gauge(
    "quietzone_cache_owed",
    "Entries and tags that the server must still forget. Falls to 0 when it is back; at 10,000 the oldest end by their time to live.",
)
LOST = Counter(
    "quietzone_cache_messages_lost_total",
    "Times that a subscriber was told that messages may be lost. 'cut': the server was away. 'slow': it doesn't take them fast enough.",
    ["reason"],
)
