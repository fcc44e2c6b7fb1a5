"""What push counts, and what to do when it moves."""

from prometheus_client import Counter

PUSHED = Counter(
    "quietzone_push_total",
    "Pushes to devices, by platform and what the provider said: sent, failed (again later), refused (see the delivery's log: an account's "
    "payload is wrong), gone (the device is removed). 'gone' for all at once: the credentials are of another app than the tokens.",
    ["platform", "outcome"],
)
RESTS = Counter(
    "quietzone_push_rests_total",
    "Times that all pushes of a platform were held back for half a minute, since its provider doesn't take our credentials. Rises: the log "
    "says which; mend them, deliveries wait meanwhile.",
    ["platform"],
)
