"""MongoDB's connection strings, before anything is looked up."""

from pathlib import Path

import pytest

from quietzone_kit.documents._mongodb.place import Place, place_of
from quietzone_kit.urls import CredentialsUnreadable, InvalidUrl


@pytest.mark.parametrize(
    "url",
    [
        "mongodb://host/quietzone_qr",
        "mongodb://host:27017,other:27018/quietzone_qr?replicaSet=rs0",
        "mongodb://me:p%40ss@host/quietzone_qr?authSource=admin&tls=true&tlsCAFile=/etc/ca.pem",
        "mongodb+srv://me:hunter2@cluster0.example.net/quietzone_qr?retryWrites=true&w=majority&srvMaxHosts=2",
        "mongodb://[::1]:27017/quietzone_qr?authMechanism=MONGODB-X509&authMechanismProperties=SERVICE_NAME:mongodb",
    ],
)
def test_mongodbs_own_strings_reach_the_driver_as_they_are(url: str) -> None:
    place = place_of(url)

    assert (place.uri, place.database, place.password()) == (url, "quietzone_qr", None)


def test_the_password_comes_from_its_file_as_it_is_now(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("hunter2\n")
    place = place_of(f"mongodb://me@host/quietzone_qr?password_file={file}&tls=true")

    assert (place.uri, place.password()) == ("mongodb://me@host/quietzone_qr?tls=true", "hunter2")
    file.write_text("hunter3")
    assert place.password() == "hunter3"


def test_a_password_file_that_can_not_be_read_is_named(tmp_path: Path) -> None:
    place = place_of(f"mongodb://me@host/quietzone_qr?password_file={tmp_path}/absent")

    with pytest.raises(CredentialsUnreadable, match=r"mongodb://me@host/quietzone_qr: password_file=.*/absent can't be read"):
        place.password()


@pytest.mark.parametrize(
    ("options", "reads"), [("", False), ("?tls=true", False), ("?tlsCAFile=/ca.pem", True), ("?password_file=/secret", True)]
)
def test_a_place_knows_whether_its_files_may_change(options: str, *, reads: bool) -> None:
    assert place_of(f"mongodb://me@host/quietzone_qr{options}").reads_files is reads


def test_neither_what_is_shown_nor_the_repr_tells_the_password() -> None:
    place: Place = place_of("mongodb://me:hunter2@host,other:27018/quietzone_qr")

    assert place.shown == "mongodb://me@host,other:27018/quietzone_qr"
    assert "hunter2" not in repr(place)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mongodb://me:hunter2@host:27017", "name a database of its own for each service, such as mongodb://host:27017/quietzone_qr"),
        ("mongodb://me:hunter2@host/", "name a database of its own"),
        ("mongodb://me:hunter2@host/admin", "name a database of its own"),
        ("mongodb:///quietzone_qr", "mongodb"),
        ("mongodb://me:hunter2@ho:st/quietzone_qr", "written as %XX"),
        ("mongodb://me:hunter2@ho/st@host/quietzone_qr", "write / as %2F"),
        ("mongodb://host:0/quietzone_qr", "Port must be an integer between 0 and 65535"),
        ("mongodb://host/quietzone_qr?tsl=true", "tsl"),
        ("mongodb://host/quietzone_qr?w=1", "w=1 is not for the URL to decide, only w=majority can be given"),
        ("mongodb://host/quietzone_qr?readPreference=secondary", "only readPreference=primary can be given"),
        ("mongodb://host/quietzone_qr?socketTimeoutMS=1", "socketTimeoutMS=1 is not for the URL to decide, leave it out"),
        ("mongodb://me:hunter2@host/quietzone_qr?password_file=/x", "no password beside it"),
        ("mongodb://host/quietzone_qr?password_file=/x", "needs a user in the URL"),
        ("mongodb://me:hunter2@[::1/quietzone_qr", "not a URL"),
    ],
)
def test_a_wrong_url_is_refused_without_its_password(url: str, said: str) -> None:
    with pytest.raises(InvalidUrl) as caught:
        place_of(url)

    assert said in str(caught.value)
    assert "hunter2" not in str(caught.value)
