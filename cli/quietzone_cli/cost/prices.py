"""Prices, from a TOML file."""

import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from quietzone_cli.errors import CommandFailed

EXAMPLES = Path(__file__).with_name("prices.toml")
"""Examples, not facts."""

Price = Annotated[float, Field(ge=0)]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Compute(_Table):
    """A core and a GiB of memory, for an hour."""

    core_hour: Price
    gib_hour: Price


class BusPrices(_Table):
    """A GiB published and a GiB kept for a month, each once a replica; records are kept `retention_days`."""

    gib_published: Price
    gib_month: Price
    replicas: int = Field(ge=1)
    retention_days: float = Field(gt=0)


class DocumentPrices(_Table):
    """Calls by the million, or units that each do a call a second, by the hour."""

    million_reads: Price
    million_writes: Price
    read_unit_hour: Price
    write_unit_hour: Price


class Tier(_Table):
    """A class of storage: a GiB kept for a month, and one that is read."""

    tier: str
    gib_month: Price
    gib_read: Price


class Prices(_Table):
    """What things cost, all in one currency."""

    currency: str
    compute: Compute
    bus: BusPrices
    documents: DocumentPrices
    blobs: tuple[Tier, ...] = Field(min_length=1)


def read_prices(path: Path) -> Prices:
    """The prices in a file.

    Raises:
        CommandFailed: it can't be read, or something in it is wrong or missing: says what.
    """
    try:
        return Prices.model_validate(tomllib.loads(path.read_text("utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CommandFailed(f"{path}: {error}; {EXAMPLES} shows how prices are written") from error
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg'].lower()}" for one in error.errors())
        raise CommandFailed(f"{path}: {wrong}; {EXAMPLES} shows how prices are written") from error
