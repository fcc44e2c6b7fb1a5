"""What identity counts, and what to do when it moves."""

from prometheus_client import Counter, Gauge

SIGN_INS = Counter(
    "quietzone_gateway_sign_ins_total",
    "People who signed in, and who were refused. Refused ten times as often as usual: somebody guesses passwords; five a quarter of an "
    "hour is all he gets for an address from one network.",
    ["outcome"],
)
REUSES = Counter(
    "quietzone_gateway_refresh_reuses_total",
    "Refresh tokens that came a second time, and whose sessions ended. Now and then a client that lost an answer; many of one person: "
    "somebody steals tokens from his machine.",
)
AUDIT_STOPPED = Gauge(
    "quietzone_gateway_audit_stopped",
    "1 when the audit log hears of no changes any more; they wait in the topic for 30 days. The log says why: mend it, and start it again.",
)
AUTHORISERS = Counter(
    "quietzone_gateway_authorisers_total",
    "Questions to accounts' own authorisers: answered, refused (they know nobody with the token), failed. Failed: the log names account "
    "and reason; it is the account's server, unless all of them fail, and then our network.",
    ["outcome"],
)
