"""Makes docs/images/tour.svg: the tour's terminal, as it really came out.

    .venv/bin/python docs/make_picture.py

It serves from a temporary folder, on the usual ports.
"""
# ruff: noqa: INP001 - a script beside the documents, not a package

import asyncio
import io
import os
import sys
import tempfile
from functools import partial
from pathlib import Path

from rich.console import Console

from quietzone_cli.tour import run_tour
from quietzone_client import AsyncClient
from quietzone_kit.runtime import SystemRandomness
from quietzone_standalone.serve import running
from quietzone_standalone.settings import installation

PICTURE = Path(__file__).parent / "images" / "tour.svg"
EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.csv"))
PORT = 8000
COLUMNS = 110

# Rich's own format names a font on a foreign server; a README's picture must not fetch anything.
FORMAT = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-label="quietzone tour in a terminal">
<style>
.{unique_id}-matrix {{ font-family: "Fira Code", "DejaVu Sans Mono", Menlo, Consolas, monospace; font-size: {char_height}px;
  line-height: {line_height}px; font-variant-east-asian: full-width; }}
.{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal"><rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/></clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


async def main() -> None:
    """Serve, take the tour, write the picture."""
    key = "qz_" + SystemRandomness().token(32).hex()
    # Not a terminal: bars then show their end only.
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=False, color_system="truecolor")
    with tempfile.TemporaryDirectory(prefix="quietzone-") as folder:
        os.environ["QUIETZONE_API_KEY"] = key
        place = installation(Path(folder) / "data", PORT, None)
        async with running(place, sys.stderr.write), AsyncClient(place.api_url, key) as api:
            console.print("$ make tour\n")
            os.chdir(folder)
            await run_tour(api, console, partial(AsyncClient, place.api_url), examples=EXAMPLES, folder=Path("out"))
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(console.export_svg(title="quietzone", code_format=FORMAT, unique_id="tour"))


if __name__ == "__main__":
    asyncio.run(main())
