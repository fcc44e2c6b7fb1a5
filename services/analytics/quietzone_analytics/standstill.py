"""What becomes of a projection whose log isn't the one that it has read: it stands still, and the rest of the process goes on."""

import asyncio
import math
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn

from quietzone_analytics.metrics import STANDS_STILL
from quietzone_kit.bus import OffsetGone, TopicMismatch, UnknownTopic
from quietzone_kit.projection import ForeignLog
from quietzone_kit.reaction import FailsOnEverything
from quietzone_kit.telemetry import logger

log = logger(__name__)

AGAIN_S = 1.0
"""Before a projection claims its partitions anew because its log changed under it: the claim says what has become of that."""

LOOK_AGAIN_S = 60.0
"""Between looks whether the log was restored or adopted: somebody has to do that, and reads a line each time until then."""

SETTLED_S = 10.0
"""A projection that has run for so long has claimed its partitions: ten times what it takes."""


def stands_still(name: str, project: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], Coroutine[Any, Any, NoReturn]]:
    """`project` as a task that no log ends: questions are answered although nothing is counted."""

    async def run() -> NoReturn:
        gauge = STANDS_STILL.labels(name)
        while True:
            settled = asyncio.get_running_loop().call_later(SETTLED_S, gauge.set, 0)
            try:
                await project()
            except (OffsetGone, UnknownTopic) as error:
                log.warning("a projection begins anew: its log has changed", projection=name, reason=str(error))
                wait_s = AGAIN_S
            except (ForeignLog, TopicMismatch) as error:
                gauge.set(1)
                log.error("a projection stands still; the rest goes on", projection=name, reason=str(error))  # noqa: TRY400 - it says it all
                wait_s = LOOK_AGAIN_S
            except FailsOnEverything as error:
                gauge.set(1)
                log.error("a reaction stands still; the rest goes on", projection=name, reason=str(error))  # noqa: TRY400 - it says it all
                wait_s = math.inf  # begun anew it would put as many more among the dead
            finally:
                settled.cancel()
            await asyncio.sleep(wait_s)

    return run
