"""DuckDB. Imported when it is first used: it takes 35 MB and 0.3 s.

https://duckdb.org/docs/stable/operations_manual/securing_duckdb/overview: our queries are constant texts; the bounds are for files
that somebody else put into the archive, and for what DuckDB would fetch by itself.
"""

import threading
from collections.abc import Sequence
from pathlib import Path

import duckdb

from quietzone_analytics.tables import TableError
from quietzone_analytics.tables._place import quoted

MEMORY = "256MB"
"""What DuckDB may take beside its code; what needs more goes to files in our folder. A draft of 100,000 scans takes 150 MB."""


class Query:
    """One query over one file into another, in a database of its own that lives as long as the query."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        """DuckDB gets at no other folder than `folder`, and may spill `max_bytes` into it."""
        config: dict[str, str | bool | int | float | list[str]] = {
            "threads": 1,  # the order of rows is the order of the source, and the other processors are for others
            "memory_limit": MEMORY,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "allow_community_extensions": False,
            "temp_directory": str(folder / "spilled"),
            "max_temp_directory_size": f"{max_bytes}B",
        }
        self._turn = threading.Lock()  # who gives up closes it while a thread may still be at work
        self._connection = duckdb.connect(":memory:", config=config)
        self._connection.execute(f"SET allowed_directories = [{quoted(str(folder))}]")
        self._connection.execute("SET enable_external_access = false")
        self._connection.execute("SET TimeZone = 'UTC'")
        self._connection.execute("SET enable_progress_bar = false")  # it would write to stdout
        self._connection.execute("SET lock_configuration = true")

    def copy(self, query: str, sources: Sequence[Path], target: Path, form: str) -> None:
        """Write what `query` makes of `sources`, one after the other, to `target`.

        Raises:
            TableError: says which file and why.
            OSError: the disk is full.
        """
        text = query.replace("{source}", f"[{', '.join(quoted(str(source)) for source in sources)}]")
        try:
            with self._turn:
                self._connection.execute(f"COPY ({text}) TO {quoted(str(target))} ({form}, USE_TMP_FILE false)")
        except duckdb.Error as error:
            said = str(error).partition("\n")[0]
            if isinstance(error, duckdb.OutOfMemoryException) or "No space left" in said:
                raise OSError(said) from error
            raise TableError(f"{type(error).__name__}: {said}") from error

    def interrupt(self) -> None:
        """Have `copy` end soon; from another thread."""
        self._connection.interrupt()

    def close(self) -> None:
        """Let go of its memory."""
        with self._turn:
            self._connection.close()
