"""clamd from Debian, with a database of one signature of our own: the file that all scanners know (https://www.eicar.org)."""

from pathlib import Path

from servers.packages import Packages
from servers.process import NativeServer, free_port, output_of, says, version_in

EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}" + b"$EICAR-STANDARD-" + b"ANTIVIRUS-TEST-FILE!$H+H*"
"""In parts, so that no scanner takes this file for it."""

NAME = "Quietzone.Test.Eicar"


def clamd(folder: Path, packages: Packages) -> NativeServer:
    """A scanner that doesn't run yet."""
    program = packages.program("clamd", "clamav-daemon")
    port = free_port()
    database = folder / "database"
    database.mkdir(parents=True, exist_ok=True)
    (database / "own.ndb").write_text(f"{NAME}:0:*:{EICAR.hex()}\n")
    settings = folder / "clamd.conf"
    settings.write_text(
        f"Foreground yes\nTCPSocket {port}\nTCPAddr 127.0.0.1\nDatabaseDirectory {database}\nStreamMaxLength 25M\nMaxThreads 2\n"
        f"TemporaryDirectory {folder}\nConcurrentDatabaseReload no\n"
    )
    return NativeServer(
        (program, "--config-file", str(settings)),
        folder,
        lambda: says(port, b"zPING\0", b"PONG\0"),
        url=f"clamd://127.0.0.1:{port}",
        label=f"clamd {version_in(output_of(program, '--version'))}",
    )
