"""Headers of an account's own can't become others."""

import pytest

from quietzone_notification.delivery.headers import MAX_HEADERS, InvalidHeader, content_type_of, headers_of


def test_authorization_and_names_of_one_s_own_may_be_added() -> None:
    headers = (("Authorization", "Bearer abc"), ("X-Shop", "north 1"), ("api-key", "k"))

    assert headers_of(headers) == headers


@pytest.mark.parametrize(
    "name",
    [
        *(
            "Host",
            "Content-Length",
            "Transfer-Encoding",
            "Connection",
            "Cookie",
            "webhook-id",
            "webhook-signature",
            "Expect",
            "TE",
            "Upgrade",
        ),
        *("X-Forwarded-For", "x-real-ip", "X-Original-URL", "X-HTTP-Method-Override", "x-amz-security-token", "X-Goog-Api-Client"),
        *("", "X-", "X-a b", "X-a:", "X-a\r\nHost", "X-ä", "X-" + "a" * 63, ":path", "X_Shop"),
    ],
)
def test_names_that_steer_connections_or_proxies_are_refused(name: str) -> None:
    with pytest.raises(InvalidHeader):
        headers_of([(name, "1")])


@pytest.mark.parametrize("value", ["", " a", "a ", "a\r\nHost: b", "a\nb", "a\rb", "a\0b", "a\tb", "ä", "a\x7f", "a" * 1_025, "a\u2028b"])
def test_a_value_can_not_end_its_header(value: str) -> None:
    with pytest.raises(InvalidHeader):
        headers_of([("X-Shop", value)])


def test_what_is_refused_is_not_repeated_since_it_may_be_a_secret() -> None:
    with pytest.raises(InvalidHeader) as refused:
        headers_of([("Authorization", "geheim\n")])

    assert "geheim" not in str(refused.value)


def test_there_are_not_too_many_and_none_twice() -> None:
    with pytest.raises(InvalidHeader, match="are the most"):
        headers_of([(f"X-{number}", "1") for number in range(MAX_HEADERS + 1)])
    with pytest.raises(InvalidHeader, match="twice"):
        headers_of([("X-Shop", "1"), ("x-shop", "2")])


@pytest.mark.parametrize("text", ["application/json\r\nX: 1", "json", "", "a/b; c", "text/plain; charset=utf-8\n", "a/b c"])
def test_a_content_type_can_not_end_its_header(text: str) -> None:
    with pytest.raises(InvalidHeader):
        content_type_of(text)


def test_a_content_type_may_say_its_charset() -> None:
    assert content_type_of("text/plain; charset=utf-8") == "text/plain; charset=utf-8"
