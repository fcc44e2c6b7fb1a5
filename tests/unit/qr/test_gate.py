from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.qr.drawings import MENU, PAYLOAD, flipped, inverted
from unit.qr.test_matrix import SLUGS

from quietzone_qr.rendering import png, read_png, read_svg, svg
from quietzone_qr.rendering.decoders import DECODERS, Decoder, quirc, zxing
from quietzone_qr.rendering.gate import READ_MODULE_PX, Gate, Reader, Unreadable, _pixels
from quietzone_qr.rendering.matrix import Matrix, encode

Draw = Callable[[Matrix, int], bytes]


def pixels_of(matrix: Matrix) -> tuple[bytes, int]:
    return _pixels(matrix), READ_MODULE_PX * matrix.side_with_quiet_zone


@given(SLUGS, st.sampled_from(["http://localhost:8080/", "https://q.example/", "https://xn--bcher-kva.example/long/path/of/a/scan/host/"]))
def test_every_payload_of_a_slug_is_read_by_both_decoders(slug: str, base: str) -> None:
    Gate().check_symbol(encode(base + slug), base + slug)


def test_the_longest_payload_is_read_by_both_decoders() -> None:
    payload = ("https://q.example/" + 150 * "Ab3_")[:512]

    Gate().check_symbol(encode(payload), payload)


@pytest.mark.parametrize("decode", [zxing, quirc])
def test_a_decoder_alone_reads_a_sound_symbol(decode: Decoder) -> None:
    assert decode(*pixels_of(MENU)) == PAYLOAD.encode()


@pytest.mark.parametrize("decode", [zxing, quirc])
def test_a_decoder_alone_refuses_a_symbol_that_lost_more_than_can_be_corrected(decode: Decoder) -> None:
    lower_right = [row * MENU.side + column for row in range(10, MENU.side) for column in range(9, MENU.side)]

    assert decode(*pixels_of(flipped(MENU, *lower_right))) != PAYLOAD.encode()


@pytest.mark.parametrize("decode", [zxing, quirc])
def test_a_decoder_alone_refuses_white_on_black(decode: Decoder) -> None:
    assert decode(*pixels_of(inverted(MENU))) is None


@pytest.mark.parametrize("decode", [zxing, quirc])
def test_a_decoder_alone_refuses_a_blank_image(decode: Decoder) -> None:
    assert decode(b"\xff" * 10_000, 100) is None


def test_a_symbol_of_another_payload_is_refused() -> None:
    with pytest.raises(Unreadable, match=r"zxing reads 'https://q\.example/Ab3dEf7' in the symbol of 'https://q\.example/other'"):
        Gate().check_symbol(MENU, "https://q.example/other")


def test_the_refusal_names_the_decoder_that_reads_nothing() -> None:
    with pytest.raises(Unreadable, match="blind reads nothing"):
        Gate([*DECODERS, ("blind", lambda _pixels, _size_px: None)]).check_symbol(MENU, PAYLOAD)


def test_one_decoder_that_reads_it_is_not_enough() -> None:
    with pytest.raises(Unreadable, match="drunk reads 'x'"):
        Gate([DECODERS[0], ("drunk", lambda _pixels, _size_px: b"x")]).check_symbol(MENU, PAYLOAD)


class Counting:
    """A decoder that counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, pixels: bytes, size_px: int) -> bytes | None:
        self.asked += 1
        return zxing(pixels, size_px)


def test_a_symbol_that_passed_is_not_read_again() -> None:
    decoder = Counting()
    gate = Gate([("counting", decoder)])

    for _ in range(3):
        gate.check_symbol(MENU, PAYLOAD)

    assert decoder.asked == 1


def test_a_symbol_that_failed_is_read_again() -> None:
    gate = Gate()

    for _ in range(2):
        with pytest.raises(Unreadable):
            gate.check_symbol(inverted(MENU), PAYLOAD)


def test_only_so_many_symbols_are_remembered() -> None:
    decoder = Counting()
    gate = Gate([("counting", decoder)], remembered=2)

    for name in ("one", "two", "one", "three", "one", "two"):
        gate.check_symbol(encode(name), name)

    assert decoder.asked == 4  # one, two, three, and two again, which was used least lately


@pytest.mark.parametrize(("draw", "read"), [(png.draw, read_png.modules_of), (svg.draw, read_svg.modules_of)])
class TestFile:
    """What holds for files of either format."""

    def test_a_sound_one_passes(self, draw: Draw, read: Reader) -> None:
        Gate().check_file(draw(MENU, 300), read, matrix=MENU, size_px=300, etag="any")

    def test_a_single_wrong_module_is_noticed_though_decoders_would_correct_it(self, draw: Draw, read: Reader) -> None:
        drawn = draw(flipped(MENU, 13 * MENU.side + 13), 300)

        with pytest.raises(Unreadable, match="1 of its modules aren't the symbol's"):
            Gate().check_file(drawn, read, matrix=MENU, size_px=300, etag="any")

    def test_white_on_black_is_noticed(self, draw: Draw, read: Reader) -> None:
        with pytest.raises(Unreadable):
            Gate().check_file(draw(inverted(MENU), 300), read, matrix=MENU, size_px=300, etag="any")

    def test_a_cut_quiet_zone_is_noticed(self, draw: Draw, read: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
        for module in (png, svg):
            monkeypatch.setattr(module, "QUIET_ZONE", 3)

        with pytest.raises(Unreadable):
            Gate().check_file(draw(MENU, 300), read, matrix=MENU, size_px=300, etag="any")

    def test_what_passed_is_not_read_again(self, draw: Draw, read: Reader) -> None:
        gate = Gate()
        gate.check_file(draw(MENU, 300), read, matrix=MENU, size_px=300, etag="same")

        gate.check_file(b"not even a file", read, matrix=MENU, size_px=300, etag="same")
