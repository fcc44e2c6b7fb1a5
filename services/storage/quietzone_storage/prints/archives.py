"""Archives of a selection: each code as PNG and SVG."""

import io
import zipfile
from collections.abc import Sequence

from quietzone_storage.assets.domain import Symbol
from quietzone_storage.prints.domain import Label, file_names, svg_of
from quietzone_storage.variants.domain import CODE_FORMS
from quietzone_storage.variants.symbol import draw

MASTER = next(form for form in CODE_FORMS if not form.variant)
_BORN = (1980, 1, 1, 0, 0, 0)
"""Of each file in it, the first moment that ZIP knows: the same selection is the same bytes."""


def make_archive(labels: Sequence[Label], symbols: Sequence[Symbol]) -> bytes:
    """A ZIP with two files for each code; the PNG is proven as it is drawn, the SVG is of the same modules.

    Raises:
        WrongSymbol, NotShown: as `variants.symbol.draw`.
    """
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, symbol in zip(file_names(labels), symbols, strict=True):
            archive.writestr(_entry(f"{name}.png", zipfile.ZIP_STORED), draw(symbol, MASTER).data)
            archive.writestr(_entry(f"{name}.svg", zipfile.ZIP_DEFLATED), svg_of(symbol))
    return out.getvalue()


def _entry(name: str, kind: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _BORN)
    entry.compress_type = kind
    entry.external_attr = 0o644 << 16
    return entry
