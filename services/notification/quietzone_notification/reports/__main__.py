"""The process that makes a PDF: `python -m quietzone_notification.reports`, a report's data as JSON on its standard input."""

import resource
import sys

CPU_S = 30
"""A page takes 0.1 s here, on a slow and busy machine ten times as long."""
MEMORY = 400_000_000
"""Of data; a page takes 60 MB."""


def main() -> None:
    """Make it, within bounds that nothing in it can change."""
    from quietzone_notification.reports.pdf import pdf_of  # noqa: PLC0415 - loading it is bounded by nothing below

    report = sys.stdin.buffer.read()
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    sys.stdout.buffer.write(pdf_of(report))


main()
