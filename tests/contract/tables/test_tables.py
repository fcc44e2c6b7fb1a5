from pathlib import Path

import pytest

from quietzone_analytics.tables import NoRoom, TableError, Tables, open_tables
from quietzone_kit.runtime import SystemRandomness, ThreadExecutor


async def test_a_query_reads_no_file_but_drafts(tables: Tables, tmp_path: Path) -> None:
    secret = tmp_path.parent / "secret.csv"
    secret.write_text("a\n1\n")

    with pytest.raises(TableError, match="Permission"):
        await tables.to_lines(await tables.draft(), f"SELECT * FROM read_csv('{secret}')")  # noqa: S608


async def test_drafts_take_no_more_room_than_they_may(tables: Tables) -> None:
    draft = await tables.draft()

    with pytest.raises(NoRoom, match="QUIETZONE_ANALYTICS_TEMP_BYTES"):
        await tables.append(draft, bytes(50_000_001))
    assert tables.held_bytes == 0


async def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    executor = ThreadExecutor("tables", 2)
    (old, new) = (open_tables(tmp_path, executor=executor, randomness=SystemRandomness(), max_bytes=1_000) for _ in range(2))
    await old.append(await old.draft(), b"left")
    [folder] = [path for path in tmp_path.glob("*/*") if path.is_dir()]
    old._place._lock.release()  # type: ignore[attr-defined] # as the end of a process does
    await new.draft()

    assert not folder.exists()
    await new.close()
    executor.close()
