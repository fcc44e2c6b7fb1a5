"""The process that prints: `python -m quietzone_storage.prints`, a Job on its standard input, a Result on its output."""

import resource
import sys

CPU_S = 120
"""1,000 labels take 4 s here, on a slow and busy machine ten times as long."""
MEMORY = 600_000_000
"""Of data: 1,000 pages with a label each that are looked at take 340 MB."""


def main() -> None:
    """Do the job, within bounds that nothing in it can change."""
    from quietzone_storage.prints.archives import make_archive  # noqa: PLC0415 - libraries open files, and that ends below
    from quietzone_storage.prints.domain import TooSmall  # noqa: PLC0415
    from quietzone_storage.prints.messages import FEWER, Result, encode, job_of  # noqa: PLC0415
    from quietzone_storage.prints.sheets import make_sheets  # noqa: PLC0415
    from quietzone_storage.variants.domain import WrongSymbol  # noqa: PLC0415
    from quietzone_storage.variants.symbol import NotShown  # noqa: PLC0415

    job = job_of(sys.stdin.buffer.read())
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S + 1))  # SIGXCPU first: SIGKILL could be anybody's
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    try:
        if job.layout is None:
            result = Result(make_archive(job.labels, job.symbols))
        else:
            result = Result(make_sheets(job.title, job.labels, job.symbols, job.layout))
    except MemoryError:
        result = Result(refused=f"it takes more memory than a print may: {FEWER}")
    except (TooSmall, WrongSymbol, NotShown) as error:
        result = Result(refused=str(error))
    sys.stdout.buffer.write(encode(result))


main()
