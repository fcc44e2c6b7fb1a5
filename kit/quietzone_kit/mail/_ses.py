"""SES, version 2 of its API. boto3 blocks, and runs on threads."""

import re
from functools import partial
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from quietzone_kit.mail import Mail, MailFailed, MailRefused, MailUnavailable, Taken
from quietzone_kit.mail._message import bytes_of, sender_of
from quietzone_kit.runtime import ThreadExecutor

THREADS = 8
"""Requests at once, 0.1 s each: new accounts of SES may send 14 messages a second."""

TIMEOUTS = Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 1})
"""One attempt: who sends has a schedule of his own, and a request that got no answer may have been taken."""

FOR_GOOD = frozenset({"MessageRejected", "BadRequestException"})
"""Errors that say that the same message is refused again; all others are about us (rights, quotas, a pause) or about SES."""


class SesMailer:
    """Hands messages to SES of one region. SES gives each a Message-ID of its own."""

    def __init__(self, region: str, sender: str) -> None:
        if not re.fullmatch(r"[a-z]{2}(?:-[a-z]+)+-\d", region):
            raise ValueError(f"{region!r} is no region of AWS; use ses://eu-central-1")
        self._region = region
        self._address = sender_of(sender)[1]
        self._sender = sender
        self._executor = ThreadExecutor("ses", THREADS)
        self._made: Any = None

    async def send(self, mail: Mail) -> Taken:
        """Hand a message over."""
        raw = bytes_of(mail, self._sender)
        try:
            answer = await self._executor.run(partial(self._send, mail.to, raw))
        except ClientError as error:
            raise _meaning(error, self._region) from error
        except BotoCoreError as error:
            raise MailUnavailable(f"SES in {self._region}: {error}; look at the network, and at the rights of this key") from error
        return Taken(answer["ResponseMetadata"]["HTTPStatusCode"], answer["MessageId"])

    async def close(self) -> None:
        """End the threads."""
        self._executor.close()

    def client(self) -> Any:
        """The client, which takes 0.1 s to make."""
        if self._made is None:
            self._made = boto3.client("sesv2", region_name=self._region, config=TIMEOUTS)
        return self._made

    def _send(self, to: str, raw: bytes) -> Any:
        destination = {"ToAddresses": [to]}
        return self.client().send_email(FromEmailAddress=self._address, Destination=destination, Content={"Raw": {"Data": raw}})


def _meaning(error: ClientError, region: str) -> MailFailed:
    """What a refusal means; SES's words stay out of the message, they may hold the address."""
    about: Any = error.response
    name, said = about["Error"]["Code"], f"{about['Error']['Code']}: {about['Error'].get('Message', '')}"
    kind = MailRefused if name in FOR_GOOD else MailUnavailable
    return kind(f"SES in {region} answers {name}", status=about.get("ResponseMetadata", {}).get("HTTPStatusCode"), said=said)
