"""`/unsubscribe` and `/subscriptions/confirm`.

GET asks and POST does: programs that look at links for viruses follow them. One click in a mail program is a POST too (RFC 8058), without
a question before it. A token is all that anybody shows, so that there is no session that a page of somebody else could use.
"""

import re
from collections.abc import Callable, Coroutine, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from starlette.responses import Response

from quietzone_gateway.mail_pages.html import POLICY, Page
from quietzone_gateway.mail_pages.texts import ALL, KINDS, asking, failed, leaving, left, subscribed
from quietzone_gateway.rest.problems import internal, problem_of
from quietzone_gateway.rest.route import OpenRoute, RenewRoute, Services
from quietzone_kit.errors import FieldViolation, InvalidInput
from quietzone_kit.telemetry import logger

log = logger(__name__)

HEADERS = {
    "Content-Security-Policy": POLICY,
    "Content-Type": "text/html; charset=utf-8",
    "X-Robots-Tag": "noindex, nofollow",
    "Cache-Control": "no-store",
}

MAX_FIELDS = 8
"""Of a form; ours has one."""

_TOKEN = re.compile(r"[0-9A-Za-z._=-]{1,900}")
"""Of notification: an account's id, an address and a kind, sealed, become some 500 characters."""
_ACCOUNT = re.compile(r"[!-~]{1,128}")

Handle = Callable[[Request], Coroutine[Any, Any, Response]]


def _in_pages(handle: Handle, route: str) -> Handle:
    async def page(request: Request) -> Response:
        try:
            return await handle(request)
        except Exception as error:
            problem, request_id = problem_of(error), request.state.request_id
            if problem is None:
                log.exception("a page failed", request_id=request_id, route=route)
                problem = internal()
            return _answer(failed(problem.kind.status, request_id), problem.kind.status, problem.headers)

    return page


class PageRoute(OpenRoute):
    """An address that people open: each request counts for its network, and every answer is a page."""

    def get_route_handler(self) -> Handle:
        """The handler, with pages in the place of problems."""
        return _in_pages(super().get_route_handler(), self.path)


class WordRoute(RenewRoute):
    """An address where a mail's token is shown: what isn't good counts for its network. Mail programs' servers click for thousands of
    people from one address, and nobody can make a good token himself.
    """

    def get_route_handler(self) -> Handle:
        """The handler, with pages in the place of problems."""
        return _in_pages(super().get_route_handler(), self.path)


pages = APIRouter(route_class=PageRoute, include_in_schema=False)
words = APIRouter(route_class=WordRoute, include_in_schema=False)

ROUTERS = (pages, words)


@pages.get("/unsubscribe")
async def ask_to_leave(token: str = "") -> Response:
    """Ask whether somebody wants no more mails."""
    return _answer(leaving(_checked("token", token, _TOKEN)))


@words.post("/unsubscribe")
async def leave(request: Request, parts: Services, token: str = "") -> Response:
    """Take his word: of a form, or of a mail program's one click."""
    all_kinds = await _wants_none(request)
    done = await parts.notification.mails.leave(_checked("token", token, _TOKEN), all_kinds=all_kinds)
    return _answer(left(done.kind, done.from_name, all_kinds=all_kinds))


@pages.get("/subscriptions/confirm")
async def ask_to_confirm(account: str = "", token: str = "") -> Response:
    """Ask whether somebody wants a topic's messages."""
    return _answer(asking(_checked("account", account, _ACCOUNT), _checked("token", token, _TOKEN)))


@pages.post("/subscriptions/confirm")
async def confirm(parts: Services, account: str = "", token: str = "") -> Response:
    """Take his word."""
    of, shown = _checked("account", account, _ACCOUNT), _checked("token", token, _TOKEN)
    return _answer(subscribed((await parts.notification.topics.confirm(of, shown)).topic))


def _answer(page: Page, status: int = HTTPStatus.OK, headers: Mapping[str, str] | None = None) -> Response:
    return Response(page.html(), status, {**(headers or {}), **HEADERS})


def _checked(name: str, given: str, form: re.Pattern[str]) -> str:
    """What a link holds, as far as that can be seen here.

    Raises:
        InvalidInput: it isn't whole, or was never one of ours.
    """
    if not form.fullmatch(given):
        raise InvalidInput(FieldViolation(name, "not as the link in the mail has it"))
    return given


async def _wants_none(request: Request) -> bool:
    """Whether the form says that he wants no mails at all. One click says less, in whatever form it comes, and so does an empty body."""
    body = await request.body()
    try:
        fields = parse_qs(body.decode("latin-1"), max_num_fields=MAX_FIELDS)
    except ValueError:
        return False
    return fields.get(KINDS) == [ALL]
