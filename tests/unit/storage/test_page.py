"""docs/files.md, made by docs/make_files.py, is of the files that codes have now."""

import io
from pathlib import Path

import pytest
from PIL import Image

from quietzone_qr.rendering.matrix import encode
from quietzone_storage.assets.domain import Symbol
from quietzone_storage.variants.domain import CODE_FORMS, Form
from quietzone_storage.variants.symbol import draw

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "files.md").read_text("utf-8")


@pytest.mark.parametrize("form", CODE_FORMS, ids=lambda form: form.variant or "master")
def test_the_page_shows_each_file_of_a_code_as_it_is_drawn(form: Form) -> None:
    matrix = encode("https://q.example/menu")
    drawn = draw(Symbol(matrix.side, matrix.packed()), form)
    name = f"menu{form.variant}.{form.media_type.partition('/')[2]}"
    picture = DOCS / "images" / "files" / name

    assert f"| `{name}` | {form.side_px} | {picture.stat().st_size:,} |" in PAGE
    with Image.open(picture) as shown, Image.open(io.BytesIO(drawn.data)) as now:
        assert shown.convert("L").tobytes() == now.convert("L").tobytes()
