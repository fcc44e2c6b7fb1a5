"""URLs of Kafka clusters."""

from pathlib import Path

import pytest

from quietzone_kit.bus._kafka.address import Address
from quietzone_kit.urls import InvalidUrl


def test_without_options_nothing_is_encrypted_and_nobody_signs_in() -> None:
    assert Address.parse("kafka://a:1,b").security() == {"security_protocol": "PLAINTEXT"}


def test_a_user_signs_in_over_tls() -> None:
    address = Address.parse("kafka://quiet:s3cret@a?tls=true&mechanism=SCRAM-SHA-512")

    security = address.security()

    del security["ssl_context"]
    assert security == {
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "quiet",
        "sasl_plain_password": "s3cret",
    }


def test_a_changed_password_file_counts_for_the_next_connection(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("old\n")
    address = Address.parse(f"kafka://quiet@a?password_file={file}")
    address.security()

    file.write_text("new\n")

    assert "new" in address.security().values()


def test_names_have_no_prefix_unless_one_is_given() -> None:
    assert [Address.parse(url).prefix for url in ("kafka://a", "kafka://a?prefix=abc.")] == ["", "abc."]


@pytest.mark.parametrize(
    ("url", "advice"),
    [
        ("kafka://a?tls=yes", "true or false"),
        ("kafka://a?ca_file=/x", "only with tls=true"),
        ("kafka://u:p@a?mechanism=GSSAPI", "SCRAM-SHA-256"),
        ("kafka://a/topic", "has no path"),
        ("kafka://a?replication=0", "number of brokers"),
        ("kafka://a?password_file=/x", "kafka://user@host"),
        ("kafka://a?acks=1", "no such option: acks"),
        ("kafka://a?prefix=a/b", "letters, digits"),
    ],
)
def test_a_url_that_cannot_be_meant_is_refused_with_what_would_do(url: str, advice: str) -> None:
    with pytest.raises(InvalidUrl, match=advice):
        Address.parse(url)
