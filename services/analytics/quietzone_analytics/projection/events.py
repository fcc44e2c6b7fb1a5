"""Events out: milestones."""

from quietzone.analytics.v1 import analytics_pb2
from quietzone_analytics.rollups import CodeKey, Milestone
from quietzone_kit.bus import Message
from quietzone_kit.events import Event
from quietzone_topics import ANALYTICS_MILESTONE_V1, TYPE_ANALYTICS_MILESTONE


def milestone_message(key: CodeKey, milestone: Milestone) -> Message:
    """MilestoneReached; the same bytes and the same id however often it is made."""
    reached = analytics_pb2.MilestoneReached(
        code_id=key.code_id,
        account_id=key.account_id,
        threshold=milestone.threshold,
        reached_at_ms=milestone.reached_at_ms,
    )
    return Event(
        id=f"milestone:{key.code_id}:{milestone.threshold}",
        source="/quietzone/analytics",
        type=TYPE_ANALYTICS_MILESTONE,
        subject=key.code_id,
        time_ms=milestone.reached_at_ms,
        data=reached.SerializeToString(deterministic=True),
    ).to_message(ANALYTICS_MILESTONE_V1.name)
