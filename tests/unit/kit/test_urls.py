"""URLs of servers, and their secrets."""

from pathlib import Path

import pytest

from quietzone_kit.urls import CredentialsUnreadable, InvalidUrl, ServerUrl, wrong_scheme


def parse(text: str) -> ServerUrl:
    return ServerUrl.parse(text, default_port=9092, options={"mechanism"})


def test_a_url_is_taken_apart() -> None:
    url = parse("kafka://me:p%40ss@a,b:9093,[::1]:9094/topics?mechanism=PLAIN")

    assert (url.scheme, url.user, url.password(), url.path) == ("kafka", "me", "p@ss", "topics")
    assert url.hosts == (("a", 9092), ("b", 9093), ("::1", 9094))
    assert url.options == {"mechanism": "PLAIN"}


def test_neither_what_is_shown_nor_the_repr_tells_the_password() -> None:
    url = parse("kafka://me:hunter2@a,[::1]:9094/x")

    assert url.shown == "kafka://me@a:9092,[::1]:9094/x"
    assert "hunter2" not in repr(url)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("kafka://", "no host; use kafka://host:9092"),
        ("kafka://me:hunter2@a:0", "a port is a number from 1 to 65535"),
        ("kafka://me:hunter2@a,:9092", "names no host"),
        ("kafka://me:hunter2@a?mechanism=PLAIN&tsl=1", "no such option: tsl; there are ca_file"),
        ("kafka://me:hunter2@a?password_file=/x", "leave one of them out"),
        ("kafka://me:hunter2@[::1", "not a URL"),
        ("kafka://me:hunt/hunter2@a", "write / as %2F"),
        ("kafka://me:hunt?hunter2@a", "? as %3F"),
        ("kafka://me:hunt#hunter2@a", "# as %23"),
        ("kafka://me:12/hunter2@a", "write / as %2F"),
    ],
)
def test_a_wrong_url_is_refused_without_its_password(text: str, said: str) -> None:
    with pytest.raises(InvalidUrl) as refused:
        parse(text)

    assert said in str(refused.value)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("text", ["kafka:me:hunter2@a", "kafk://me:hunter2@a", "me:hunter2@a", "kafka:/me:hunter2@a"])
def test_what_no_adapter_is_for_is_refused_without_its_password(text: str) -> None:
    said = wrong_scheme(text, "kafka://host:9092")

    assert "use kafka://host:9092" in said
    assert "hunter2" not in said


def test_a_password_file_is_read_each_time(tmp_path: Path) -> None:
    file = tmp_path / "password"
    url = parse(f"kafka://me@a?password_file={file}")
    file.write_text("old\n")
    old = url.password()
    file.write_text("new\n")

    assert (old, url.password()) == ("old", "new")


def test_a_missing_password_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CredentialsUnreadable, match=r"kafka://me@a:9092: password_file=.*none can't be read"):
        parse(f"kafka://me@a?password_file={tmp_path}/none").password()


def test_a_file_that_holds_no_certificate_is_named(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")

    with pytest.raises(CredentialsUnreadable, match=r"ca_file=.*ca\.pem can't be used"):
        parse(f"kafka://a?ca_file={tmp_path}/ca.pem").tls()
