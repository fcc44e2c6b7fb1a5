"""Sheets and archives: where labels stand, that they show what they shall, and what becomes of an order."""

import asyncio
import io
import itertools
import re
import resource
import unicodedata
import zipfile
import zlib
from collections.abc import Sequence

import pytest
import zxingcpp
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFont
from unit.storage.drawings import symbol
from unit.storage.world import OURS, Crash, World

from quietzone_kit import processes
from quietzone_kit.errors import InvalidInput, ResourceExhausted
from quietzone_storage.assets.domain import AccountId, Asset, AssetId, Kind, State, Symbol
from quietzone_storage.fonts import FILE
from quietzone_storage.fonts.characters import lacking
from quietzone_storage.prints import process, sheets
from quietzone_storage.prints.archives import make_archive
from quietzone_storage.prints.domain import (
    MARGIN_MM,
    MAX_COLUMNS,
    MAX_ROWS,
    Form,
    Label,
    Layout,
    Paper,
    TooSmall,
    check_module,
    file_names,
    rows_of,
    spots,
    square,
    svg_of,
)
from quietzone_storage.prints.messages import Job
from quietzone_storage.prints.process import NotPrintable, Printer
from quietzone_storage.prints.sheets import make_sheets
from quietzone_storage.prints.use_cases import CANCELLED, FORGET, KEPT_MS, MAKE, PATIENCE_MS, STALLED_MS, Maker, NewPrint, Press, look_after
from quietzone_storage.variants.domain import QUIET_ZONE
from quietzone_storage.variants.symbol import NotShown

MENU, SUMMER = symbol("https://q.example/menu"), symbol("https://q.example/summer", version=7)
LARGE = symbol("https://q.example/large", version=18)
LAYOUTS = st.builds(Layout, st.sampled_from(Paper), st.integers(1, MAX_COLUMNS), st.integers(1, MAX_ROWS))


@given(layout=LAYOUTS, count=st.integers(1, 250), captioned=st.booleans())
def test_no_label_leaves_its_sheet_or_meets_another(layout: Layout, count: int, captioned: bool) -> None:
    width, height = layout.paper.size
    found = list(spots(layout, count))

    assert len({(spot.page, round(spot.left, 6), round(spot.top, 6)) for spot in found}) == count
    for spot in found:
        place = square(spot, captioned=captioned)
        if place.side > 0:
            assert spot.left <= place.left
            assert place.left + place.side <= spot.left + spot.width + 1e-9 <= width - MARGIN_MM + 1e-6
            assert spot.top <= place.top
            assert place.top + place.side <= spot.top + spot.height <= height - MARGIN_MM + 1e-6


@pytest.mark.parametrize(("layout", "fits"), [(Layout(), True), (Layout(columns=10, rows=20), False), (Layout(rows=15), True)])
def test_labels_that_no_printer_can_print_are_refused_with_what_would_do(layout: Layout, fits: bool) -> None:
    if fits:
        check_module(layout, MENU.side, captioned=False)
    else:
        with pytest.raises(TooSmall, match="take fewer"):
            check_module(layout, MENU.side, captioned=True)


@given(payload=st.text("abc", min_size=1, max_size=60))
def test_an_svg_paints_each_dark_module_once(payload: str) -> None:
    drawn = symbol(f"https://q.example/{payload}")

    runs = re.findall(r"M(\d+) (\d+)h(\d+)v1h-\d+z", svg_of(drawn).rpartition('<path d="')[2])

    painted = [(int(x) + step - QUIET_ZONE, int(y) - QUIET_ZONE) for x, y, length in runs for step in range(int(length))]
    dark = {(x, y) for y, row in enumerate(rows_of(drawn)) for x, module in enumerate(row) if module == "1"}
    assert (len(painted), set(painted)) == (len(dark), dark)


@given(names=st.lists(st.text("aA1 (2)./\\:é", max_size=12), max_size=12))
def test_files_in_an_archive_have_names_of_their_own_that_lead_nowhere(names: list[str]) -> None:
    found = file_names([Label(f"code-{number}", name=name) for number, name in enumerate(names)])

    assert len({name.casefold() for name in found}) == len(names)
    assert not any(name.startswith(".") or set(name) & set("/\\:") or not name.strip() for name in found)


@pytest.mark.parametrize("name", ["𠀀" * 80, "é" * 100, "e\u0301" * 100])
def test_names_of_files_are_short_enough_for_file_systems_also_when_there_are_several(name: str) -> None:
    found = file_names([Label("code", name=name)] * 1_000)

    assert max(len(f"{each}.png".encode()) for each in found) <= 255
    assert len(set(found)) == 1_000


