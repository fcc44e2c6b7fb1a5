"""The pages that mails lead to, as browsers, mail programs and whoever means harm ask for them."""

import re
from collections.abc import AsyncIterator
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import pytest
from contract.access.services import CLOCK, NOTIFICATION_COLLECTIONS, RANDOMNESS, SEAL, serve_notification
from contract.gateway.served import Api, Servicers, running

from quietzone.notification.v1 import mail_pb2, topic_pb2
from quietzone_gateway.mail_pages import texts
from quietzone_kit.documents import open_documents
from quietzone_kit.errors import DeadlineExceeded, FailedPrecondition, NotFound, PermissionDenied, Unavailable
from quietzone_kit.runtime import ThreadExecutor
from quietzone_notification.delivery.deliveries.repository import Deliveries
from quietzone_notification.mail.kinds import OPTIONAL
from quietzone_notification.mail.tokens import MAX_TOKEN, Tokens, Way

TOKEN = "1.abcd.Zm9v_-=="  # noqa: S105 - opens nothing
LEAVE = f"/unsubscribe?token={TOKEN}"
CONFIRM = "/subscriptions/confirm?account=first&token=s1.Zm9v"
PAGES = [("GET", LEAVE), ("POST", LEAVE), ("GET", CONFIRM), ("POST", CONFIRM)]
LEFT = mail_pb2.MailServiceUnsubscribeResponse(kind="created", from_name="North & Sons")
FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture(autouse=True)
def answers(api: Api) -> None:
    api.services.answer("Unsubscribe", LEFT)
    confirmed = topic_pb2.Subscription(id="s1", topic="orders", kind=2, filter_scope=1, state=topic_pb2.SUBSCRIPTION_STATE_CONFIRMED)
    api.services.answer("ConfirmSubscription", topic_pb2.ConfirmSubscriptionResponse(subscription=confirmed))


