"""Images of three releases: this one; a next one, which stores codes in another form; and one that can't start."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from release.cluster import ROOT, said

PARTS = ("qr", "tracking", "analytics", "storage", "notification", "gateway", "cli")
BUILD_WITHIN_S = 1_800.0
LOAD_WITHIN_S = 600.0

TREE = (
    "Dockerfile",
    ".dockerignore",
    "Makefile",
    "pyproject.toml",
    "requirements",
    "proto",
    "kit",
    "services",
    "gateway",
    "cli",
    "clients",
    "standalone",
)
"""What `make images` reads, and `examples`."""

READS_AND_WRITES_BOTH = """

_body_of_before = _body
_code_of_before = code_of


def _body(code):
    body = _body_of_before(code)
    return body | {"targets": body["destinations"]}


def code_of(stored):
    # While the release before runs, it changes `destinations` alone.
    destinations = stored.body.get("destinations", stored.body.get("targets"))
    body = {name: value for name, value in stored.body.items() if name != "targets"}
    return _code_of_before(Stored(body | {"destinations": destinations}, stored.version))
"""
"""The end of the next release's quietzone_qr.codes.repository."""


def build(tag: str, *, tree: Path = ROOT, parts: Sequence[str] = PARTS) -> list[str]:
    """The images of a tree with a tag, by its Makefile; returns their names."""
    said("make", "--directory", tree, "images", f"TAG={tag}", f"IMAGES={' '.join(parts)}", within_s=BUILD_WITHIN_S)
    return [f"quietzone-{part}:{tag}" for part in parts]


def next_release(tag: str, folder: Path) -> list[str]:
    """Images of this release with another form of codes, and the migration to it."""
    tree = _copied(folder / tag)
    qr = tree / "services" / "qr" / "quietzone_qr"
    (qr / "migrations.py").rename(qr / "migrations_before.py")
    shutil.copy(Path(__file__).with_name("next_migrations.py"), qr / "migrations.py")
    repository = qr / "codes" / "repository.py"
    repository.write_text(repository.read_text() + READS_AND_WRITES_BOTH)
    return build(tag, tree=tree)


def broken_release(tag: str, sound: str, folder: Path) -> list[str]:
    """Images whose gateway prepares its store well and can't answer; the others are those of the tag `sound`."""
    tree = _copied(folder / tag)
    main = tree / "gateway" / "quietzone_gateway" / "__main__.py"
    main.write_text(main.read_text().replace("role = ", 'if "serve" in sys.argv:\n        sys.exit("this release is broken")\n    role = '))
    for part in PARTS:
        said("docker", "tag", f"quietzone-{part}:{sound}", f"quietzone-{part}:{tag}")
    build(tag, tree=tree, parts=("gateway",))
    return [f"quietzone-{part}:{tag}" for part in PARTS]


def _copied(to: Path) -> Path:
    to.mkdir()
    for name in (*TREE, "examples"):
        place = ROOT / name
        if place.is_dir():
            shutil.copytree(place, to / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif place.exists():
            shutil.copy(place, to / name)
    return to