def test_letters_with_marks_stay_letters_in_names_of_files() -> None:
    assert file_names([Label("code", name="Cafe\u0301")]) == ["Café"]


def test_each_label_stands_on_its_sheet() -> None:
    labels = [Label(str(number), f"Table {number} #panic(1) é") for number in range(7)]

    document = make_sheets("Tables", labels, [MENU, SUMMER] * 3 + [MENU], Layout(Paper.LETTER, 2, 2))

    assert document.startswith(b"%PDF-")
    assert len(re.findall(rb"/Type */Page\b(?!s)", document)) == 2


def test_captions_are_written_in_the_one_font_that_is_everywhere() -> None:
    document = make_sheets("Tables", [Label("1", "Menu Μενού Меню 菜单")], [MENU], Layout())

    assert set(re.findall(rb"/FontName */[A-Z]{6}\+([\w-]+)", b"".join(_streams(document)))) == {b"DejaVuSans"}


def _streams(document: bytes) -> list[bytes]:
    """What a PDF says, unpacked where it is packed."""
    found = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", document, re.DOTALL)
    return [document, *(zlib.decompress(each) for each in found if each[:1] == b"\x78")]


@given(st.characters(exclude_categories=["C", "M", "Z"]))
def test_a_caption_that_would_be_boxes_is_known(character: str) -> None:
    font = ImageFont.truetype(FILE, 40)
    box, shown = (bytes(font.getmask(text)) for text in ("\U0010fffd", unicodedata.normalize("NFC", character)))

    assert bool(lacking(character)) is (shown == box)


def test_a_symbol_that_is_not_the_one_that_was_to_be_printed_is_not_handed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "svg_of", lambda wanted: svg_of(_one_module_else(wanted)))

    with pytest.raises(NotShown, match="page 1"):
        make_sheets("Tables", [Label("1")], [MENU], Layout())


def _one_module_else(wanted: Symbol) -> Symbol:
    return Symbol(wanted.side, bytes([wanted.modules[0] ^ 0x80]) + wanted.modules[1:])


def test_an_archive_holds_each_code_twice_and_can_be_scanned() -> None:
    packed = make_archive([Label("1", name="menu"), Label("2", name="menu")], [MENU, SUMMER])

    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        images = {name: archive.read(name) for name in archive.namelist()}
    assert list(images) == ["menu.png", "menu.svg", "menu (2).png", "menu (2).svg"]
    scanned = [zxingcpp.read_barcodes(Image.open(io.BytesIO(images[name]))) for name in ("menu.png", "menu (2).png")]
    assert [found.text for (found,) in scanned] == ["https://q.example/menu", "https://q.example/summer"]
    assert packed == make_archive([Label("1", name="menu"), Label("2", name="menu")], [MENU, SUMMER])


async def test_a_process_of_its_own_prints_and_says_why_it_does_not() -> None:
    printer, labels = Printer(), (Label("1", "one"),)

    assert (await printer.make(Job("x", labels, (MENU,), Layout()))).startswith(b"%PDF-")
    assert (await printer.make(Job("x", labels, (MENU,)))).startswith(b"PK")
    with pytest.raises(NotPrintable, match="take fewer"):
        await printer.make(Job("x", labels, (MENU,), Layout(columns=10, rows=20)))


async def test_a_print_that_takes_more_time_than_one_may_says_so_and_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    read = processes._read

    async def bounded(printing: asyncio.subprocess.Process, max_bytes: int) -> bytes:
        resource.prlimit(printing.pid, resource.RLIMIT_CPU, (0, 20))
        return await read(printing, max_bytes)

    monkeypatch.setattr(processes, "_read", bounded)

    with pytest.raises(NotPrintable, match=r"more time or memory.*fewer labels"):
        await Printer().make(Job("x", (Label("1"),) * 50, (MENU,) * 50, Layout()))


async def test_a_file_that_is_larger_than_a_print_may_be_says_so_and_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "MAX_RESULT_BYTES", 1_000)

    with pytest.raises(NotPrintable, match="fewer labels"):
        await Printer().make(Job("x", (Label("1"),), (MENU,), Layout()))


