"""Names in SQL."""

from quietzone_kit.documents import Collection, Index


def quoted(name: str) -> str:
    """A name in SQL."""
    return f'"{name}"'


def index_name(collection: Collection, index: Index, what: str = "") -> str:
    """The name in SQL of an index, or of `what` belongs to it; all names are global there."""
    return quoted(f"{collection.name}.{index.name}" + (f".{what}" if what else ""))
