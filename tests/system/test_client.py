"""The Python client against a whole installation."""

import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from house import KEY, House, until
from quietzone_client import Client, CodeFilter, Create, Delete, Event, Kind, NotFound, Span, Told, Update


@pytest.fixture
def client(embedded_house: House) -> Iterator[Client]:
    with Client(embedded_house.place.api_url, KEY) as client:
        yield client


def test_a_code_lives_by_the_client_from_creation_to_deletion(embedded_house: House, client: Client) -> None:
    code = client.codes.create("https://example.com/menu", title="Menu", tags=["Menu"], folder="tables")
    changed = client.codes.change(code.id, destination="https://example.com/winter", revision=code.revision)
    until(lambda: embedded_house.scan(code.slug).headers.get("location") == "https://example.com/winter", "the change")
    until(lambda: client.codes.analytics(code.id).total_scans >= 1, "counted")

    assert (changed.revision, changed.tags) == (2, ("menu",))
    assert code.id in [found.id for found in client.codes.list(CodeFilter(tag="menu"))]
    assert client.codes.image(code.id).content.startswith(b"\x89PNG")
    assert client.reconcile().problems == ()
    client.codes.delete(code.id)
    with pytest.raises(NotFound):
        client.codes.get(code.id)


def test_many_rows_each_have_their_result(client: Client) -> None:
    made = list(client.codes.bulk(Create(f"https://example.com/{number}", folder="bulk") for number in range(250)))
    codes = [result.code for result in made if result.code is not None]

    changes = [Update(codes[0].id, title="first"), Delete(codes[1].id), Update(codes[1].id, title="gone"), Create("ftp://example.com")]
    results = list(client.codes.bulk(changes))

    assert (len(codes), len({code.slug for code in codes})) == (250, 250)
    assert [result.error.status if result.error else None for result in results] == [None, None, 404, 400]
    until(lambda: len(list(client.codes.list(CodeFilter(folder="bulk")))) == 249, "listed")


def test_the_same_rows_sent_again_under_their_key_make_no_more_codes(client: Client) -> None:
    rows = [Create(f"https://example.com/{number}") for number in range(20)]

    first = [result.code.id for result in client.codes.bulk(rows, idempotency_key="rows-1") if result.code]
    again = [result.code.id for result in client.codes.bulk(rows, idempotency_key="rows-1") if result.code]

    assert first == again


def test_an_export_comes_whole(client: Client, tmp_path: Path) -> None:
    export = client.exports.begin(Span(interval="hour"), file_format="csv")
    done = client.exports.wait(export.id, within_s=30)

    client.exports.download(export.id, tmp_path / "scans.csv")

    assert hashlib.sha256((tmp_path / "scans.csv").read_bytes()).hexdigest() == done.sha256


def test_scans_are_told_as_they_happen(embedded_house: House, client: Client) -> None:
    code = client.codes.create("https://example.com/live")
    heard: list[Told] = []
    threading.Thread(target=lambda: heard.append(next(client.stream([Kind.SCANNED], code_ids=[code.id]))), daemon=True).start()

    def scanned_and_heard() -> bool:
        embedded_house.scan(code.slug)
        return bool(heard)

    until(scanned_and_heard, "a scan is told")

    [told] = heard
    assert isinstance(told, Event)
    assert (told.kind, told.code_id, told.fields["device"]) == (Kind.SCANNED, code.id, "phone")
