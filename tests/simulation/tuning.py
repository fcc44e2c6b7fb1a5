"""Declarations and bounds made small, so that short histories reach what else takes thousands of scans, or minutes.

Import this before any service: they take the declarations of topics when they are imported.
"""

from dataclasses import replace

import quietzone_topics
from quietzone_kit.bus import Topic

PARTITIONS = 3
"""Of each topic; with sixteen a history takes three times as long."""

SNAPSHOT_EVERY_S = 1.0
"""Between two snapshots of an edge's links: a history is over before a minute has passed."""

LOOK_EVERY_S = (0.05, 0.25)
"""Between two looks of a waiting consumer at what other processes have committed, at first and later; most of a history would be looks."""

FORWARDER_LOOKS_EVERY_S = 0.1
"""Between two looks of the forwarder at its spool, likewise."""

MAX_SCANS = 5
"""Scans in a batch, so that a publication has several of one source for one partition, which can overtake each other."""

TASK_LEASE_S, TASK_SKEW_S = 1.0, 0.5
"""For which a task rests when its worker is gone; pauses are longer."""


def _narrow(name: str) -> Topic:
    topic: Topic = getattr(quietzone_topics, name)
    narrow = replace(topic, partitions=min(topic.partitions, PARTITIONS))
    setattr(quietzone_topics, name, narrow)
    return narrow


TOPICS = tuple(_narrow(name) for name in ("ANALYTICS_MILESTONE_V1", "QR_CODE_V1", "TRACKING_SCAN_V1", "TRACKING_SOURCE_V1"))


def tune() -> None:
    """Set the bounds."""
    from quietzone_kit.bus._sqlite import pulse  # noqa: PLC0415 - after the topics
    from quietzone_kit.tasks import _run, _worker  # noqa: PLC0415
    from quietzone_tracking.forwarder import batches, forwarder  # noqa: PLC0415
    from quietzone_tracking.links import view  # noqa: PLC0415

    pulse.SHORTEST_LOOK_S, pulse.LONGEST_LOOK_S = LOOK_EVERY_S
    _run.LEASE_S = _worker.LEASE_S = TASK_LEASE_S
    _worker.SKEW_S = TASK_SKEW_S
    _run.RENEW_S, _run.TELL_EVERY_S = TASK_LEASE_S / 3, TASK_LEASE_S / 4
    forwarder.POLL_S = FORWARDER_LOOKS_EVERY_S
    batches.MAX_SCANS = MAX_SCANS
    view.SAVE_EVERY_S = SNAPSHOT_EVERY_S