class Copier:
    """Prints the labels' captions, and as much white as it is told to."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []
        self.white = b""

    async def make(self, job: Job) -> bytes:
        self.jobs.append(job)
        return b"%PDF- " + " ".join(label.caption for label in job.labels).encode() + self.white


class Shop:
    """Prints with their ports."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.copier = Copier()
        self.press = Press(world.keeper, world.tasks, world.clock, world.randomness)
        self.maker = Maker(world.keeper, self.copier, world.clock)

    async def drawn(self, code_id: str, account_id: AccountId = OURS, drawn: Symbol = MENU) -> None:
        held = await self.world.insert(code_id, account_id=account_id, kind=Kind.CODE)
        await self.world.keeper.furnish(held, [], lambda asset, files: asset.ready(files, 1, symbol=drawn))

    async def order(self, *code_ids: str, most_stored: int | None = None, **more: object) -> AssetId:
        labels = tuple(Label(code_id, code_id.upper()) for code_id in code_ids)
        new = NewPrint(**({"title": "Tables", "form": Form.SHEETS, "labels": labels} | more))  # type: ignore[arg-type] # its own
        asset, _ = await self.press.order(OURS, new, most_stored=most_stored)
        return asset.asset_id

    async def asset(self, asset_id: AssetId) -> Asset:
        held = await self.world.assets.get(OURS, asset_id)
        assert held is not None
        return held.asset


@pytest.fixture
def shop(world: World) -> Shop:
    return Shop(world)


async def test_what_was_ordered_is_there_as_one_file_and_the_order_is_gone(shop: Shop) -> None:
    await shop.drawn("menu")
    asset_id = await shop.order("menu", "menu")

    assert await shop.maker.make(asset_id) is State.READY

    asset = await shop.asset(asset_id)
    assert (asset.kind, asset.name, asset.source, list(asset.files())) == (Kind.PRINT, "Tables", None, [f"{asset_id}.pdf"])
    assert await shop.world.shelf.read(asset.variants[0].blob) == b"%PDF- MENU MENU"


@pytest.mark.parametrize("code_id", ["theirs", "nowhere", "", "x" * 99])
async def test_a_code_that_the_account_has_not_is_the_reason_why_nothing_is_made(shop: Shop, code_id: str) -> None:
    await shop.drawn("menu")
    await shop.drawn("theirs", AccountId("others"))
    asset_id = await shop.order("menu", code_id)

    assert await shop.maker.make(asset_id) is State.PENDING
    shop.world.clock.seconds += PATIENCE_MS / 1000
    assert await shop.maker.make(asset_id) is State.QUARANTINED

    asset = await shop.asset(asset_id)
    assert (asset.reason.startswith("codes aren't there, or not drawn yet: 1,"), shop.copier.jobs) == (True, [])


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"labels": ()}, "labels"),
        ({"labels": (Label("menu"),) * 1_001}, "labels"),
        ({"labels": (Label("menu", "x" * 101),)}, "labels"),
        ({"title": "x" * 121}, "title"),
        ({"layout": Layout(columns=11)}, "columns"),
        ({"layout": Layout(rows=0)}, "rows"),
    ],
)
async def test_a_wrong_order_is_not_taken(shop: Shop, more: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidInput, match=field):
        await shop.order("menu", **more)

    assert await shop.world.all() == []


@pytest.mark.parametrize(
    ("code_ids", "layout"),
    [(("unknown",), Layout(columns=10, rows=20)), (("menu", "large"), Layout(columns=10)), (("large", "unknown"), Layout(columns=10))],
    ids=["that fit no symbol at all", "that don't fit the largest of its codes", "that don't fit the largest that is drawn"],
)
async def test_sheets_are_not_taken_with_labels(shop: Shop, code_ids: Sequence[str], layout: Layout) -> None:
    await shop.drawn("menu")
    await shop.drawn("large", drawn=LARGE)

    with pytest.raises(InvalidInput, match=r"columns.*take fewer"):
        await shop.order(*code_ids, layout=layout)

    assert [asset.kind for asset in await shop.world.all()] == [Kind.CODE] * 2


async def test_captions_that_the_font_of_sheets_lacks_are_refused_and_named(shop: Shop) -> None:
    labels = (Label("menu", "Menü, меню, μενού"), Label("menu", "菜单 🍕"), Label("menu", "一二三四"))

    with pytest.raises(InvalidInput, match="DejaVu Sans lacks, 菜 单 🍕 一 二 and 2 more: take other captions, or none"):
        await shop.press.order(OURS, NewPrint("Tables", Form.SHEETS, labels))
    await shop.press.order(OURS, NewPrint("Tables", Form.ARCHIVE, labels))


