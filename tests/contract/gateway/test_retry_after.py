"""`Retry-After` stands where waiting alone may help, and the body says the same."""

import httpx
import pytest
from contract.gateway.served import CODE_ID, Api

from quietzone_gateway.rest.problems import KEY_UNDER_WAY, Problem, Refused, overloaded, problem_of
from quietzone_kit.errors import ERRORS, InvalidInput, QuietzoneError, ResourceExhausted, Unavailable


def said(answer: httpx.Response) -> tuple[str | None, int | None]:
    """What header and body say."""
    return answer.headers.get("retry-after"), answer.json().get("retryAfter")


@pytest.mark.parametrize("kind", [kind for kind in ERRORS if kind not in (InvalidInput, Unavailable)])
async def test_what_waiting_does_not_change_has_no_time_to_wait(api: Api, kind: type[QuietzoneError]) -> None:
    api.services.fail("GetCode", kind("the reason"))

    assert said(await api.send("GET", f"/v1/codes/{CODE_ID}")) == (None, None)


async def test_header_and_body_of_what_is_away_agree(api: Api) -> None:
    api.services.fail("GetCode", Unavailable("away"))

    assert said(await api.send("GET", f"/v1/codes/{CODE_ID}")) == ("2", 2)


@pytest.mark.parametrize(
    ("problem", "seconds"),
    [
        (problem_of(ResourceExhausted("too often", retry_after_s=12)), 12),
        (problem_of(Refused(KEY_UNDER_WAY, "the first has no answer yet", retry_after_s=2)), 2),
        (overloaded(), 1),
    ],
)
def test_what_waiting_changes_says_how_long_in_header_and_body(problem: Problem, seconds: int) -> None:
    answer = problem.response(instance="/", request_id="")

    assert (answer.headers["retry-after"], f'"retryAfter": {seconds}' in bytes(answer.body).decode()) == (str(seconds), True)
