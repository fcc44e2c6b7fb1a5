"""What the kernel knows of a process."""

from pathlib import Path


def children(pid: int) -> list[int]:
    """Its children that live, of its main thread; none when it has ended."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def memory_mb(pid: int) -> tuple[float, float]:
    """Resident set and PSS (shared pages counted once over all that share them) in MB; nothing when it has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    except (FileNotFoundError, ProcessLookupError):
        return 0.0, 0.0
    found = {name: int(value.split()[0]) * 1024 / 1e6 for name, _, value in (line.partition(":") for line in lines)}
    return found.get("Rss", 0.0), found.get("Pss", 0.0)
