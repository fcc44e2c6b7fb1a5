"""What a kubectl says of jobs and of pods that aren't ready."""

import pytest
from unit.cli.programs import Installation, container, pod

from quietzone_cli.release import cluster
from quietzone_cli.release.commands import ReleaseFailed
from quietzone_cli.release.rollout import Color


async def test_a_job_that_fails_says_what_it_printed(installation: Installation) -> None:
    installation.ends("Failed", "BackoffLimitExceeded")
    installation.programs.answer("kubectl --namespace shop logs job/", "qr: 3 events can't be decoded")

    with pytest.raises(ReleaseFailed, match=r"quietzone-verify-green failed \(BackoffLimitExceeded\): qr: 3 events can't be decoded"):
        await installation.release.cluster.run_job("quietzone-verify-green")


async def test_a_job_whose_pods_are_gone_says_why_it_failed(installation: Installation) -> None:
    installation.ends("Failed", "DeadlineExceeded")
    installation.programs.refuse("kubectl --namespace shop logs job/", "error: no pods found")

    with pytest.raises(ReleaseFailed, match=r"failed \(DeadlineExceeded\): it printed nothing"):
        await installation.release.cluster.run_job("quietzone-verify-green")


async def test_a_job_is_waited_for_as_long_as_it_may_take(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "JOB_ENDS_S", 0.05)
    installation.ends("", deadline_s=0.05)

    with pytest.raises(ReleaseFailed, match="quietzone-verify-green-now didn't end within 0 s"):
        await installation.release.cluster.run_job("quietzone-verify-green")

    assert "delete job quietzone-verify-green-now" in installation.programs.asked()[-1]


async def test_a_secret_that_is_not_there_is_named(installation: Installation) -> None:
    said = 'secret "own-account" not found'
    lacks = pod("g-0", "blue", containers=[container("serve", waiting="CreateContainerConfigError", message=said)])
    installation.finds("pods", lacks, color="blue")

    (found,) = await installation.release.cluster.unready(Color.BLUE)

    assert found.reason == f"serve: CreateContainerConfigError: {said}"


async def test_a_sidecar_that_crashes_is_named_with_its_own_last_words(installation: Installation) -> None:
    crashing = pod(
        "e-0",
        "blue",
        sidecars=[container("forwarder", waiting="CrashLoopBackOff")],
        containers=[container("edge", waiting="PodInitializing")],
    )
    installation.finds("pods", crashing, color="blue")
    installation.programs.answer("kubectl --namespace shop logs e-0 --tail=1 --container forwarder", "the spool is another one's")

    (found,) = await installation.release.cluster.unready(Color.BLUE)

    assert found.reason == "forwarder: the spool is another one's"


async def test_a_pod_whose_containers_said_nothing_yet_starts(installation: Installation) -> None:
    installation.finds("pods", pod("e-0", "blue", containers=[container("edge", waiting="ContainerCreating")]), color="blue")

    (found,) = await installation.release.cluster.unready(Color.BLUE)

    assert found.reason == "starting"
