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
LETTERS = Counter(
    "quietzone_dead_letters_total",
    "Deliveries that were given up and copied to the topic that their rule's target names. Many at once: see what their receivers say "
    "(`dlq_error`), mend that, and have them sent again by RedriveDeliveries.",
)
LETTERS_WAITING = Counter(
    "quietzone_dead_letters_unsent_total",
    "Times that a dead letter couldn't be written and waits. Rises for minutes: look at the bus, and at this part's rights there.",
)
