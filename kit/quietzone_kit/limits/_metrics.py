"""What limits count, and what to do when it moves."""

from prometheus_client import Counter, Gauge

DECISIONS = Counter(
    "quietzone_limits_decisions_total",
    "Decisions by who made them and how they ended. 'server': a round trip. 'held': by tokens or a refusal that this process had from it. "
    "'memory': there is no server. 'alone': the server is gone, see quietzone_limits_alone. Many refused: callers go beyond their plans, "
    "or somebody guesses.",
    ["by", "outcome"],
)
ALONE = Gauge(
    "quietzone_limits_alone",
    "1 while this process limits by itself, at its share of each rate, because the cache server is gone: limits are looser or tighter than "
    "they say. See quietzone_cache_server_gone.",
)
REPLICAS = Gauge(
    "quietzone_limits_replicas",
    "Processes that share these limits, as they were last counted; 0: not yet. What one grants by itself is its share of them. Other than "
    "what runs: some have another QUIETZONE_CACHE_URL or prefix.",
)
EVICTED = Counter(
    "quietzone_limits_evicted_total",
    "Buckets that made room in memory, and are full when they are next asked. Rises: very many callers, or somebody with many addresses.",
)
