"""`quietzone release`, with a helm and a kubectl that say what is asked of them."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from typer.testing import CliRunner
from unit.cli.programs import OFF, RESTING, WORKING, Installation, container, item, pod, workload

from quietzone_cli.release import app, steps
from quietzone_cli.release.commands import ReleaseFailed
from quietzone_cli.release.rollout import RolloutRefused
from quietzone_cli.release.steps import Release


def stage(release: Release) -> Awaitable[None]:
    """Of images that are new."""
    return release.stage("3")


SWITCHING = (stage, Release.verify, Release.promote, Release.rollback, Release.retire)


async def test_staging_prepares_stores_within_the_time_that_the_release_gives_them(installation: Installation) -> None:
    await installation.release.stage("3")

    (asked,) = installation.programs.asked("helm upgrade")
    assert "--timeout 960s" in asked
    assert "--no-hooks" not in asked


async def test_staging_says_why_stores_were_not_prepared(installation: Installation) -> None:
    installation.programs.refuse("helm upgrade", "pre-upgrade hooks failed: BackoffLimitExceeded")
    ended = [
        container(name) | {"state": {"terminated": {"exitCode": code}}}
        for name, code in (("migrate-qr-green", 1), ("migrate-gateway-green", 0))
    ]
    tried = pod("prepare-1", "", containers=ended)
    installation.finds(
        "pods", tried | {"status": tried["status"] | {"phase": "Failed", "startTime": "2026-11-21T10:00:00Z"}}, role="prepare"
    )
    said = [
        '{"message": "the process ends", "level": "error", "reason": "the store was changed for good"}',
        '{"message": "stopped", "level": "info"}',
    ]
    installation.programs.answer("kubectl --namespace shop logs prepare-1", "\n".join(said))

    with pytest.raises(ReleaseFailed, match=r"BackoffLimitExceeded.*migrate-qr-green: the process ends: the store was changed for good$"):
        await installation.release.stage("3")


async def test_staging_names_the_images_of_both_colours(installation: Installation) -> None:
    installation.colors(blue=WORKING | {"tag": ""}, green=OFF)

    await installation.release.stage("3")

    (asked,) = installation.programs.asked("helm upgrade")
    assert '"blue": {"enabled": true, "tag": "1.0.0", "workers": true}, "green": {"enabled": true, "tag": "3", "workers": false}' in asked


async def test_staging_says_what_is_not_ready(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "READY_S", 0.1)
    installation.finds("deployments,statefulsets", workload("green", ready=1), color="green")
    installation.finds("pods", pod("g-1", "green", containers=[container("serve")]), color="green")
    installation.programs.answer("kubectl --namespace shop logs g-1", '{"message": "stopped", "error": "no bus"}')

    with pytest.raises(ReleaseFailed, match=r"quietzone-gateway-serve-green not ready within 0 s: g-1: serve: stopped: no bus"):
        await installation.release.stage("3")


async def test_staging_waits_no_longer_for_what_keeps_crashing(installation: Installation) -> None:
    crashing = container("serve", waiting="CrashLoopBackOff") | {"restartCount": 3}
    installation.finds("deployments,statefulsets", workload("green", ready=1), color="green")
    installation.finds("pods", pod("g-1", "green", containers=[crashing]), color="green")
    installation.programs.answer("kubectl --namespace shop logs g-1", "this release is broken")

    with pytest.raises(ReleaseFailed, match=r"quietzone-gateway-serve-green keep crashing: g-1: serve: this release is broken"):
        await installation.release.stage("3")


async def test_a_promotion_verifies_then_joins_then_switches(installation: Installation) -> None:
    await installation.release.promote()

    asked = installation.programs.asked()
    assert [line.split()[0] for line in asked if "helm upgrade" in line or "create job" in line] == ["kubectl", "helm", "helm"]
    assert installation.changes() == ["blue: blue, green", "green: green"]


async def test_nothing_comes_between_the_word_of_a_promotion_and_its_switch(installation: Installation) -> None:
    asked_before: list[int] = []
    release = replace(installation.release, say=lambda _: asked_before.append(len(installation.programs.asked())))

    await release.promote()

    assert installation.programs.asked()[asked_before[-2]].startswith("helm upgrade")


async def test_a_promotion_changes_values_alone(installation: Installation) -> None:
    await installation.release.promote()

    assert all("--no-hooks" in line for line in installation.programs.asked("helm upgrade"))


async def test_a_promotion_with_another_chart_is_refused_before_anything_changes(installation: Installation) -> None:
    installation.programs.answer("helm show chart", "version: 2.0.0")

    with pytest.raises(ReleaseFailed, match=r"chart is quietzone-2.0.0, the release was made with quietzone-1.0.0"):
        await installation.release.promote()

    assert installation.changes() == []


async def test_a_colour_with_fewer_pods_than_answer_is_not_promoted(installation: Installation) -> None:
    installation.holds({"defaults": {"autoscaling": {"enabled": True, "lag": {"enabled": False}}}})
    installation.finds("deployments,statefulsets", workload("blue", wanted=7, ready=6), color="blue")

    with pytest.raises(ReleaseFailed, match=r"gateway serve has 2 ready where 6 answer.*parts.gateway.roles.serve.autoscaling.min=6"):
        await installation.release.promote()

    assert installation.changes() == []


async def test_workers_that_rest_are_not_counted_before_a_promotion(installation: Installation) -> None:
    installation.finds("deployments,statefulsets", workload("blue", part="tracking", role="links", wanted=9, ready=9), color="blue")

    await installation.release.promote()

    assert installation.changes()[-1] == "green: green"


async def test_a_rollback_switches_before_it_looks(installation: Installation) -> None:
    installation.colors(blue=WORKING | {"workers": False}, green=RESTING | {"workers": True}, active="green")

    await installation.release.rollback()

    assert installation.changes() == ["blue: blue, green", "blue: blue"]


async def test_retiring_removes_the_colour_then_what_only_it_needed(installation: Installation) -> None:
    await installation.release.retire()

    changes = [line for line in installation.programs.asked() if "helm upgrade" in line or "create job" in line]
    assert '"green": {"enabled": false' in changes[0]
    assert "--from=cronjob/quietzone-contract-blue" in changes[1]


async def test_scans_that_wait_keep_a_colour(installation: Installation) -> None:
    installation.finds("pods", pod("e-0", "green"), color="green", role="edge")
    installation.programs.answer("kubectl --namespace shop exec e-0", "quietzone_tracking_scans_waiting 17.0")

    with pytest.raises(ReleaseFailed, match="17 in e-0"):
        await installation.release.retire()

    assert installation.changes() == []


async def test_a_disk_that_does_not_say_how_many_scans_wait_keeps_a_colour(installation: Installation) -> None:
    installation.finds("pods", pod("e-0", "green"), color="green", role="edge")
    installation.programs.answer("kubectl --namespace shop exec e-0", "quietzone_tracking_scans_waiting NaN")

    with pytest.raises(ReleaseFailed, match="e-0: its forwarder can't say how many scans wait"):
        await installation.release.retire()

    assert installation.changes() == []


async def test_claims_that_no_pod_looked_into_are_named(installation: Installation) -> None:
    claims = [item("PersistentVolumeClaim", f"spool-e-{number}") for number in range(4)]
    done = pod("adopt-spool-e-2", "blue", claim="spool-e-2")
    done["status"]["phase"] = "Succeeded"
    installation.finds("persistentvolumeclaims", *claims, color="green")
    installation.finds("pods", pod("e-0", "green", claim="spool-e-0"), done)
    installation.finds("pods", color="green", role="edge")

    await installation.release.retire()

    assert "no pod has spool-e-1, spool-e-3" in installation.lines[0]
    assert "--set 'adopt={spool-e-1,spool-e-3}'" in installation.lines[0]


async def test_what_only_a_retired_colour_needed_is_removed_after_a_job_failed(installation: Installation) -> None:
    installation.colors(green=OFF)

    await installation.release.retire()

    assert installation.programs.asked("create job quietzone-contract-blue")
    assert installation.lines[0] == "green is gone already; what only it needed in the stores is looked for again"
    assert installation.changes() == []


@pytest.mark.parametrize("step", SWITCHING)
async def test_a_release_whose_helm_was_killed_is_put_in_order_first(
    installation: Installation, step: Callable[[Release], Awaitable[None]]
) -> None:
    installation.revisions("superseded", "deployed", "pending-upgrade")

    with pytest.raises(ReleaseFailed, match=r"is pending-upgrade.*`helm rollback quietzone 2 --namespace shop`"):
        await step(installation.release)

    assert installation.programs.asked("kubectl") == []


async def test_an_upgrade_that_may_be_half_there_is_taken_back_first(installation: Installation) -> None:
    installation.revisions("superseded", "deployed", "failed", description='Upgrade "quietzone" failed: context canceled')

    with pytest.raises(ReleaseFailed, match=r"context canceled.*`helm rollback quietzone 2"):
        await installation.release.rollback()


async def test_a_release_that_could_not_be_staged_is_as_if_it_had_not_been_asked_for(installation: Installation) -> None:
    installation.colors(green=OFF)
    refused = 'Upgrade "quietzone" failed: pre-upgrade hooks failed: job failed: BackoffLimitExceeded'
    installation.revisions("superseded", "deployed", "failed", description=refused)
    asked_for = installation.values | {"rollout": installation.values["rollout"] | {"colors": {"blue": WORKING, "green": RESTING}}}
    installation.programs.answer("helm get values quietzone --namespace shop --revision 3", asked_for)
    installation.programs.answer("helm get values quietzone --namespace shop --all", asked_for)

    with pytest.raises(RolloutRefused, match="green was retired"):
        await installation.release.rollback()


async def test_a_release_that_never_came_up_is_said(installation: Installation) -> None:
    installation.revisions("superseded", "pending-install")

    with pytest.raises(ReleaseFailed, match=r"is pending-install and was never deployed.*helm uninstall quietzone --namespace shop"):
        await installation.release.stage("3")


async def test_a_release_that_is_not_there_is_said(installation: Installation) -> None:
    installation.programs.refuse("helm history", "Error: release: not found")

    with pytest.raises(ReleaseFailed, match="there is no release quietzone in namespace shop"):
        await installation.release.status()


async def test_a_cluster_that_does_not_answer_is_not_taken_for_one_without_the_release(installation: Installation) -> None:
    installation.programs.refuse("helm history", "Error: Kubernetes cluster unreachable")

    with pytest.raises(ReleaseFailed, match="cluster unreachable"):
        await installation.release.status()


async def test_status_says_that_helm_was_killed_and_shows_what_runs(installation: Installation) -> None:
    installation.revisions("superseded", "deployed", "pending-upgrade")

    found = await installation.release.status()

    assert "pending-upgrade" in installation.lines[0]
    assert [one.workloads[0].ready for one in found] == [2, 2]


async def test_status_shows_a_release_that_rolls_in_its_one_colour(installation: Installation) -> None:
    installation.holds({"rollout": {"strategy": "rolling", "activeColor": "green", "colors": {"blue": RESTING, "green": OFF}}})

    found = await installation.release.status()

    assert [(one.color, one.share, one.running.enabled, len(one.workloads)) for one in found] == [
        ("blue", 100, True, 1),
        ("green", 0, False, 0),
    ]


async def test_status_shows_what_a_canary_takes(installation: Installation) -> None:
    canary = {"strategy": "canary", "canary": {"provider": "gatewayApi", "weight": 5}}
    installation.holds({"rollout": installation.values["rollout"] | canary})

    found = await installation.release.status()

    assert [(one.color, one.share) for one in found] == [("blue", 95), ("green", 5)]


async def test_status_shows_what_argo_rolls(installation: Installation) -> None:
    canary = {"strategy": "canary", "canary": {"provider": "argoRollouts", "weight": 0}}
    installation.holds({"rollout": installation.values["rollout"] | canary})
    rolled = workload("blue", kind="Rollout", ready=2)
    rolled["status"] |= {"updatedReplicas": 1, "observedGeneration": "1"}
    installation.finds("deployments,statefulsets,rollouts.argoproj.io", rolled, color="blue")

    (found, _) = await installation.release.status()

    assert [(one.name, one.ready) for one in found.workloads] == [("quietzone-gateway-serve-blue", 2)]


@pytest.mark.parametrize("step", SWITCHING)
async def test_only_a_release_of_two_colours_is_switched(installation: Installation, step: Callable[[Release], Awaitable[None]]) -> None:
    installation.holds({"rollout": installation.values["rollout"] | {"strategy": "rolling"}})

    with pytest.raises(RolloutRefused, match="helm upgrade"):
        await step(installation.release)


def test_status_ends_with_a_failure_where_something_is_not_ready(installation: Installation) -> None:
    installation.holds({"rollout": installation.values["rollout"] | {"strategy": "canary", "canary": {"weight": 5}}})
    installation.finds("deployments,statefulsets", workload("green", ready=1), color="green")

    ended = CliRunner().invoke(app, ["status", "--namespace", "shop", "--chart", "chart"])

    assert ended.exit_code == 1
    assert "green: answers 5 %" in ended.output
    assert "1 of 2" in ended.output


def test_a_step_that_is_not_possible_ends_with_a_sentence(installation: Installation) -> None:
    installation.colors(green=OFF)

    ended = CliRunner().invoke(app, ["rollback", "--namespace", "shop", "--chart", "chart"])

    assert (ended.exit_code, "green was retired: stage the older release" in ended.output) == (1, True)
