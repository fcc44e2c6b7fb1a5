"""Varnish from Debian, configured by docs/varnish.vcl; what stands behind it listens at the port that `origin` in the URL names."""

from pathlib import Path

from servers.packages import Packages
from servers.process import NativeServer, free_port, output_of, says, version_in

VCL = Path(__file__).parents[2] / "docs" / "varnish.vcl"


def varnish(folder: Path, packages: Packages) -> NativeServer:
    """A cache that doesn't run yet."""
    program = packages.program("varnishd", "varnish")
    port, origin = free_port(), free_port()
    configuration = folder / "own.vcl"
    configuration.write_text(VCL.read_text("utf-8").replace('"8082"', f'"{origin}"'))
    return NativeServer(
        (program, "-F", "-f", str(configuration), "-a", f"127.0.0.1:{port}", "-n", str(folder / "work"), "-s", "malloc,16m"),
        folder,
        lambda: says(port, b"PURGE / HTTP/1.1\r\nHost: varnish\r\nConnection: close\r\n\r\n", b"HTTP/1.1"),
        url=f"http://127.0.0.1:{port}?origin={origin}",
        label=f"Varnish {version_in(output_of(program, '-V'))}",
    )
