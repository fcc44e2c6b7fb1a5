"""toxiproxy, built from its Go module: a proxy that adds latency, resets and half-open connections.

Its URL is the one of its HTTP interface. Never a container: the ports of its proxies, chosen while it runs, couldn't be reached.
"""

from pathlib import Path

from servers.packages import Packages
from servers.process import NativeServer, free_port, says

VERSION = "v2.5.0"


def toxiproxy(folder: Path, packages: Packages) -> NativeServer:
    """A server that doesn't run yet and proxies nothing."""
    program = packages.go_program("github.com/Shopify/toxiproxy/v2/cmd/server", VERSION, "server")
    port = free_port()
    return NativeServer(
        (str(program), "-host", "127.0.0.1", "-port", str(port)),
        folder,
        lambda: says(port, b"GET /version HTTP/1.1\r\nHost: toxiproxy\r\nConnection: close\r\n\r\n", b"HTTP/1.1 200"),
        url=f"http://127.0.0.1:{port}",
        label=f"toxiproxy {VERSION}",
    )
