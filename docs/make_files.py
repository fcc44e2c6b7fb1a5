"""Makes docs/files.md and the pictures on it: the files of one code, and what became of one upload in a year.

    .venv/bin/python docs/make_files.py

The pictures are what storage draws. The year is lived through in a temporary folder, by the code that an installation runs, with a clock
that is moved by hand.
"""
# ruff: noqa: INP001 - a script beside the documents, not a package

import asyncio
import io
import tempfile
from pathlib import Path

from PIL import Image

from quietzone_kit.blobs import open_blobs
from quietzone_kit.documents import open_documents
from quietzone_kit.runtime import SystemRandomness, ThreadExecutor
from quietzone_kit.tasks import Tasks
from quietzone_qr.rendering.matrix import encode
from quietzone_storage.assets.domain import AccountId, AssetId, Symbol, Tier
from quietzone_storage.assets.repository import Assets
from quietzone_storage.assets.use_cases import Keeper, delete_upload
from quietzone_storage.collections import COLLECTIONS
from quietzone_storage.contents.repository import Contents
from quietzone_storage.contents.sweep import sweep
from quietzone_storage.contents.use_cases import Shelf
from quietzone_storage.images.process import Images
from quietzone_storage.lifecycle.domain import Policy
from quietzone_storage.lifecycle.use_cases import Cleaner, CleanUp
from quietzone_storage.scanning import NoScanner
from quietzone_storage.serving.links import UrlKeys
from quietzone_storage.uploads.use_cases import NewUpload, Pipeline, Uploads
from quietzone_storage.usage.repository import Usages
from quietzone_storage.usage.use_cases import Ledger
from quietzone_storage.variants.domain import CODE_FORMS
from quietzone_storage.variants.symbol import draw_code

HERE = Path(__file__).parent
PICTURES = HERE / "images" / "files"
PAYLOAD = "https://q.example/menu"
CODE = "menu"
OURS = AccountId("examples")
DAY_S = 86_400
BORN_MS = 1_767_268_800_000  # 2026-01-01T12:00Z

TEXT = """\
# Files

Made by `docs/make_files.py`, from what the code does. [storage](../services/storage/README.md) has the
rules, `quietzone files` and [the API](api/assets.md) the ways to use them.

## One code

Drawn from its modules as soon as the code is there, and drawn anew when it looks different; each file was decoded
again and compared pixel by pixel before anybody got it. `{payload}`,
{across} modules from edge to edge:

| file | pixels | bytes | |
| --- | --- | --- | --- |
{files}

Whole pixels a module, the rest is quiet zone: nothing is blurred, and a phone reads the smallest. Other sizes
(16 to 2,048 px) are drawn when somebody asks.

## One upload in a year

A photograph of {size} in {pixels} pixels, sent by its owner and then forgotten. `at rest` is what its account is counted for.

| day | what happened | state | tier | files | at rest |
| --- | --- | --- | --- | --- | --- |
{year}

Whoever fetches a file begins its age anew. A file of fewer than 128 KiB stays where it is until its asset is deleted, since S3's cheaper
classes bill so much at least: so do the images of codes. Of a live code the master stays for ever; the others go after more than 365 days
without use, and whatever somebody asks for then is drawn, and kept again.
"""


class ByHand:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.days = 0.0

    def now_ms(self) -> int:
        """Unix time in milliseconds."""
        return BORN_MS + round(self.days * DAY_S * 1000)

    def monotonic(self) -> float:
        """Seconds."""
        return self.days * DAY_S


