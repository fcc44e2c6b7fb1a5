import os
from functools import lru_cache
from pathlib import Path
from typing import Any

import crawleruseragents
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mmdb_writer import MMDBWriter
from netaddr import IPSet
from ports import Hands

from quietzone_tracking.forwarder.enrich import (
    Agents,
    CountryDatabase,
    Enricher,
    NoCountries,
    ScanClass,
    first_language,
    referrer_host,
)
from quietzone_tracking.forwarder.enrich.countries import LOOK_EVERY_S
from quietzone_tracking.forwarder.enrich.crawlers import NOT_CRAWLERS, crawlers
from quietzone_tracking.forwarder.enrich.remembered import Remembered

TABLE = Path(__file__).with_name("forwarder_user_agents.txt")
ROWS = [line.split(" | ", 4) for line in TABLE.read_text().splitlines() if not line.startswith("#")]

NETWORK = bytes([203, 0, 113])
NETWORK_6 = bytes.fromhex("20010db80001")


@lru_cache
def agents() -> Agents:
    return Agents()


def write_database(path: Path, records: dict[str, dict[str, Any]]) -> None:
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True)
    for network, record in records.items():
        writer.insert_network(IPSet([network]), record)
    writer.to_db_file(str(path))


@pytest.mark.parametrize(("scan_class", "device", "browser", "system", "user_agent"), ROWS, ids=range(len(ROWS)))
def test_a_user_agent_says_what_kind_of_client_it_is(scan_class: str, device: str, browser: str, system: str, user_agent: str) -> None:
    agent = agents().parse(user_agent)

    found = {"class": agent.scan_class.value, "device": agent.device, "browser": agent.browser, "os": agent.os}
    wanted = {"class": scan_class, "device": device, "browser": browser, "os": system}
    assert found == {name: found[name] if value == "?" else value for name, value in wanted.items()}


def test_no_client_of_the_crawler_list_is_taken_for_a_person() -> None:
    examples = [
        example
        for entry in crawleruseragents.CRAWLER_USER_AGENTS_DATA
        if entry["pattern"] not in NOT_CRAWLERS
        for example in entry["instances"]
    ]

    assert [example for example in examples if agents().parse(example).scan_class is ScanClass.PERSON] == []


def test_all_expressions_of_the_crawler_list_at_once_match_what_they_match_one_by_one() -> None:
    ours = crawlers()
    user_agents = [user_agent for *_, user_agent in ROWS]
    patterns = [entry["pattern"] for entry in crawleruseragents.CRAWLER_USER_AGENTS_DATA]

    assert set(patterns) > NOT_CRAWLERS
    differ = [
        ua
        for ua in user_agents
        if (ours.match(ua) is not None) != crawleruseragents.is_crawler(ua) and not any(word.rstrip("\\/") in ua for word in NOT_CRAWLERS)
    ]
    assert differ == []


@settings(deadline=None)
@given(st.binary(max_size=512))
def test_any_bytes_make_traits_within_the_bounds_of_the_contract(header: bytes) -> None:
    traits = Enricher(agents(), NoCountries()).traits((header, header, header, header[:6]))

    assert len(traits.browser) <= 64
    assert len(traits.os) <= 64
    assert 0 < len(traits.referrer) <= 253
    assert traits.language == "unknown" or 2 <= len(traits.language) <= 8


@pytest.mark.parametrize(
    ("header", "host"),
    [
        ("", "direct"),
        ("https://www.Example.com/menu?table=4#top", "www.example.com"),
        ("http://example.com:8080", "example.com"),
        ("https://user:secret@example.com/", "example.com"),
        ("https://xn--mnchen-3ya.example/", "xn--mnchen-3ya.example"),
        ("https://example.com./", "example.com"),
        ("http://[2001:db8::1]:80/", "[2001:db8::1]"),
        ("android-app://com.google.android.gm/", "com.google.android.gm"),
        ("about:blank", "direct"),
        ("https:///path", "direct"),
        ("https://exa mple.com/", "direct"),
        ("/relative", "direct"),
        (f"https://{'a' * 254}/", "direct"),
    ],
)
def test_a_referrer_is_kept_as_its_host_in_lower_case(header: str, host: str) -> None:
    assert referrer_host(header) == host


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("de-DE,de;q=0.9,en;q=0.8", "de"),
        ("EN", "en"),
        ("fr;q=0.7", "fr"),
        ("zh_CN", "zh"),
        ("gsw, de;q=0.5", "gsw"),
        ("*", "unknown"),
        ("", "unknown"),
        ("x", "unknown"),
        ("abcdefghi", "unknown"),
        ("d3-DE", "unknown"),
    ],
)
def test_the_first_language_counts(header: str, language: str) -> None:
    assert first_language(header) == language


