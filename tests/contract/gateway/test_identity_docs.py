"""docs/identity.md: its conversations are had, one after the other; its tables and numbers are those of the code."""

import asyncio
import json
import re
from pathlib import Path

import pyotp
from contract.gateway.conversations import Conversation, blocks, missing, page, section, table
from contract.gateway.served import IDENTITY, NOON_MS, Api
from contract.gateway.test_auth import mailed
from unit.gateway.identity.desk import Outbox

from quietzone_gateway.identity import attempts
from quietzone_gateway.identity.accounts.domain import DEFAULT_PLAN, MAX_ACCOUNTS, MAX_INVITATIONS, MAX_MEMBERS
from quietzone_gateway.identity.authorisers import ask, known
from quietzone_gateway.identity.authorisers import domain as authorisers
from quietzone_gateway.identity.domain import ALL_SCOPES, OPERATOR, SCOPES_OF, UNVERIFIED_LACK, Role
from quietzone_gateway.identity.keys import domain as keys
from quietzone_gateway.identity.keys.use_cases import REMOVED_MS
from quietzone_gateway.identity.mails.carriers import Direct
from quietzone_gateway.identity.sessions import domain as sessions
from quietzone_gateway.identity.sessions import signing
from quietzone_gateway.identity.settings import IdentitySettings
from quietzone_gateway.identity.users import domain as users
from quietzone_gateway.identity.work import Tools, build_work
from quietzone_gateway.rest.auth import JWKS_S
from quietzone_gateway.rest.keys import RotationInput
from quietzone_kit.bus import open_bus
from quietzone_kit.lifecycle import App
from quietzone_kit.runtime import SystemClock, SystemRandomness, ThreadExecutor
from quietzone_kit.settings import variable

PAGE = page("identity.md")
SETTINGS = IdentitySettings()
MINUTE_MS, DAY_MS = 60_000, 86_400_000


async def log_kept(api: Api, folder: Path, owner: str) -> None:
    """Run the work behind the API until the log of who shows this token has the newest entry that the page shows."""
    executor, clock, randomness = ThreadExecutor("bus", 2), SystemClock(), SystemRandomness()
    bus = open_bus(f"sqlite:///{folder}/bus.db", clock=clock, executor=executor, randomness=randomness)
    app = App(drain_s=1)
    build_work(Tools(api.documents, bus, Direct(Outbox()), clock, randomness), IDENTITY).run(app)
    serving = asyncio.ensure_future(app.serve())
    async with asyncio.timeout(20):
        while not (await api.send("GET", "/v1/audit?action=key.rotated", authorization=f"Bearer {owner}")).json()["items"]:
            await asyncio.sleep(0.02)
    app.stop()
    await serving
    await bus.close()
    executor.close()


