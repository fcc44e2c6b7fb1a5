"""Who of a Kafka group gets what."""

import json

from aiokafka.coordinator.protocol import ConsumerProtocolMemberMetadata
from hypothesis import given
from hypothesis import strategies as st

from quietzone_kit.bus._kafka.shares import Membership, Share, assign

NOTHING: frozenset[int] = frozenset()

groups = st.integers(1, 12).flatmap(
    lambda partitions: st.tuples(
        st.just(partitions),
        st.dictionaries(st.sampled_from("abcdef"), st.frozensets(st.integers(0, partitions - 1)), min_size=1),
    )
)


def claim(*partitions: int) -> frozenset[int]:
    return frozenset(partitions)


def share(*mine: int, leaving: frozenset[int] = NOTHING) -> Share:
    return Share(frozenset(mine), leaving)


def test_a_lone_member_gets_everything() -> None:
    assert assign({"a": NOTHING}, 3) == {"a": share(0, 1, 2)}


def test_who_loses_nothing_keeps_what_it_has() -> None:
    assert assign({"a": claim(1, 3), "b": claim(0, 2)}, 4) == {"a": share(1, 3), "b": share(0, 2)}


def test_a_partition_that_must_move_stays_with_its_holder_at_first() -> None:
    assert assign({"a": claim(0, 1, 2, 3), "b": NOTHING}, 4) == {"a": share(0, 1, leaving=claim(2, 3)), "b": share()}


def test_it_goes_to_its_new_holder_when_it_is_claimed_no_more() -> None:
    assert assign({"a": claim(0, 1), "b": NOTHING}, 4) == {"a": share(0, 1), "b": share(2, 3)}


def test_a_claim_of_a_partition_that_is_not_there_is_nothing() -> None:
    assert assign({"a": claim(7)}, 1) == {"a": share(0)}


def test_what_a_member_claims_by_another_name_is_void() -> None:
    def said(member: str, *partitions: int) -> ConsumerProtocolMemberMetadata:
        return ConsumerProtocolMemberMetadata(0, ["t"], json.dumps({"member": member, "partitions": partitions}).encode())

    leader = Membership("g", "t", 2, lambda: None)

    assignments = leader.assign(None, {"returned": said("old", 0, 1), "stayed": said("stayed", 0, 1)})

    assert {member: given.assignment for member, given in assignments.items()} == {"returned": [("t", [])], "stayed": [("t", [0, 1])]}


@given(groups)
def test_nobody_gets_what_another_claims(group: tuple[int, dict[str, frozenset[int]]]) -> None:
    partitions, claims = group

    for member, given_ in assign(claims, partitions).items():
        for partition in given_.mine - claims[member]:
            assert all(partition not in claim for claim in claims.values())


@given(groups)
def test_no_partition_is_with_two(group: tuple[int, dict[str, frozenset[int]]]) -> None:
    partitions, claims = group
    held = [given_.mine | given_.leaving for given_ in assign(claims, partitions).values()]

    assert sum(map(len, held)) == len(frozenset().union(*held))


@given(groups)
def test_once_everybody_has_let_go_all_is_shared_evenly(group: tuple[int, dict[str, frozenset[int]]]) -> None:
    partitions, claims = group
    first = assign(claims, partitions)

    second = [given_.mine for given_ in assign({member: given_.mine for member, given_ in first.items()}, partitions).values()]

    assert frozenset().union(*second) == frozenset(range(partitions))
    assert max(map(len, second)) - min(map(len, second)) <= 1


@given(groups)
def test_a_group_at_rest_stays_as_it_is(group: tuple[int, dict[str, frozenset[int]]]) -> None:
    partitions, claims = group
    shares = assign(claims, partitions)
    for _ in range(2):
        shares = assign({member: given_.mine for member, given_ in shares.items()}, partitions)

    assert assign({member: given_.mine for member, given_ in shares.items()}, partitions) == shares
