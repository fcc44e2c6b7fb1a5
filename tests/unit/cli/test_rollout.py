"""From one state of a release to the next."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quietzone_cli.release.rollout import (
    Color,
    Rollout,
    RolloutRefused,
    Running,
    blue_green,
    least_pods,
    parse,
    promotion,
    retired,
    rollback,
    staged,
)

OFF = Running(enabled=False, tag="", workers=False)
WORKING = Running(enabled=True, tag="1", workers=True)
RESTING = Running(enabled=True, tag="2", workers=False)
ALONE = Rollout(Color.BLUE, {Color.BLUE: WORKING, Color.GREEN: OFF})
BESIDE = Rollout(Color.BLUE, {Color.BLUE: WORKING, Color.GREEN: RESTING})


def test_a_staged_release_stands_beside_the_one_that_answers() -> None:
    assert staged(ALONE, "2", chart_tag="0") == BESIDE


def test_who_answers_keeps_its_images_when_another_chart_comes() -> None:
    of_the_chart = Rollout(Color.BLUE, {Color.BLUE: Running(enabled=True, tag="", workers=True), Color.GREEN: OFF})

    assert staged(of_the_chart, "2", chart_tag="1") == BESIDE


def test_another_release_can_be_staged_in_place_of_one_that_was_never_promoted() -> None:
    assert staged(BESIDE, "3", chart_tag="0").colors[Color.GREEN] == Running(enabled=True, tag="3", workers=False)


def test_new_workers_join_before_the_switch() -> None:
    steps = [(one.active, one.colors[Color.BLUE].workers, one.colors[Color.GREEN].workers) for one in promotion(BESIDE)]

    assert steps == [(Color.BLUE, True, True), (Color.GREEN, False, True)]


def test_a_promotion_that_was_interrupted_goes_on() -> None:
    joined, switched = promotion(BESIDE)

    assert promotion(joined)[-1] == switched


def test_a_promotion_that_was_interrupted_is_undone() -> None:
    joined, _ = promotion(BESIDE)

    assert rollback(joined) == (BESIDE,)


def test_a_rollback_switches_first() -> None:
    promoted = promotion(BESIDE)[-1]

    steps = [(one.active, one.colors[Color.BLUE].workers, one.colors[Color.GREEN].workers) for one in rollback(promoted)]

    assert steps == [(Color.BLUE, True, True), (Color.BLUE, True, False)]


def test_what_was_promoted_and_rolled_back_is_as_before() -> None:
    assert rollback(promotion(BESIDE)[-1])[-1] == BESIDE


def test_a_retired_colour_leaves_nothing_of_itself() -> None:
    assert retired(BESIDE) == ALONE


@pytest.mark.parametrize(
    ("step", "rollout", "said"),
    [
        (promotion, ALONE, "green isn't there: stage it first"),
        (rollback, ALONE, "green was retired"),
        (retired, promotion(BESIDE)[0], "green still works"),
        (lambda rollout: staged(rollout, "3", chart_tag="0"), promotion(BESIDE)[0], "green still works"),
    ],
)
def test_a_step_that_is_not_possible_says_why(step: object, rollout: Rollout, said: str) -> None:
    assert callable(step)
    with pytest.raises(RolloutRefused, match=said):
        step(rollout)


def test_a_release_that_is_not_blue_green_is_left_alone() -> None:
    with pytest.raises(RolloutRefused, match="helm upgrade"):
        blue_green({"rollout": {"strategy": "rolling"}})


def test_what_is_retired_already_stays_as_it_is() -> None:
    assert retired(ALONE) == ALONE


def test_roles_that_answer_are_known_with_the_value_that_sets_their_least_number() -> None:
    no, yes = {"enabled": False, "lag": {"enabled": False}}, {"enabled": True}
    roles = {
        "serve": {"kind": "serving", "enabled": True, "autoscaling": yes},
        "edge": {"kind": "edge", "enabled": True},
        "links": {"kind": "worker", "enabled": True},
        "old": {"kind": "serving", "enabled": False},
    }

    found = least_pods({"defaults": {"autoscaling": no}, "parts": {"p": {"roles": roles}}})

    assert found == {("p", "serve"): "parts.p.roles.serve.autoscaling.min", ("p", "edge"): "parts.p.roles.edge.replicas"}


@given(st.lists(st.sampled_from([staged, promotion, rollback, retired]), max_size=12))
def test_somebody_answers_and_somebody_works_whatever_is_asked(asked: list[object]) -> None:
    rollout = ALONE
    for step in asked:
        try:
            found = staged(rollout, "2", chart_tag="0") if step is staged else step(rollout)  # type: ignore[operator]
        except RolloutRefused:
            continue
        for rollout in found if isinstance(found, tuple) else (found,):
            assert rollout.colors[rollout.active].enabled
            assert any(one.enabled and one.workers for one in rollout.colors.values())


@given(st.sampled_from(Color), st.booleans(), st.booleans(), st.text())
def test_values_say_the_rollout(active: Color, enabled: bool, workers: bool, tag: str) -> None:
    rollout = Rollout(active, {active: WORKING, active.other: Running(enabled, tag, workers)})

    values = rollout.values()
    values["rollout"]["strategy"] = "blueGreen"

    assert parse(values) == rollout
