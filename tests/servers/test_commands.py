"""`python -m servers <command>`."""

import pytest

from servers.__main__ import environment, told_by
from servers.catalogue import Provided

TOLD = {
    "QUIETZONE_TEST_KAFKA_URL": "kafka://a",
    "QUIETZONE_TEST_MONGODB_URL": "mongodb://a",
    "QUIETZONE_TEST_REDIS_URL": "redis://a",
    "QUIETZONE_TEST_S3_URL": "s3://a",
    "AWS_ACCESS_KEY_ID": "me",
}


def test_a_command_is_told_where_its_servers_are() -> None:
    told = environment(TOLD, {"QUIETZONE_CACHE_URL": "redis://mine"})

    assert (told["QUIETZONE_BUS_URL"], told["QUIETZONE_QR_DOCUMENTS_URL"]) == ("kafka://a", "mongodb://a/quietzone_qr")
    assert (told["QUIETZONE_CACHE_URL"], told["AWS_ACCESS_KEY_ID"]) == ("redis://mine", "me")


def test_a_command_is_not_told_what_the_product_would_refuse() -> None:
    told = environment(TOLD, TOLD)

    assert not [name for name in told if name.startswith("QUIETZONE_TEST_")]


def test_servers_that_tell_different_things_by_one_variable_are_not_told_of() -> None:
    with pytest.raises(ValueError, match="b says otherwise by KEY"):
        told_by([Provided("a", "", "", {"KEY": "1"}), Provided("b", "", "", {"KEY": "2"})])