class Read(HTMLParser):
    """A page as a reader for people who don't see meets it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


async def ask(api: Api, method: str, path: str, **more: Any) -> httpx.Response:
    """A request of somebody without an account."""
    return await api.http.request(method, path, **more)


def is_page(answer: httpx.Response) -> bool:
    headers = answer.headers
    return (headers["content-type"], headers["x-robots-tag"], headers["cache-control"], headers["referrer-policy"]) == (
        "text/html; charset=utf-8",
        "noindex, nofollow",
        "no-store",
        "no-referrer",
    ) and "form-action 'self'" in headers["content-security-policy"]


# Asking


@pytest.mark.parametrize(("method", "path"), [("GET", LEAVE), ("HEAD", LEAVE), ("GET", CONFIRM), ("HEAD", CONFIRM)])
async def test_who_follows_a_link_changes_nothing(api: Api, method: str, path: str) -> None:
    answer = await ask(api, method, path)

    assert (answer.status_code, api.services.asked) == (200, [])


@pytest.mark.parametrize("path", [LEAVE, CONFIRM])
async def test_what_a_page_asks_is_said_by_its_own_form(api: Api, path: str) -> None:
    (form,) = Read((await ask(api, "GET", path)).text).named("form")

    assert form["method"] == "post"
    said = await ask(api, "POST", f"{path.partition('?')[0]}{form['action']}")
    assert said.status_code == 200
    assert len(api.services.asked) == 1


# Doing


async def test_a_press_of_the_button_leaves_the_mails_of_a_kind(api: Api) -> None:
    answer = await ask(api, "POST", LEAVE, headers=FORM)

    assert api.services.asked == [mail_pb2.MailServiceUnsubscribeRequest(token=TOKEN)]
    assert "no more mails about new codes from North &amp; Sons" in answer.text


async def test_a_press_of_the_other_button_leaves_all_mails(api: Api) -> None:
    answer = await ask(api, "POST", LEAVE, content="kinds=all", headers=FORM)

    assert api.services.asked == [mail_pb2.MailServiceUnsubscribeRequest(token=TOKEN, all_kinds=True)]
    assert "no more mails from North &amp; Sons" in answer.text


@pytest.mark.parametrize(
    "sent",
    [
        {"content": "List-Unsubscribe=One-Click", "headers": FORM},
        {"files": {"List-Unsubscribe": (None, "One-Click")}},
        {"content": b""},
        {"content": b"\xff\x00&&;=%zz", "headers": FORM},
        {"content": "&".join(f"kinds{n}=all" for n in range(99)), "headers": FORM},
    ],
)
async def test_one_click_in_a_mail_program_leaves_the_mails_of_a_kind_at_once(api: Api, sent: dict[str, Any]) -> None:
    answer = await ask(api, "POST", LEAVE, **sent)

    assert (answer.status_code, api.services.asked) == (200, [mail_pb2.MailServiceUnsubscribeRequest(token=TOKEN)])


async def test_a_word_about_mails_is_no_account_s(api: Api) -> None:
    await ask(api, "POST", LEAVE)

    assert api.services.accounts == [""]


async def test_who_confirms_gets_the_messages_of_that_account_s_topic(api: Api) -> None:
    answer = await ask(api, "POST", CONFIRM)

    (asked,) = api.services.asked
    assert (asked.DESCRIPTOR.name, asked.token, api.services.accounts) == ("ConfirmSubscriptionRequest", "s1.Zm9v", ["first"])
    assert "“orders”" in answer.text


@pytest.mark.parametrize("kind", [*OPTIONAL, "of-a-newer-release"])
async def test_each_kind_of_mail_is_said_in_words(api: Api, kind: str) -> None:
    api.services.answer("Unsubscribe", mail_pb2.MailServiceUnsubscribeResponse(kind=kind))

    said = (await ask(api, "POST", LEAVE)).text

    assert texts.OF_KIND.get(kind, "of this kind") + " from this sender" in said
    assert (kind in texts.OF_KIND) == (kind in OPTIONAL)


# What pages are


@pytest.mark.parametrize(("method", "path"), PAGES)
async def test_a_page_loads_and_runs_nothing_and_is_found_by_nobody(api: Api, method: str, path: str) -> None:
    answer = await ask(api, method, path)

    assert is_page(answer)
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")
    read = Read(answer.text)
    assert not {"script", "img", "link", "iframe", "object"} & {tag for tag, _ in read.tags}
    assert not [attributes for _, attributes in read.tags if {"src", "style", "onclick", "onload"} & attributes.keys()]


@pytest.mark.parametrize(("method", "path"), PAGES)
async def test_a_page_can_be_read_aloud(api: Api, method: str, path: str) -> None:
    read = Read((await ask(api, method, path)).text)

    assert [attributes["lang"] for attributes in read.named("html")] == ["en"]
    assert [len(read.named(tag)) for tag in ("title", "main", "h1")] == [1, 1, 1]
    assert all(button["type"] == "submit" for button in read.named("button"))


async def test_pages_are_no_part_of_the_api_s_description(api: Api) -> None:
    described = (await ask(api, "GET", "/openapi.json")).json()["paths"]

    assert [path for path in described if "unsubscribe" in path or path == "/subscriptions/confirm"] == []


# Hostile


HOSTILE = [
    "",
    "\0",
    "a\0b",
    '"><script>alert(1)</script>',
    "' onmouseover='alert(1)",
    "javascript:alert(1)",
    "a\r\nSet-Cookie: x=1",
    "\N{RIGHT-TO-LEFT OVERRIDE}nekot",
    "é" * 10,
    "../../v1/keys",
    "a" * 901,
    "a" * 8_000,
]


@pytest.mark.parametrize("token", HOSTILE)
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("path", ["/unsubscribe?token=", "/subscriptions/confirm?account=first&token="])
async def test_a_hostile_token_is_shown_to_nobody(api: Api, method: str, path: str, token: str) -> None:
    answer = await ask(api, method, path + quote(token, safe=""))

    assert (answer.status_code, api.services.asked) == (400, [])
    assert is_page(answer)
    assert "alert" not in answer.text
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("account", ["", "\0", '"><script>alert(1)</script> ', "a" * 129, "a b", "é"])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_hostile_account_is_asked_for_by_nobody(api: Api, method: str, account: str) -> None:
    answer = await ask(api, method, "/subscriptions/confirm?" + urlencode({"account": account, "token": "t"}))

    assert (answer.status_code, api.services.asked) == (400, [])
    assert "<script" not in answer.text


async def test_markup_in_an_account_that_may_be_is_shown_as_it_is(api: Api) -> None:
    account = "\"'><script>alert(1)</script>&amp;"

    read = Read((await ask(api, "GET", "/subscriptions/confirm?" + urlencode({"account": account, "token": "t"}))).text)

    assert read.named("script") == []
    assert [form["action"] for form in read.named("form")] == ["?" + urlencode({"account": account, "token": "t"})]


async def test_markup_in_a_sender_s_name_is_shown_as_it_is(api: Api) -> None:
    api.services.answer("Unsubscribe", mail_pb2.MailServiceUnsubscribeResponse(kind="created", from_name="<img src=x onerror=alert(1)>"))

    assert Read((await ask(api, "POST", LEAVE)).text).named("img") == []


@pytest.mark.parametrize(("method", "path"), PAGES)
async def test_of_two_tokens_none_is_taken(api: Api, method: str, path: str) -> None:
    answer = await ask(api, method, f"{path}&token=other")

    assert (answer.status_code, is_page(answer), api.services.asked) == (400, True, [])


@pytest.mark.parametrize(("method", "path"), PAGES)
async def test_what_mail_programs_add_to_a_link_is_ignored(api: Api, method: str, path: str) -> None:
    assert (await ask(api, method, f"{path}&utm_source=mail")).status_code == 200


async def test_a_body_beyond_all_measure_is_refused(api: Api) -> None:
    answer = await ask(api, "POST", LEAVE, content=b"a" * 70_000, headers=FORM)

    assert (answer.status_code, api.services.asked) == (413, [])


# Failing


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NotFound("no such token: use the whole link of the mail"), 404),
        (FailedPrecondition("this installation has no QUIETZONE_NOTIFICATION_SECRET_KEY"), 422),
        (Unavailable("notification is away at 10.0.0.7"), 503),
        (DeadlineExceeded("5.1 s have passed"), 504),
        (PermissionDenied("scope"), 403),
        (RuntimeError("a bug"), 500),
    ],
)
@pytest.mark.parametrize(("method", "path"), [("Unsubscribe", LEAVE), ("ConfirmSubscription", CONFIRM)])
async def test_what_fails_is_said_to_people_and_tells_nothing_of_our_inside(
    api: Api, method: str, path: str, error: Exception, status: int
) -> None:
    api.services.fail(method, error)

    answer = await ask(api, "POST", path, headers={"x-request-id": "r-17"})

    assert (answer.status_code, is_page(answer)) == (status, True)
    assert str(error) not in answer.text
    assert "r-17" in answer.text


async def test_who_comes_while_a_part_is_away_is_told_when_to_come_again(api: Api) -> None:
    api.services.fail("Unsubscribe", Unavailable("away"))

    assert "retry-after" in (await ask(api, "POST", LEAVE)).headers


@pytest.mark.parametrize("few_strangers", [3], indirect=True)
@pytest.mark.parametrize(("method", "path"), [("GET", LEAVE), ("GET", CONFIRM), ("POST", CONFIRM)])
async def test_a_flood_from_one_address_ends_with_a_page(few_strangers: Api, method: str, path: str) -> None:
    few_strangers.services.fail("ConfirmSubscription", NotFound("no"))
    flooded = [await ask(few_strangers, method, path, headers={"x-forwarded-for": "203.0.113.9"}) for _ in range(4)]
    elsewhere = await ask(few_strangers, method, path, headers={"x-forwarded-for": "198.51.100.9"})

    assert [answer.status_code == 429 for answer in flooded] == [False, False, False, True]
    assert (is_page(flooded[3]), "retry-after" in flooded[3].headers) == (True, True)
    assert elsewhere.status_code != 429


@pytest.mark.parametrize("few_strangers", [3], indirect=True)
async def test_trying_tokens_ends_at_the_address_s_limit_and_good_ones_go_on(few_strangers: Api) -> None:
    few_strangers.services.fail("Unsubscribe", NotFound("no"))
    tried = [(await ask(few_strangers, "POST", LEAVE)).status_code for _ in range(4)]
    few_strangers.services.answer("Unsubscribe", LEFT)

    assert tried == [404, 404, 404, 429]
    assert (await ask(few_strangers, "POST", LEAVE)).status_code == 200


# Over notification itself


@pytest.fixture
async def real(tmp_path: Path) -> AsyncIterator[Api]:
    executor = ThreadExecutor("notification", 2)
    documents = open_documents("sqlite://:memory:", executor=executor, randomness=RANDOMNESS)
    await documents.ensure(*NOTIFICATION_COLLECTIONS)
    notification = partial(serve_notification, documents=documents, sent=Deliveries(documents, CLOCK))
    (tmp_path / "real").mkdir()
    async with running(tmp_path / "real", Servicers(notification=notification)) as api:
        yield api
    await documents.close()
    executor.close()


async def test_a_token_of_a_mail_opens_the_page_and_is_taken_there(real: Api) -> None:
    longest = Way("a" * 36, "a" * 64 + "@" + ".".join(["b" * 60] * 3), "weekly-summary")
    token = Tokens(SEAL).make(longest)
    assert len(token) <= MAX_TOKEN

    asked = await ask(real, "GET", f"/unsubscribe?token={quote(token, safe='')}")
    done = [await ask(real, "POST", f"/unsubscribe?token={quote(token, safe='')}") for _ in range(2)]

    assert [answer.status_code for answer in (asked, *done)] == [200, 200, 200]
    assert "with a summary of the week" in done[0].text


async def test_a_token_that_nobody_made_is_not_known(real: Api) -> None:
    assert (await ask(real, "POST", LEAVE)).status_code == 404
    assert (await ask(real, "POST", CONFIRM)).status_code == 404


async def test_the_link_of_a_confirmation_s_mail_confirms(real: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    links: list[str] = []
    enqueue = Deliveries.enqueue

    async def seen(self: Deliveries, deliveries: Any) -> None:
        links.extend(found for each in deliveries for found in re.findall(r"http://127.0.0.1:1(\?\S+)", each.body.decode()))
        await enqueue(self, deliveries)

    monkeypatch.setattr(Deliveries, "enqueue", seen)
    await real.send("PUT", "/v1/topics/orders", {})
    await real.send("POST", "/v1/topics/orders/subscriptions", {"kind": "mail", "destination": "eve@example.com"})

    answer = await ask(real, "POST", f"/subscriptions/confirm{links[0]}")

    listed = (await real.send("GET", "/v1/topics/orders/subscriptions")).json()["items"]
    assert (answer.status_code, [each["state"] for each in listed]) == (200, ["confirmed"])
