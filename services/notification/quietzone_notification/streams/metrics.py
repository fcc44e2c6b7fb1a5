"""What streams count, and what to do when it moves."""

from prometheus_client import Counter

MADE = Counter(
    "quietzone_stream_topics_made_total",
    "Topics that were made on the bus for accounts. Rises fast: somebody names a new one in each rule; an account stops at 100.",
)
NO_ROOM = Counter(
    "quietzone_stream_no_room_total",
    "Records that weren't written since their account has 100 topics already, by what they were: 'delivery' (it is dropped, and says so) "
    "or 'letter'. The account names a topic that it has.",
    ["what"],
)