async def test_an_archive_has_no_labels_that_could_be_too_small(shop: Shop) -> None:
    assert await shop.order("menu", form=Form.ARCHIVE, layout=Layout(columns=10, rows=20))


async def test_what_is_not_drawn_yet_may_fit(shop: Shop) -> None:
    assert await shop.order("new", layout=Layout(columns=10))


async def test_a_print_is_gone_after_a_week(shop: Shop) -> None:
    await shop.drawn("menu")
    asset_id = await shop.order("menu")
    await shop.maker.make(asset_id)
    (forget,) = (await shop.world.tasks.list("")).tasks

    assert (forget.kind, forget.due_at_ms - forget.created_at_ms) == (FORGET, KEPT_MS)
    await shop.maker.forget(asset_id)
    assert (await shop.asset(asset_id)).state is State.DELETED


async def test_a_print_that_is_cancelled_is_not_made_and_says_so(shop: Shop) -> None:
    await shop.drawn("menu")
    asset_id = await shop.order("menu")
    (making,) = (await shop.world.tasks.list(OURS)).tasks

    await shop.press.let_go(await shop.world.tasks.cancel(OURS, making.task_id))

    assert (await shop.maker.make(asset_id), (await shop.asset(asset_id)).reason) == (State.QUARANTINED, CANCELLED)


async def test_a_print_whose_cancelling_was_cut_off_is_no_longer_pending(shop: Shop) -> None:
    await shop.drawn("menu")
    asset_id = await shop.order("menu")
    (making,) = (await shop.world.tasks.list(OURS)).tasks
    await shop.world.tasks.cancel(OURS, making.task_id)

    shop.world.clock.seconds += 2 * STALLED_MS / 1000
    await look_after(shop.world.keeper, shop.press, shop.world.clock)

    assert (await shop.asset(asset_id)).reason == CANCELLED


async def test_a_print_that_is_made_stays_when_its_operation_is_cancelled_too_late(shop: Shop) -> None:
    await shop.drawn("menu")
    asset_id = await shop.order("menu")
    await shop.maker.make(asset_id)
    (making,) = (await shop.world.tasks.list(OURS)).tasks

    await shop.press.let_go(making)

    assert (await shop.asset(asset_id)).state is State.READY


async def test_a_crash_at_any_step_leaves_no_print_half_made_or_forgotten() -> None:
    for step in itertools.count():
        crashed = [await _survived(step, after=after) for after in (False, True)]
        if not any(crashed):
            break  # there are no more writes

    assert step > 12


async def _survived(step: int, *, after: bool) -> bool:
    """Let a process die before or after that write, and the next go on; whether it died."""
    shop = Shop(await World().open())
    await shop.drawn("menu")
    shop.world.fuse.left, shop.world.fuse.after = step, after
    crashed = await _crashed(shop)
    shop.world.fuse.left = None
    await _go_on(shop)

    prints = [asset for asset in await shop.world.all() if asset.kind is Kind.PRINT]
    assert all(asset.state in {State.READY, State.DELETED} for asset in prints), (step, after)
    assert await shop.world.missing() == []
    if not crashed:
        assert [asset.state for asset in prints] == [State.READY], (step, after)
    return crashed


async def _crashed(shop: Shop) -> bool:
    """Order and make until the process dies; whether it did."""
    try:
        await shop.maker.make(await shop.order("menu"))
    except Crash:
        return True
    return False


async def _go_on(shop: Shop) -> None:
    """What the next process does."""
    shop.world.clock.seconds += 2 * STALLED_MS / 1000
    await look_after(shop.world.keeper, shop.press, shop.world.clock)
    for task in await _made_by(shop, MAKE):
        await shop.maker.make(AssetId(task))


async def _made_by(shop: Shop, kind: str) -> Sequence[str]:
    return [str(task.payload["asset_id"]) for task in (await shop.world.tasks.list(OURS)).tasks if task.kind == kind]


async def test_no_print_is_ordered_without_room(shop: Shop) -> None:
    await shop.drawn("menu")

    with pytest.raises(ResourceExhausted, match="room for 10"):
        await shop.order("menu", most_stored=10)


async def test_a_print_for_whose_file_there_is_no_room_is_quarantined(shop: Shop) -> None:
    await shop.drawn("menu")
    asset_id = await shop.order("menu", most_stored=1_000)
    shop.copier.white = bytes(1_000)
    await shop.maker.make(asset_id)
    asset = await shop.asset(asset_id)

    assert (asset.state, "no room for it" in asset.reason) == (State.QUARANTINED, True)
