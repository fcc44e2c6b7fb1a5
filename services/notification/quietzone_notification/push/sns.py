"""Pushing by SNS's platform applications, which carry to FCM and APNs. boto3 blocks, and runs on the executor."""

import contextlib
import re
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, TypeAlias

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnectionError

from quietzone_kit.errors import Unavailable
from quietzone_kit.runtime import Executor
from quietzone_notification.push.messages import OF_APNS, Payload, Push, compact
from quietzone_notification.push.ports import Outcome, Pushed

LIMITS = Config(connect_timeout=2, read_timeout=8, retries={"mode": "standard", "total_max_attempts": 2})
"""An attempt is over within 40 s: a name, a push, and each once more. What then failed comes again by the schedule of deliveries."""
PLACE = "push:sns"
"""Where an account reads that its pushes went: whose AWS account it is is the house's matter."""
TAKEN = 200
"""What SNS answers when it says nothing else."""
PAUSE_MS = 5_000
"""After SNS has throttled us: it doesn't say for how long, and its rates are by the second."""

_ARN = re.compile(r"arn:aws[a-z-]*:sns:(?P<region>[a-z0-9-]+):[0-9]{12}:app/(?P<platform>[A-Z_]+)/[0-9A-Za-z_.-]{1,256}")
_THERE = re.compile(r"Endpoint (arn:aws\S+) already exists with the same Token")
_THROTTLED = frozenset({"Throttled", "Throttling", "RequestLimitExceeded", "TooManyRequests"})
_GONE = frozenset({"EndpointDisabled"})
_ABSENT = frozenset({"NotFound"})
_OURS = frozenset({"PlatformApplicationDisabled", "InvalidSecurity", "ExpiredToken", "UnrecognizedClient", "AuthorizationError"})
"""Codes of SNS (https://docs.aws.amazon.com/sns/latest/api/API_Publish.html), without the `Exception` that some end with."""

Connect: TypeAlias = Callable[[], Any]
"""Makes the client, which takes 0.1 s."""


class InvalidApplication(ValueError):
    """Not an ARN of a platform application: says what one looks like."""


def region_of(arn: str) -> str:
    """Where a platform application is; raises InvalidApplication."""
    return _parts(arn)["region"]


def platform_of(arn: str) -> str:
    """What SNS calls its platform, such as APNS_SANDBOX; raises InvalidApplication."""
    return _parts(arn)["platform"]


class SnsPusher:
    """The port `Pusher` for one platform application. Credentials are those of the AWS tools: environment, file or role."""

    def __init__(self, application: str, executor: Executor, *, url: str = "", connect: Connect | None = None) -> None:
        self._application = application
        self._platform = platform_of(application)
        self._executor = executor
        self._connect = connect or partial(boto3.client, "sns", region_name=region_of(application), endpoint_url=url or None, config=LIMITS)
        self._made: Any = None
        self._lock = threading.Lock()

    async def push(self, token: str, ref: str, message: Push) -> Pushed:
        """See Pusher. SNS calls a device by an ARN (`ref`), which it gives for a token."""
        return await self._executor.run(partial(self._push, token, ref, message))

    def _push(self, token: str, ref: str, message: Push) -> Pushed:
        try:
            if ref:
                try:
                    return self._publish(ref, message)
                except ClientError as error:
                    if _code(error) not in _ABSENT:  # somebody has removed it there: the token may be as good as ever
                        raise
            return self._publish(self._enrolled(token), message)
        except ClientError as error:
            return self._refused(error)
        except (HTTPClientError, NoConnectionError) as error:  # no connection, or no answer in time
            return Pushed(Outcome.FAILED, PLACE, error=f"SNS didn't answer: {type(error).__name__}")
        except BotoCoreError as error:  # no credentials, and the like
            raise Unavailable(f"SNS can't be asked: {error}") from error

    def _publish(self, arn: str, message: Push) -> Pushed:
        try:
            answer = self._client().publish(
                TargetArn=arn, MessageStructure="json", Message=self._message(message), **self._attributes(message)
            )
        except ClientError as error:
            if _code(error) not in _GONE:
                raise
            with contextlib.suppress(ClientError, BotoCoreError):  # it costs nobody anything there
                self._client().delete_endpoint(EndpointArn=arn)
            return Pushed(Outcome.GONE, PLACE, _status(error), f"{_code(error)}: {_said(error)}")
        return Pushed(Outcome.SENT, PLACE, TAKEN, answer=str(answer["MessageId"]), ref=arn)

    def _enrolled(self, token: str) -> str:
        """What SNS calls a token, ready to be published to: an app has just said that it is its own."""
        try:
            arn = str(self._client().create_platform_endpoint(PlatformApplicationArn=self._application, Token=token)["EndpointArn"])
        except ClientError as error:
            there = _THERE.search(_said(error))
            if there is None:
                raise
            arn = there[1]
        self._client().set_endpoint_attributes(EndpointArn=arn, Attributes={"Enabled": "true", "Token": token})
        return arn

    def _message(self, message: Push) -> str:
        """The message as SNS has it for each protocol."""
        texts: dict[str, object] = {"default": message.text}
        if (own := self._payload(message)) is not None:
            texts[self._platform] = compact(own)
        return compact(texts)

    def _payload(self, message: Push) -> Payload | None:
        if self._platform in OF_APNS:
            return message.apns
        return None if message.fcm is None else {"fcmV1Message": {"message": message.fcm}}

    def _attributes(self, message: Push) -> dict[str, Any]:
        """APNs wants to know whether a push is seen."""
        if self._platform not in OF_APNS:
            return {}
        aps = (message.apns or {}).get("aps")
        is_silent = isinstance(aps, dict) and aps.get("content-available") == 1 and "alert" not in aps
        kind = {"DataType": "String", "StringValue": "background" if is_silent else "alert"}
        return {"MessageAttributes": {"AWS.SNS.MOBILE.APNS.PUSH_TYPE": kind}}

    def _refused(self, error: ClientError) -> Pushed:
        code, status = _code(error), _status(error)
        pushed = Pushed(Outcome.REFUSED, PLACE, status, f"{code}: {_said(error)}")
        if code in _THROTTLED or status == 429:
            return replace(pushed, outcome=Outcome.FAILED, pause_ms=PAUSE_MS)
        if status is None or status >= 500:
            return replace(pushed, outcome=Outcome.FAILED)
        if code in _OURS or code in _ABSENT or status in (401, 403):
            raise Unavailable(f"SNS refuses {self._application}, or this key for it: {pushed.error}")
        return pushed

    def _client(self) -> Any:
        with self._lock:  # threads share it
            if self._made is None:
                self._made = self._connect()
            return self._made


def _parts(arn: str) -> dict[str, str]:
    found = _ARN.fullmatch(arn)
    if found is None:
        raise InvalidApplication("a platform application is written as arn:aws:sns:eu-central-1:123456789012:app/APNS/shop")
    return found.groupdict()


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", "")).removesuffix("Exception")


def _said(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Message", ""))


def _status(error: ClientError) -> int | None:
    return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
