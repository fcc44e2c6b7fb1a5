"""The topics of a history: those of proto/topics with fewer partitions, since with sixteen of them a history takes three times as long.

Import this before any service: they take the declarations when they are imported.
"""

from dataclasses import replace

import quietzone_topics
from quietzone_kit.bus import Topic

PARTITIONS = 3


def _narrow(name: str) -> Topic:
    topic: Topic = getattr(quietzone_topics, name)
    narrow = replace(topic, partitions=min(topic.partitions, PARTITIONS))
    setattr(quietzone_topics, name, narrow)
    return narrow


TOPICS = tuple(_narrow(name) for name in ("ANALYTICS_MILESTONE_V1", "QR_CODE_V1", "TRACKING_SCAN_V1", "TRACKING_SOURCE_V1"))
