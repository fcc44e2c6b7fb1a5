"""What was used in each hour, from Prometheus."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

import httpx
from pydantic import BaseModel, Field, ValidationError

from quietzone_cli.errors import CommandFailed

HOUR_S = 3600
WITHIN_S = 60.0
"""For a query over a month; Prometheus itself gives up after two minutes."""

ROLE = "max by (job, instance, part, role) (quietzone_build_info)"
"""Which role a process has: a metric of the process, so that any way of scraping will do."""

READS = "get|get_many|query|scan"


def of_roles(series: str) -> str:
    """A series of each process with the labels part and role."""
    return f"{series} * on (job, instance) group_left (part, role) {ROLE}"


CPU = f"sum by (part, role) ({of_roles('rate(process_cpu_seconds_total[1h])')})"
BUSIEST = f"max by (part, role) ({of_roles('max_over_time(rate(process_cpu_seconds_total[5m])[1h:5m])')})"
MEMORY = f"sum by (part, role) ({of_roles('avg_over_time(process_resident_memory_bytes[1h])')})"
LARGEST = f"max by (part, role) ({of_roles('max_over_time(process_resident_memory_bytes[1h])')})"
PROCESSES = f"count by (part, role) ({ROLE})"
PUBLISHED = "sum(increase(quietzone_bus_published_bytes_total[1h]))"
READING = f'sum(increase(quietzone_documents_seconds_count{{operation=~"{READS}"}}[1h]))'
WRITING = f'sum(increase(quietzone_documents_seconds_count{{operation!~"{READS}|ensure"}}[1h]))'
STORED = 'sum(increase(quietzone_blobs_bytes_total{direction="written"}[1h]))'
TAKEN = 'sum(increase(quietzone_blobs_bytes_total{direction="read"}[1h]))'

Hours = Sequence[float]
"""A value an hour, hours without one left out."""

RoleName = tuple[str, str]
"""Part and role."""


@dataclass(frozen=True, slots=True)
class RoleUse:
    """A role's processes, hour by hour: cores and bytes of all, of the busiest (in 5 min) and the largest one, and how many there were."""

    cores: Hours
    busiest_cores: Hours
    memory_bytes: Hours
    largest_bytes: Hours
    processes: Hours


@dataclass(frozen=True, slots=True)
class Use:
    """What was used, hour by hour; `days` were asked for. Bytes and calls are those of the hour."""

    days: int
    roles: Mapping[RoleName, RoleUse]
    published_bytes: Hours
    reads: Hours
    writes: Hours
    stored_bytes: Hours
    taken_bytes: Hours

    @property
    def hours(self) -> int:
        """Hours that there is something known of."""
        return max((len(role.processes) for role in self.roles.values()), default=0)


class _Series(BaseModel):
    metric: dict[str, str]
    values: list[tuple[float, Annotated[float, Field(allow_inf_nan=True)]]]


class _Found(BaseModel):
    result: list[_Series]


class _Answer(BaseModel):
    status: str
    error: str = ""
    data: _Found | None = None


class Prometheus:
    """Asks one Prometheus, or what speaks as it does, for the `days` before `now_s` (Unix seconds)."""

    def __init__(self, http: httpx.AsyncClient, url: str, *, now_s: int, days: int) -> None:
        self._http = http
        self._url = url.rstrip("/")
        self._end = now_s - now_s % HOUR_S
        self._days = days

    async def use(self) -> Use:
        """All that was used.

        Raises:
            CommandFailed: it doesn't answer, or knows nothing of Quietzone.
        """
        roles = await self._roles()
        if not roles:
            raise CommandFailed(
                f"{self._url} knows no process of Quietzone in the last {self._days} days (quietzone_build_info): is /metrics of the "
                "operators' ports scraped, and is this the right Prometheus?"
            )
        return Use(
            days=self._days,
            roles=roles,
            published_bytes=await self._one(PUBLISHED),
            reads=await self._one(READING),
            writes=await self._one(WRITING),
            stored_bytes=await self._one(STORED),
            taken_bytes=await self._one(TAKEN),
        )

    async def _roles(self) -> Mapping[RoleName, RoleUse]:
        processes, cores, busiest = await self._each(PROCESSES), await self._each(CPU), await self._each(BUSIEST)
        memory, largest = await self._each(MEMORY), await self._each(LARGEST)
        return {
            role: RoleUse(cores.get(role, ()), busiest.get(role, ()), memory.get(role, ()), largest.get(role, ()), hours)
            for role, hours in sorted(processes.items())
        }

    async def _one(self, query: str) -> Hours:
        return next(iter((await self._each(query)).values()), ())

    async def _each(self, query: str) -> dict[RoleName, Hours]:
        asked = {"query": query, "start": str(self._end - self._days * 24 * HOUR_S + HOUR_S), "end": str(self._end), "step": str(HOUR_S)}
        try:
            answer = await self._http.post(f"{self._url}/api/v1/query_range", data=asked, timeout=WITHIN_S)
            said = _Answer.model_validate_json(answer.content)
        except httpx.HTTPError as error:
            raise CommandFailed(
                f"{self._url} doesn't answer: {error or type(error).__name__}; name a Prometheus with --prometheus"
            ) from error
        except ValidationError as error:
            raise CommandFailed(
                f"{self._url} answers, with {answer.status_code}, but not as Prometheus does: is that its address?"
            ) from error
        if said.data is None:
            raise CommandFailed(f"{self._url} refused a query: {said.error}")
        return {
            (one.metric.get("part", ""), one.metric.get("role", "")): [value for _, value in one.values if not math.isnan(value)]
            for one in said.data.result
        }
