import pytest
import segno
from hypothesis import given
from hypothesis import strategies as st

from quietzone_qr.rendering.matrix import MAX_PAYLOAD_BYTES, PayloadRefused, encode

SLUGS = st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-", min_size=3, max_size=64)


def test_a_usual_short_url_becomes_a_symbol_of_29_modules() -> None:
    assert encode("http://localhost:8080/Ab3dEf7").side == 29


def test_a_finder_pattern_stands_in_the_corner() -> None:
    matrix = encode("https://q.example/menu")

    rows = [matrix.modules[row * matrix.side :][:7] for row in range(7)]

    assert rows == [
        bytes([1, 1, 1, 1, 1, 1, 1]),
        bytes([1, 0, 0, 0, 0, 0, 1]),
        bytes([1, 0, 1, 1, 1, 0, 1]),
        bytes([1, 0, 1, 1, 1, 0, 1]),
        bytes([1, 0, 1, 1, 1, 0, 1]),
        bytes([1, 0, 0, 0, 0, 0, 1]),
        bytes([1, 1, 1, 1, 1, 1, 1]),
    ]


@given(SLUGS)
def test_a_symbol_is_never_larger_than_another_encoder_makes_it(slug: str) -> None:
    payload = f"https://q.example/{slug}"

    ours, theirs = encode(payload), segno.make_qr(payload, error="m", boost_error=False)

    assert ours.side <= theirs.symbol_size(border=0)[0]


@given(SLUGS, SLUGS)
def test_matrices_of_two_payloads_differ(one: str, other: str) -> None:
    same = encode(f"https://q.example/{one}").digest() == encode(f"https://q.example/{other}").digest()

    assert same == (one == other)


def test_the_longest_payload_has_89_modules() -> None:
    assert encode("https://q.example/".ljust(MAX_PAYLOAD_BYTES, "a")).side == 89


@pytest.mark.parametrize("payload", ["", "a" * (MAX_PAYLOAD_BYTES + 1), "https://q.example/menü"])
def test_a_payload_that_is_empty_too_long_or_not_ascii_is_refused(payload: str) -> None:
    with pytest.raises(PayloadRefused, match="1 to 512 characters of ASCII"):
        encode(payload)


@given(SLUGS)
def test_packed_modules_are_the_same_modules(slug: str) -> None:
    matrix = encode(f"https://q.example/{slug}")

    digits = "".join(f"{byte:08b}" for byte in matrix.packed())

    assert bytes(map(int, digits[: matrix.side**2])) == matrix.modules
    assert set(digits[matrix.side**2 :]) <= {"0"}