@pytest.mark.parametrize("record", [{"country": {"iso_code": "DE"}}, {"country_code": "DE"}, {"country": "de"}])
def test_each_known_layout_of_a_country_database_is_read(tmp_path: Path, record: dict[str, Any]) -> None:
    write_database(tmp_path / "db.mmdb", {"203.0.113.0/24": record, "2001:db8::/32": record})
    countries = CountryDatabase(tmp_path / "db.mmdb", Hands())

    assert [countries.country(NETWORK), countries.country(NETWORK_6)] == ["DE", "DE"]


def test_a_network_that_the_database_has_not_is_unknown(tmp_path: Path) -> None:
    write_database(tmp_path / "db.mmdb", {"203.0.113.0/24": {"country_code": "DE"}})
    countries = CountryDatabase(tmp_path / "db.mmdb", Hands())

    assert [countries.country(network) for network in (bytes([198, 51, 100]), NETWORK_6, b"", b"\x01")] == ["unknown"] * 4


def test_a_newer_database_is_taken_up_by_clients_that_are_remembered(tmp_path: Path) -> None:
    path, clock = tmp_path / "db.mmdb", Hands()
    write_database(path, {"203.0.113.0/24": {"country_code": "DE"}})
    enricher = Enricher(agents(), CountryDatabase(path, clock))
    client = (b"curl/8.5.0", b"", b"", NETWORK)
    before = enricher.traits(client).country
    write_database(tmp_path / "new", {"203.0.113.0/24": {"country_code": "AT"}})
    os.utime(tmp_path / "new", ns=(1, 1))
    (tmp_path / "new").rename(path)
    clock.seconds += LOOK_EVERY_S

    enricher.refresh()

    assert (before, enricher.traits(client).country) == ("DE", "AT")


@pytest.mark.parametrize("content", [None, b"", b"no database"])
def test_a_database_that_cannot_be_read_leaves_the_old_one_in_use(tmp_path: Path, content: bytes | None) -> None:
    path, clock = tmp_path / "db.mmdb", Hands()
    write_database(path, {"203.0.113.0/24": {"country_code": "DE"}})
    countries = CountryDatabase(path, clock)
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    clock.seconds += LOOK_EVERY_S

    assert (countries.edition(), countries.country(NETWORK)) == (1, "DE")


def test_a_database_that_appears_later_is_used(tmp_path: Path) -> None:
    path, clock = tmp_path / "db.mmdb", Hands()
    countries = CountryDatabase(path, clock)
    before = countries.country(NETWORK)
    write_database(path, {"203.0.113.0/24": {"country_code": "DE"}})
    clock.seconds += LOOK_EVERY_S

    assert (before, countries.edition(), countries.country(NETWORK)) == ("unknown", 1, "DE")


@settings(deadline=None)
@given(st.lists(st.integers(0, 30)), st.integers(1, 8))
def test_what_is_remembered_is_right_and_bounded(keys: list[int], size: int) -> None:
    remembered: Remembered[int, str] = Remembered(str, size)

    assert [remembered.get(key) for key in keys] == [str(key) for key in keys]
    assert len(remembered) <= 2 * size


@settings(deadline=None)
@given(st.lists(st.integers(0, 5), min_size=1))
def test_the_last_distinct_keys_are_not_made_again(keys: list[int]) -> None:
    made: list[int] = []

    def make(key: int) -> str:
        made.append(key)
        return str(key)

    remembered = Remembered(make, 6)
    for key in keys:
        remembered.get(key)

    assert sorted(made) == sorted(set(keys))
