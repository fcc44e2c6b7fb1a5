"""Prometheus from Debian, on samples that a test made."""

from pathlib import Path

from servers.packages import Packages
from servers.process import NativeServer, free_port, output_of, says, version_in

PACKAGE = "prometheus"
KEPT = "100d"


def prometheus(folder: Path, packages: Packages, samples: str) -> NativeServer:
    """A server that doesn't run yet, collects nothing, and has `samples` (OpenMetrics with times)."""
    promtool, program = packages.program("promtool", PACKAGE), packages.program("prometheus", PACKAGE)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "samples").write_text(samples)
    said = output_of(promtool, "tsdb", "create-blocks-from", "openmetrics", "--quiet", str(folder / "samples"), str(folder / "data"))
    assert (folder / "data").exists(), said
    (folder / "prometheus.yml").write_text("scrape_configs: []\n")
    port = free_port()
    options = ("--config.file=prometheus.yml", "--storage.tsdb.path=data", f"--storage.tsdb.retention.time={KEPT}")
    return NativeServer(
        (program, *options, f"--web.listen-address=127.0.0.1:{port}"),
        folder,
        lambda: says(port, b"GET /-/ready HTTP/1.0\r\n\r\n", b"HTTP/1.0 200"),
        url=f"http://127.0.0.1:{port}",
        label=f"Prometheus {version_in(output_of(program, '--version'))}",
    )