class Year:
    """One upload, and what is said of it."""

    def __init__(self, folder: Path, executor: ThreadExecutor) -> None:
        self.clock, randomness = ByHand(), SystemRandomness()
        self.documents = open_documents(f"sqlite:///{folder}/storage.db", executor=executor, randomness=randomness)
        self.blobs = open_blobs(f"file://{folder}/files", executor=executor, randomness=randomness)
        assets = Assets(self.documents)
        self.shelf = Shelf(Contents(self.documents), self.blobs, self.clock, randomness)
        self.ledger = Ledger(Usages(self.documents), assets)
        self.keeper = Keeper(assets, self.shelf, self.ledger)
        self.uploads = Uploads(self.keeper, Tasks(self.documents, self.clock, randomness), executor, self.clock, randomness)
        self.pipeline = Pipeline(self.keeper, Images(), NoScanner(), self.clock)
        self.cleaner = Cleaner(self.keeper, self.clock, Policy(moved_from=131_072))
        self.lines: list[str] = []

    async def live(self, photograph: bytes) -> list[str]:
        """A line for each thing that happens."""
        await self.documents.ensure(*COLLECTIONS)
        new = NewUpload("summer.jpeg", "image/jpeg", len(photograph))
        begun = await self.uploads.begin(UrlKeys(["x" * 32]), OURS, new, base="https://files.example", max_bytes=10_000_000)
        asset_id = begun.asset.asset_id
        await self._tell(asset_id, "begun: its URL takes the bytes, and room is kept for them")
        await self.uploads.receive(asset_id, photograph, "image/jpeg")
        await self._tell(asset_id, "sent: looked at, and kept")
        await self.pipeline.process(asset_id)
        await self._tell(asset_id, "decoded and scanned, its variants and optimised copies made")
        for days, what in ((29, "a clean-up finds nothing to do"), (30, "a clean-up"), (91, "a clean-up")):
            self.clock.days = days
            await self.cleaner.clean_up(CleanUp())
            await self._tell(asset_id, what)
        self.clock.days = 200
        await self.cleaner.move(OURS, asset_id, Tier.HOT)
        await self._tell(asset_id, "its owner wants it back")
        await delete_upload(self.keeper, self.clock, OURS, asset_id)
        await self._tell(asset_id, "its owner deletes it: served no more")
        self.clock.days = 202
        swept = await sweep(self.shelf, self.keeper.assets, self.clock, grace_ms=DAY_S * 1000)
        await self._tell(asset_id, f"the sweeper removes its bytes, {swept.removed} of {swept.looked_at} blobs")
        await self.blobs.close()
        await self.documents.close()
        return self.lines

    async def _tell(self, asset_id: AssetId, what: str) -> None:
        held = await self.keeper.assets.get(OURS, asset_id)
        if held is None:
            raise LookupError(f"asset {asset_id} isn't there")
        asset, used = held.asset, await self.ledger.bytes_of(OURS)
        self.lines.append(
            f"| {self.clock.days:g} | {what} | {asset.state.value} | {asset.tier.value} | {len(asset.variants)} | {used:,} bytes |"
        )


def symbol_of(payload: str) -> Symbol:
    """A payload's modules, as qr tells storage of them."""
    matrix = encode(payload)
    return Symbol(matrix.side, matrix.packed())


def draw(folder: Path) -> list[str]:
    """Draw the code's files, and a line for each."""
    lines = []
    for form, file in zip(CODE_FORMS, draw_code(symbol_of(PAYLOAD)), strict=True):
        name = f"{CODE}{file.name}.{file.media_type.partition('/')[2]}"
        (folder / name).write_bytes(file.data)
        shown = f'<img src="images/files/{name}" width="{form.side_px // 4}" alt="{name}">'
        lines.append(f"| `{name}` | {form.side_px} | {len(file.data):,} | {shown} |")
    return lines


def photograph() -> bytes:
    """Something like one: a sky over a meadow."""
    picture = Image.linear_gradient("L").resize((1_600, 1_200))
    coloured = Image.merge("RGB", (picture, picture.transpose(Image.Transpose.ROTATE_90).resize((1_600, 1_200)), picture))
    out = io.BytesIO()
    coloured.save(out, "JPEG", quality=92)
    return out.getvalue()


def main() -> None:
    """Write the page and its pictures."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    executor = ThreadExecutor("files", 2)
    data = photograph()
    with tempfile.TemporaryDirectory() as folder:
        year = asyncio.run(Year(Path(folder), executor).live(data))
    executor.close()
    page = TEXT.format(
        payload=PAYLOAD,
        across=symbol_of(PAYLOAD).side + 8,
        files="\n".join(draw(PICTURES)),
        size=f"{len(data):,} bytes",
        pixels="1,600 by 1,200",
        year="\n".join(year),
    )
    (HERE / "files.md").write_text(page, "utf-8")


if __name__ == "__main__":
    main()
