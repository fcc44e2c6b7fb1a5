"""The URL of a Kafka cluster: `kafka://[user[:password]@]host:9092[,host2:9092][?tls=true&mechanism=SCRAM-SHA-512&replication=3]`."""

import re
from dataclasses import dataclass
from typing import Any

from quietzone_kit.urls import TLS_OPTIONS, InvalidUrl, ServerUrl

SETTING = "QUIETZONE_BUS_URL"
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
OPTIONS = ("tls", "mechanism", "replication", "prefix")
DEFAULT_PORT = 9092


@dataclass(frozen=True, slots=True)
class Address:
    """Where a cluster is and how to speak to it.

    `replication` is for topics that we create, None means the broker's default; `prefix` stands before our topics' and groups' names.
    """

    url: ServerUrl
    tls: bool
    mechanism: str
    replication: int | None
    prefix: str

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Take a URL apart; raises InvalidUrl, which says what would do."""
        url = ServerUrl.parse(text, default_port=DEFAULT_PORT, options=OPTIONS)
        tls = url.options.get("tls", "false")
        if tls not in {"true", "false"}:
            raise InvalidUrl(f"tls={tls}: use true or false")
        if tls == "false" and (given := TLS_OPTIONS & set(url.options)):
            raise InvalidUrl(f"{', '.join(sorted(given))}: only with tls=true")
        mechanism = url.options.get("mechanism", MECHANISMS[0])
        if mechanism not in MECHANISMS:
            raise InvalidUrl(f"mechanism={mechanism}: there are {', '.join(MECHANISMS)}")
        if url.path:
            raise InvalidUrl(f"/{url.path}: a Kafka URL has no path")
        if not url.user and (url.options.keys() & {"mechanism", "password_file"}):
            raise InvalidUrl("mechanism and password_file are for a user: kafka://user@host")
        prefix = url.options.get("prefix", "")
        if not re.fullmatch(r"[A-Za-z0-9._-]{0,60}", prefix):  # Kafka's names have 249 at most, ours are below 100
            raise InvalidUrl(f"prefix={prefix}: up to 60 letters, digits, '.', '_' and '-'")
        return cls(url, tls == "true", mechanism, _replication(url.options.get("replication")), prefix)

    def security(self) -> dict[str, Any]:
        """What aiokafka wants to know for a connection, from the files as they are now (it reads them: not on the event loop).

        Raises:
            CredentialsUnreadable: a file can't be read.
        """
        protocol = ("SASL_" if self.url.user else "") + ("SSL" if self.tls else "PLAINTEXT")
        arguments: dict[str, Any] = {"security_protocol": protocol}
        if self.tls:
            arguments["ssl_context"] = self.url.tls()
        if self.url.user:
            arguments["sasl_mechanism"] = self.mechanism
            arguments["sasl_plain_username"] = self.url.user
            arguments["sasl_plain_password"] = self.url.password() or ""
        return arguments


def _replication(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 100):
        raise InvalidUrl(f"replication={text}: a number of brokers from 1 on")
    return int(text)