async def test_the_conversations_on_the_page_are_what_is_said(api: Api, tmp_path: Path) -> None:
    async def mail(_said: re.Match[str]) -> str:
        return await mailed(api)

    async def shown(_said: re.Match[str]) -> str:
        return pyotp.TOTP(talk.known["secret"]).at(NOON_MS // 1000)

    async def second(_said: re.Match[str]) -> str:
        await log_kept(api, tmp_path, talk.known["owner"])
        return ""

    async def again(_said: re.Match[str]) -> str:
        wrong = {"email": "nobody@example.com", "password": "Wrong-horse-1"}
        answers = [await api.http.post("/v1/auth/sign-in", json=wrong) for _ in range(IDENTITY.sign_in_failures - 1)]
        assert {answer.status_code for answer in answers} == {401}
        return ""

    talk = Conversation(
        api.http,
        {
            r"a mail comes: …/\w+#token=\$\w+": mail,
            r"the app shows \$code for \$secret": shown,
            "a second passes": second,
            "the same four times more": again,
        },
    )

    for block in blocks(PAGE, "http"):
        await talk.take(block)


def test_the_scopes_on_the_page_are_those_of_the_roles() -> None:
    told = {
        row[0]: {role for role, cell in zip(reversed(Role), row[2:], strict=True) if cell == "yes"}
        for row in table(PAGE.partition("## Scopes")[2])
    }

    assert told == {scope: {role for role in Role if scope in SCOPES_OF[role]} for scope in ALL_SCOPES | {OPERATOR}}


def test_the_question_to_an_authoriser_is_the_one_on_the_page() -> None:
    question = ask.Question(token="t", method="GET", path="/", source_ip="", request_id="")  # noqa: S106 - nobody's

    assert json.loads(blocks(PAGE, "json")[0]).keys() == json.loads(question.body()).keys()


def test_the_policy_on_the_page_is_one() -> None:
    policy = authorisers.policy_of(json.loads(blocks(PAGE, "json")[1]))

    assert (policy.principal_id, policy.scopes, policy.ttl_s) == ("user-4711", {"codes:read"}, 60)


def test_the_numbers_of_people_are_those_of_the_code() -> None:
    told = [
        *(f"`{variable(name)}`" for name in ("gateway_secret_key", "sign_up", "mail_url", "public_url")),
        f"`{SETTINGS.sign_up}` (who was invited, the default)",
        f"on the plan `{DEFAULT_PLAN}`",
        f"{users.MIN_PASSWORD} characters with an upper-case letter and a digit, or {users.MIN_PLAIN_PASSWORD} of any kind",
        f"{users.MAX_PASSWORD_BYTES:,} bytes at most",
        f"({SETTINGS.argon2_memory_kib:,} KiB, {SETTINGS.argon2_rounds} rounds, {SETTINGS.argon2_lanes} lane)",
        f"| link that verifies an address | {SETTINGS.verification_hours} hours (`{variable('verification_hours')}`)",
        f"| {SETTINGS.reset_minutes} minutes (`{variable('reset_minutes')}`); ends all sessions |",
        f"| links of a kind that work at once | {users.MAX_LINKS} |",
        f"| accounts of a person | {MAX_ACCOUNTS} |",
    ]

    assert missing(told, section(PAGE, "People")) == []


def test_the_numbers_of_sessions_are_those_of_the_code() -> None:
    told = [
        f"good for {SETTINGS.access_token_s // 60} minutes (`{variable('access_token_s')}`)",
        f"to be kept for {JWKS_S} s",
        f"each signs for {SETTINGS.token_key_days} days (`{variable('token_key_days')}`)",
        f"is published {signing.AHEAD_MS // MINUTE_MS} minutes before",
        f"ends after {SETTINGS.cookie_hours} hours (`{variable('cookie_hours')}`)",
        f"ends {SETTINGS.session_days} days after signing in (`{variable('session_days')}`)",
        f"For {SETTINGS.refresh_leeway_s} s (`{variable('refresh_leeway_s')}`) a token brings again",
        f"A person has {sessions.MAX_SESSIONS} sessions at most",
    ]

    assert missing(told, section(PAGE, "Sessions")) == []


def test_the_numbers_of_second_factors_are_those_of_the_code() -> None:
    told = [f"and {users.RECOVERY_CODES} recovery codes", f"good for its {users.STEP_S} seconds and one step"]

    assert missing(told, section(PAGE, "Second factor")) == []
    assert users.DRIFT == 1


def test_the_numbers_of_another_address_are_those_of_the_code() -> None:
    told = [f"A person may ask {attempts.MOST} times in {SETTINGS.sign_in_window_s // 60} minutes"]

    assert missing(told, section(PAGE, "Another address")) == []


def test_the_numbers_of_members_and_keys_are_those_of_the_code() -> None:
    grace_s = RotationInput.model_fields["grace_s"].default
    told = [
        f"accepted for {SETTINGS.invitation_days} days (`{variable('invitation_days')}`)",
        f"has {MAX_MEMBERS} members and {MAX_INVITATIONS} invitations",
        f"| secret | {keys.KEY_BYTES * 8} random bits, shown once, kept as SHA-256; its first {keys.SHOWN_CHARACTERS} characters",
        f"| `networks` | {keys.MAX_NETWORKS} in CIDR notation",
        f"a day unless said, {keys.MAX_GRACE_S // 86_400} days at most",
        f"| keys of an account | {keys.MAX_KEYS}, with revoked ones, which are shown for {REMOVED_MS // DAY_MS} days |",
    ]

    assert missing(told, section(PAGE, "Members") + section(PAGE, "API keys")) == []
    assert (grace_s, keys.USED_EVERY_MS) == (86_400, 60_000)


def test_the_numbers_of_authorisers_are_those_of_the_code() -> None:
    ports = sorted(authorisers.PORTS)
    told = [
        f"({known.MAX_TOKEN:,} characters at most)",
        f"within {ask.TOTAL_S:.0f} s",
        f"({authorisers.DEFAULT_TTL_S} s unless said, {authorisers.MAX_TTL_S:,} at most), a refusal for {known.REFUSED_S} s",
        f"https on port {ports[0]} or {ports[1]}",
        f"A policy has {authorisers.MAX_STATEMENTS}\nstatements and {ask.MAX_ANSWER_BYTES // 1024} KiB at most",
        f"{known.MOST_OF_ONE} may wait for it at once",
    ]

    assert missing(told, section(PAGE, "Your own authoriser")) == []


def test_the_numbers_of_guessing_are_those_of_the_code() -> None:
    told = [
        f"in {SETTINGS.sign_in_window_s // 60} minutes (`{variable('sign_in_window_s')}`)",
        f"| an e-mail address from a network | {SETTINGS.sign_in_failures} (`{variable('sign_in_failures')}`)",
        f"| a network | {SETTINGS.sign_in_failures_of_network} (`{variable('sign_in_failures_of_network')}`)",
        f"| an e-mail address from all networks | {SETTINGS.sign_in_failures_of_address} (`{variable('sign_in_failures_of_address')}`)",
        f"| a person's second factor | {attempts.MOST} |",
    ]

    assert missing(told, section(PAGE, "Guessing")) == []


def test_what_somebody_lacks_whose_address_is_not_verified_is_on_the_page() -> None:
    lacked = sorted(f"`{scope}`" for scope in UNVERIFIED_LACK)

    assert f"lacks {', '.join(lacked[:-1])} and {lacked[-1]}." in PAGE
