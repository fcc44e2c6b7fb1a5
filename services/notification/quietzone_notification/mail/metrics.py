"""What mail counts, and what to do when it moves."""

from prometheus_client import Counter, Gauge, Histogram

SENT = Counter(
    "quietzone_mail_sent_total",
    "Mails that were handed to the server, by what it said: taken, later (4xx), refused (5xx), no_address (there is none such), silent (no "
    "answer). 'silent' or 'later' rises for all: look at the mail server and QUIETZONE_NOTIFICATION_MAIL_URL; 'refused': at a dead "
    "delivery's words, it may be our reputation (SPF, DKIM, lists).",
    ["outcome"],
)
UNSENT = Counter(
    "quietzone_mail_unsent_total",
    "Mails that nobody tried to send: suppressed (the address), unwanted (the kind), template (its delivery says where it fails), "
    "left (a rule's, to who is no member any more), invalid (no address, or no body for a mail). 'template' rises after a release: what "
    "that release fills templates with has changed.",
    ["reason"],
)
SUPPRESSED = Counter(
    "quietzone_mail_suppressed_total",
    "Addresses that get no more mail, by why: unsubscribed, bounced, complained, by-hand. 'bounced' rises fast: an account writes to "
    "bought addresses, or the server refuses addresses that exist; either costs all accounts their reputation.",
    ["reason"],
)
SECONDS = Histogram(
    "quietzone_mail_seconds",
    "What handing a mail to the server took. Near 15 s it doesn't answer; slower than before: it checks more, or has too many connections.",
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15),
)
WAITING = Gauge(
    "quietzone_mail_waiting",
    "Mails that wait for one of the connections to the mail server. Stays high: raise QUIETZONE_NOTIFICATION_MAILS_AT_ONCE if the server "
    "takes more; they share the sender's attempts with webhooks.",
)
