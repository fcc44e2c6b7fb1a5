"""From the files of one machine to servers: no code and no count is lost."""

from pathlib import Path

from system.conftest import SERVERS, NewUrls

from house import KEY, House, command, house_in, until

pytestmark = SERVERS


def migrated(house: House, urls: dict[str, str]) -> str:
    """What moving a house that has stopped prints."""
    ended = command("migrate", "--from", "embedded", "--to", "real", "--data", str(house.data), settings=urls | {"QUIETZONE_API_KEY": KEY})
    errors = [line for line in ended.stderr.splitlines() if '"level": "warning"' not in line]  # a server that is slow for a moment is one
    assert (ended.returncode, errors) == (0, [])
    return ended.stdout


def test_codes_counts_and_unforwarded_scans_move_and_go_on(new_urls: NewUrls, tmp_path: Path) -> None:
    data = tmp_path / "data"
    with house_in(data) as house:
        code = house.create("https://example.com/kept", slug="kept")
        gone = house.create("https://example.com/gone", slug="gone")
        house.request("DELETE", f"/v1/codes/{gone['id']}")
        until(lambda: house.scan("kept").status == 302, "the redirect")
        until(lambda: house.total(code["id"]) == 1, "the scan counted")
        house.kill("tracking forwarder")
        assert [house.scan("kept").status for _ in range(5)] == [302] * 5

    urls = new_urls()
    said = migrated(house, dict(urls))
    with house_in(data, urls) as moved:
        assert "✓ 2 codes and 6 scans, before and after" in said
        assert moved.total(code["id"]) == 6
        until(lambda: moved.scan("kept").status == 302, "the redirect")
        assert moved.scan("gone").status == 410
        until(lambda: moved.total(code["id"]) == 7, "counting goes on")
        assert moved.request("POST", "/v1/codes", {"destination": "https://example.com/", "slug": "gone"}).status == 409
        until(lambda: moved.request("GET", "/v1/reconcile").json["stored"] == 7, "reconcile adds up")
        assert moved.request("GET", "/v1/reconcile").json["problems"] == []


def test_a_house_that_has_moved_is_not_served_from_its_files_any_more(new_urls: NewUrls, tmp_path: Path) -> None:
    data = tmp_path / "data"
    with house_in(data) as house:
        house.create("https://example.com/")
    urls = new_urls()
    migrated(house, dict(urls))
    again = command("migrate", "--from", "embedded", "--to", "real", "--data", str(data), settings=dict(urls))

    served = command("serve", "--data", str(data), "--port", str(house.place.port))

    assert "has moved to servers: start it with --backends real" in served.stderr
    assert "has moved to servers" in again.stderr
