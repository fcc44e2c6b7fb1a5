"""Ports of this machine, checked before anything starts."""

import errno
import socket

from quietzone_standalone.errors import PortTaken
from quietzone_standalone.settings import FILES_ABOVE_API, SCANS_ABOVE_API

ELSEWHERE = (9000, 10000)
"""What to try instead: the first that isn't the taken one."""


def check_free(port: int, what: str) -> None:
    """See that nobody listens on `port`.

    Raises:
        PortTaken: somebody does, or the port may not be used by this user.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("0.0.0.0", port))
        except OSError as error:
            reason = "is taken by another program" if error.errno == errno.EADDRINUSE else f"can't be used ({error.strerror})"
            other = next(free for free in ELSEWHERE if port not in {free, free + SCANS_ABOVE_API, free + FILES_ABOVE_API})
            raise PortTaken(
                f"port {port} ({what}) {reason}: stop it, or choose others with PORT={other} (scans then on "
                f"{other + SCANS_ABOVE_API}, files on {other + FILES_ABOVE_API})"
            ) from error
