"""Commands for operators, on an installation that runs."""

import re

from house import House, command, until


def source_and_number(house: House) -> str:
    """The id of the only scan of the only source."""
    [source] = house.request("GET", "/v1/reconcile").json["sources"]
    return f"{source['source_id']}:1"


def test_trace_follows_a_scan_from_the_spool_to_its_count(own_house: House) -> None:
    code = own_house.create("https://example.com/")
    until(lambda: own_house.scan(code["slug"]).status == 302, "the redirect")
    until(lambda: own_house.total(code["id"]) == 1, "the count")

    ended = command("trace", source_and_number(own_house), "--data", str(own_house.data))

    said = re.sub(r"[│\s]+", " ", ended.stdout)
    assert "✓ spool forwarded" in said
    assert "✓ bus tracking.scan.v1, partition" in said
    assert f"✓ count in the total of code {code['id']} of account" in said
    assert ended.returncode == 0


def test_trace_follows_a_change_of_a_code_to_its_link(house: House) -> None:
    code = house.create("https://example.com/")
    until(lambda: house.scan(code["slug"], method="HEAD").status == 302, "the redirect")

    ended = command("trace", f"{code['id']}.1", "--data", str(house.data))

    said = re.sub(r"[│\s]+", " ", ended.stdout)
    assert "✓ code its revision is 1; the event was published" in said
    assert "✓ bus qr.code.v1, partition" in said
    assert "✓ link tracking has revision 1 of it" in said


def test_trace_says_what_has_not_happened(house: House) -> None:
    code = house.create("https://example.com/")

    ended = command("trace", f"{code['id']}.2", "--data", str(house.data))

    assert "its revision is 1: there was no such change" in re.sub(r"[│\s]+", " ", ended.stdout)
    assert ended.returncode == 1


def test_trace_says_how_ids_look(house: House) -> None:
    ended = command("trace", "17", "--data", str(house.data))

    assert "'17' is no event's id: a scan is <source>:<number>" in ended.stderr
    assert ended.returncode == 1
