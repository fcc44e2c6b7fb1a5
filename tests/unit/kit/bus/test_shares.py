"""Who of a Kafka group gets what."""

from hypothesis import given
from hypothesis import strategies as st

from quietzone_kit.bus._kafka.shares import Claim, assign

NOTHING = Claim(frozenset(), -1)

groups = st.integers(1, 12).flatmap(
    lambda partitions: st.tuples(
        st.just(partitions),
        st.dictionaries(
            st.sampled_from("abcdef"),
            st.builds(Claim, st.frozensets(st.integers(0, partitions - 1)), st.integers(-1, 3)),
            min_size=1,
        ),
    )
)


def claim(*partitions: int, generation: int = 1) -> Claim:
    return Claim(frozenset(partitions), generation)


def test_a_lone_member_gets_everything() -> None:
    assert assign({"a": NOTHING}, 3) == {"a": {0, 1, 2}}


def test_who_loses_nothing_keeps_what_it_has() -> None:
    assert assign({"a": claim(1, 3), "b": claim(0, 2)}, 4) == {"a": {1, 3}, "b": {0, 2}}


def test_a_partition_that_must_move_goes_to_nobody_at_first() -> None:
    assert assign({"a": claim(0, 1, 2, 3), "b": NOTHING}, 4) == {"a": {0, 1}, "b": set()}


def test_it_goes_to_its_new_holder_when_it_is_claimed_no_more() -> None:
    assert assign({"a": claim(0, 1), "b": NOTHING}, 4) == {"a": {0, 1}, "b": {2, 3}}


def test_of_two_that_claim_a_partition_the_later_has_it() -> None:
    assert assign({"a": claim(0, generation=1), "b": claim(0, generation=2)}, 1) == {"a": set(), "b": {0}}


def test_a_claim_of_a_partition_that_is_not_there_is_nothing() -> None:
    assert assign({"a": claim(7)}, 1) == {"a": {0}}


@given(groups)
def test_nobody_gets_what_another_claims_rightly(group: tuple[int, dict[str, Claim]]) -> None:
    partitions, claims = group

    for member, share in assign(claims, partitions).items():
        for partition in share - claims[member].partitions:
            assert all(partition not in claim.partitions for claim in claims.values())


@given(groups)
def test_no_partition_goes_to_two(group: tuple[int, dict[str, Claim]]) -> None:
    partitions, claims = group
    shares = assign(claims, partitions)

    assert sum(map(len, shares.values())) == len(frozenset().union(*shares.values()))


@given(groups)
def test_once_everybody_has_let_go_all_is_shared_evenly(group: tuple[int, dict[str, Claim]]) -> None:
    partitions, claims = group
    first = assign(claims, partitions)

    second = assign({member: Claim(share, 4) for member, share in first.items()}, partitions)

    assert frozenset().union(*second.values()) == frozenset(range(partitions))
    assert max(map(len, second.values())) - min(map(len, second.values())) <= 1


@given(groups)
def test_a_group_at_rest_stays_as_it_is(group: tuple[int, dict[str, Claim]]) -> None:
    partitions, claims = group
    shares = assign(claims, partitions)
    for generation in (4, 5):
        shares = assign({member: Claim(share, generation) for member, share in shares.items()}, partitions)

    assert assign({member: Claim(share, 6) for member, share in shares.items()}, partitions) == shares
