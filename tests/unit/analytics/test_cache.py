from quietzone_analytics.rollups import TOTALS, Cache, CodeKey, Document, Total
from quietzone_analytics.rollups.repository import Address


def document(code: str, *, size: int = 500, partition: int = 0) -> Document[Total]:
    return Document(Address(code, CodeKey("acme", code), partition), 0, 0, Total.empty(), 1, size)


def test_what_is_taken_out_is_gone_until_it_is_put_back() -> None:
    cache, menu = Cache(10_000), document("menu")
    cache.put(TOTALS, menu)

    assert (cache.take(TOTALS, "menu"), cache.take(TOTALS, "menu")) == (menu, None)


def test_the_least_recently_used_leave_first_when_the_bytes_are_used_up() -> None:
    cache = Cache(3_000)
    for code in "abc":
        cache.put(TOTALS, document(code))
    cache.put(TOTALS, document("d"))

    assert [code for code in "abcd" if cache.take(TOTALS, code)] == ["b", "c", "d"]


def test_taking_out_makes_room() -> None:
    cache = Cache(2_000)
    for code in "abcd":
        cache.put(TOTALS, document(code))
        cache.take(TOTALS, code)
    cache.put(TOTALS, document("e"))
    cache.put(TOTALS, document("f"))

    assert [code for code in "ef" if cache.take(TOTALS, code)] == ["e", "f"]


def test_a_rollup_that_is_larger_than_all_room_is_not_kept() -> None:
    cache = Cache(2_000)
    cache.put(TOTALS, document("menu", size=5_000))

    assert cache.take(TOTALS, "menu") is None


def test_dropping_a_partition_leaves_the_others() -> None:
    cache = Cache(10_000)
    cache.put(TOTALS, document("a", partition=1))
    cache.put(TOTALS, document("b", partition=2))

    cache.drop(1)

    assert (cache.take(TOTALS, "a") is None, cache.take(TOTALS, "b") is None) == (True, False)
