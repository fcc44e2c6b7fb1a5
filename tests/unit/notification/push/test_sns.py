"""Pushing by SNS, against botocore's own Stubber: it holds requests and answers to SNS's model, and no server is asked."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ConnectTimeoutError, NoCredentialsError
from botocore.stub import Stubber
from ports import Inline
from unit.notification.push.world import token

from quietzone_kit.errors import Unavailable
from quietzone_notification.push.messages import Push
from quietzone_notification.push.ports import Outcome, Pushed
from quietzone_notification.push.sns import InvalidApplication, SnsPusher, platform_of, region_of

APNS = "arn:aws:sns:eu-central-1:123456789012:app/APNS/shop"
SANDBOX = "arn:aws:sns:eu-central-1:123456789012:app/APNS_SANDBOX/shop"
GCM = "arn:aws:sns:eu-central-1:123456789012:app/GCM/shop"
ARN = "arn:aws:sns:eu-central-1:123456789012:endpoint/APNS/shop/1"
ALERT = {"AWS.SNS.MOBILE.APNS.PUSH_TYPE": {"DataType": "String", "StringValue": "alert"}}
APS = {"aps": {"alert": "Paid", "badge": 1}}


class Sns:
    """A client that answers as it is told, in order, and takes no other request."""

    def __init__(self) -> None:
        self.client: Any = boto3.client("sns", region_name="eu-central-1", aws_access_key_id="a", aws_secret_access_key="b")  # noqa: S106 - nobody is asked
        self.stub = Stubber(self.client)
        self.stub.activate()

    def enrols(self, application: str = APNS, arn: str = ARN) -> None:
        self.stub.add_response("create_platform_endpoint", {"EndpointArn": arn}, {"PlatformApplicationArn": application, "Token": token(1)})
        self.enables(arn)

    def enables(self, arn: str = ARN) -> None:
        self.stub.add_response("set_endpoint_attributes", {}, {"EndpointArn": arn, "Attributes": {"Enabled": "true", "Token": token(1)}})

    def takes(self, texts: dict[str, str], arn: str = ARN, **more: object) -> None:
        expected = {"TargetArn": arn, "MessageStructure": "json", "Message": json.dumps(texts, separators=(",", ":")), **more}
        self.stub.add_response("publish", {"MessageId": "m1"}, expected)

    def fails(self, method: str, code: str, message: str = "No.", status: int = 400) -> None:
        self.stub.add_client_error(method, code, message, status)

    async def push(self, ref: str = "", message: Push | None = None, application: str = APNS) -> Pushed:
        pusher = SnsPusher(application, Inline(), connect=lambda: self.client)
        return await pusher.push(token(1), ref, message or Push("Paid"))


@pytest.fixture
def sns() -> Iterator[Sns]:
    made = Sns()
    yield made
    made.stub.assert_no_pending_responses()


async def test_a_device_is_made_known_enabled_and_published_to(sns: Sns) -> None:
    sns.enrols()
    sns.takes({"default": "Paid"}, MessageAttributes=ALERT)

    pushed = await sns.push()

    assert (pushed.outcome, pushed.ref, pushed.answer) == (Outcome.SENT, ARN, "m1")


async def test_one_that_is_known_is_published_to_at_once(sns: Sns) -> None:
    sns.takes({"default": "Paid"}, MessageAttributes=ALERT)

    assert (await sns.push(ARN)).outcome is Outcome.SENT


@pytest.mark.parametrize(("application", "name"), [(APNS, "APNS"), (SANDBOX, "APNS_SANDBOX")])
async def test_apns_gets_its_own_payload_under_the_name_of_its_application(sns: Sns, application: str, name: str) -> None:
    sns.takes({"default": "Paid", name: json.dumps(APS, separators=(",", ":"))}, MessageAttributes=ALERT)

    await sns.push(ARN, Push("Paid", apns=APS, fcm={"data": {"n": "1"}}), application)


async def test_fcm_gets_its_own_payload_as_sns_wants_it(sns: Sns) -> None:
    wrapped = '{"fcmV1Message":{"message":{"data":{"n":"1"}}}}'
    sns.takes({"default": "Paid", "GCM": wrapped})

    await sns.push(ARN, Push("Paid", apns=APS, fcm={"data": {"n": "1"}}), GCM)


async def test_a_push_that_nobody_sees_says_so(sns: Sns) -> None:
    silent = {"AWS.SNS.MOBILE.APNS.PUSH_TYPE": {"DataType": "String", "StringValue": "background"}}
    sns.takes({"default": "x", "APNS": '{"aps":{"content-available":1}}'}, MessageAttributes=silent)

    await sns.push(ARN, Push("x", apns={"aps": {"content-available": 1}}))


async def test_a_token_that_is_there_with_other_attributes_is_taken_up(sns: Sns) -> None:
    said = f"Invalid parameter: Token Reason: Endpoint {ARN} already exists with the same Token, but different attributes."
    sns.fails("create_platform_endpoint", "InvalidParameter", said)
    sns.enables()
    sns.takes({"default": "Paid"}, MessageAttributes=ALERT)

    assert (await sns.push()).ref == ARN


async def test_a_device_that_somebody_removed_there_is_made_known_again(sns: Sns) -> None:
    sns.fails("publish", "NotFound", "No endpoint found for the target arn specified", 404)
    sns.enrols(arn=f"{ARN}2")
    sns.takes({"default": "Paid"}, f"{ARN}2", MessageAttributes=ALERT)

    assert (await sns.push(ARN)).ref == f"{ARN}2"


async def test_a_device_that_is_disabled_there_is_gone(sns: Sns) -> None:
    sns.fails("publish", "EndpointDisabled", "Endpoint is disabled")
    sns.stub.add_response("delete_endpoint", {}, {"EndpointArn": ARN})

    pushed = await sns.push(ARN)

    assert (pushed.outcome, pushed.error) == (Outcome.GONE, "EndpointDisabled: Endpoint is disabled")


async def test_it_is_gone_whether_it_could_be_removed_there_or_not(sns: Sns) -> None:
    sns.fails("publish", "EndpointDisabled")
    sns.fails("delete_endpoint", "InternalError", status=500)

    assert (await sns.push(ARN)).outcome is Outcome.GONE


@pytest.mark.parametrize(
    ("code", "status", "outcome", "pause_ms"),
    [
        ("Throttled", 429, Outcome.FAILED, 5_000),
        ("ThrottlingException", 400, Outcome.FAILED, 5_000),
        ("InternalError", 500, Outcome.FAILED, 0),
        ("InvalidParameter", 400, Outcome.REFUSED, 0),
        ("ParameterValueInvalid", 400, Outcome.REFUSED, 0),
    ],
)
async def test_what_sns_says_is_understood(sns: Sns, code: str, status: int, outcome: Outcome, pause_ms: int) -> None:
    sns.fails("publish", code, status=status)

    pushed = await sns.push(ARN)

    assert (pushed.outcome, pushed.pause_ms, pushed.status) == (outcome, pause_ms, status)


async def test_a_token_that_sns_does_not_take_is_refused(sns: Sns) -> None:
    sns.fails("create_platform_endpoint", "InvalidParameter", "Invalid parameter: Token")

    assert (await sns.push()).outcome is Outcome.REFUSED


@pytest.mark.parametrize(
    ("code", "status"),
    [("PlatformApplicationDisabled", 400), ("AuthorizationError", 403), ("InvalidClientTokenId", 403), ("ExpiredTokenException", 400)],
)
async def test_what_an_operator_must_mend_uses_nothing_up(sns: Sns, code: str, status: int) -> None:
    sns.fails("publish", code, status=status)

    with pytest.raises(Unavailable, match="SNS refuses arn:aws:sns"):
        await sns.push(ARN)


async def test_an_application_that_is_gone_is_for_the_operator_to_mend(sns: Sns) -> None:
    sns.fails("create_platform_endpoint", "NotFound", "PlatformApplication does not exist", 404)

    with pytest.raises(Unavailable, match="PlatformApplication does not exist"):
        await sns.push()


class Failing:
    """A client whose calls don't come through."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def publish(self, **_: object) -> None:
        raise self._error


async def pushed_by(error: Exception) -> Pushed:
    return await SnsPusher(APNS, Inline(), connect=lambda: Failing(error)).push(token(1), ARN, Push("Paid"))


async def test_no_answer_has_failed() -> None:
    pushed = await pushed_by(ConnectTimeoutError(endpoint_url="https://sns.eu-central-1.amazonaws.com"))

    assert (pushed.outcome, pushed.status) == (Outcome.FAILED, None)


async def test_without_credentials_nothing_is_used_up() -> None:
    with pytest.raises(Unavailable, match="SNS can't be asked"):
        await pushed_by(NoCredentialsError())


def test_an_application_says_where_it_is_and_whose() -> None:
    assert (region_of(SANDBOX), platform_of(SANDBOX)) == ("eu-central-1", "APNS_SANDBOX")


@pytest.mark.parametrize("arn", ["", "arn:aws:sns:eu-central-1:123456789012:topic", "app/APNS/shop", f"{APNS} "])
def test_what_is_no_application_is_refused_with_what_one_looks_like(arn: str) -> None:
    with pytest.raises(InvalidApplication, match="arn:aws:sns:eu-central-1:123456789012:app/APNS/shop"):
        platform_of(arn)
