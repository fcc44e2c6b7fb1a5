"""What the pages say. Pure."""

from collections.abc import Mapping

from quietzone_gateway.mail_pages.html import Button, Page

KINDS, ALL = "kinds", "all"
"""Field and value of the word that one wants no mails of an account at all."""

OF_KIND: Mapping[str, str] = {
    "created": "about new codes",
    "milestone": "about milestones of codes",
    "weekly-summary": "with a summary of the week",
    "notices": "with notices",
    "messages": "with messages of topics",
    "events": "about events",
}
"""Kinds of mail as people know them. One that only a newer release knows is `of this kind`."""

FAILED: Mapping[int, tuple[str, str]] = {
    400: ("This link isn't whole", "A part of it got lost on its way: some mail programs break long ones. Open it in the mail again."),
    404: (
        "This link isn't known",
        "A part of it got lost on its way, or its time is over. Open it from the newest mail, or ask whoever sends the mails.",
    ),
    413: ("That is too much", "What was sent is larger than anything that this page asks for. Open the link in the mail again."),
    422: ("That can't be done here", "Something is missing at this installation. Nothing has changed: tell whoever runs it."),
    429: ("Too many requests", "So many came from your network that this page answers none of them for a while. Try again later."),
    503: ("Not now", "A part that is needed gives no answer. Nothing was lost: try again in a moment."),
    504: ("Not now", "A part that is needed gave no answer in time. Try again in a moment: to say it twice does no harm."),
}
"""Title and advice by status."""

FAULT = ("That failed", "It is a fault of ours. Nothing is wrong with your link: try again later.")


def leaving(token: str) -> Page:
    """Asks whether somebody wants no more mails."""
    return Page(
        "Do you want no more of these mails?",
        ("Press a button to say so. If you came here by mistake, close this page: nothing has changed.",),
        (Button("No more mails of this kind"), Button("No mails from this sender at all", KINDS, ALL)),
        {"token": token},
    )


def left(kind: str, sender: str, *, all_kinds: bool) -> Page:
    """Says what somebody gets no more."""
    which = "" if all_kinds else f" {OF_KIND.get(kind, 'of this kind')}"
    whose = f" from {sender}" if sender else " from this sender"
    return Page("Done", (f"You get no more mails{which}{whose}. One that is on its way may still come.",))


def asking(account_id: str, token: str) -> Page:
    """Asks whether somebody wants a topic's messages."""
    return Page(
        "Do you want these messages?",
        ("Somebody has asked for messages to be sent to your address. If you don't want them, close this page: none will come.",),
        (Button("Yes, send them to me"),),
        {"account": account_id, "token": token},
    )


def subscribed(topic: str) -> Page:
    """Says what somebody gets from now on."""
    return Page("Done", (f"Messages of “{topic}” come to your address from now on. Each has a link by which they end.",))


def failed(status: int, request_id: str) -> Page:
    """Says why nothing has come of it, and what to do."""
    title, advice = FAILED.get(status, FAULT)
    return Page(title, (advice, f"Whoever runs this installation finds the request as {request_id}."))
