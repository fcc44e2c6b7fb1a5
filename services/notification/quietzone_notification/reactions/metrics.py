"""What reactions count, and what to do when it moves."""

from prometheus_client import Counter

TOLD = Counter(
    "quietzone_notification_news_total",
    "News, by kind of mail and how they were told: alone, together (with others, at the end of the hour), nobody (the account "
    "has no owner who can be written to), late (its event is older than seven days, so that it may have been told before). 'late': look at "
    "the lag of consumer notification-news. 'nobody' for all: look at the lag and the dead letters of consumer notification-people.",
    ["kind", "how"],
)
WELCOMED = Counter(
    "quietzone_notification_welcomed_total",
    "People who have signed up, by whether they were welcomed: sent, late (they were verified more than seven days before), or no_key "
    "(the mail can't be sealed). 'no_key': set QUIETZONE_NOTIFICATION_SECRET_KEY.",
    ["outcome"],
)
