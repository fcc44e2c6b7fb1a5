"""`make servers` starts them all, prints the variables to paste, stays until Ctrl-C; with a command, runs that on them until it ends.

    python -m servers quietzone serve --backends real

The command is told of fresh, empty databases by the product's own variables; those that are set already stay as they are. It isn't told
of the tests' own variables, which the product would refuse.
"""

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import urlsplit

from servers.catalogue import KINDS, Provided
from servers.pool import Pool

OF_THE_PRODUCT = ("kafka", "mongodb", "redis", "s3")
"""What a command needs; the others are for tests."""


def main() -> int:
    """0 after Ctrl-C, 1 if a server can't be had, else what the command ended with."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    pool = Pool()
    try:
        answers = pool.ensure(OF_THE_PRODUCT if sys.argv[1:] else KINDS)
        for name, answer in answers.items():
            sys.stderr.write(f"{name}: {answer.what}\n" if isinstance(answer, Provided) else f"{answer}\n")
        provided = [answer for answer in answers.values() if isinstance(answer, Provided)]
        if len(provided) < len(answers):
            return 1
        told = told_by(provided)
        if sys.argv[1:]:
            return _run(sys.argv[1:], told)
        sys.stdout.writelines(f"export {name}={shlex.quote(value)}\n" for name, value in told.items())
        sys.stdout.flush()
        sys.stderr.write("They run, with empty data, until Ctrl-C.\n")
        signal.pause()
    except KeyboardInterrupt:
        pass
    finally:
        pool.close()
    return 0


def _run(command: Sequence[str], told: Mapping[str, str]) -> int:
    """Run the command; a Ctrl-C is its own to answer."""
    process = subprocess.Popen(command, env=environment(told, os.environ))
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            process.send_signal(signal.SIGINT)


def environment(told: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    """What the command is told."""
    every = product_variables(told) | told | dict(environ)
    return {name: value for name, value in every.items() if not name.startswith("QUIETZONE_TEST_")}


def told_by(servers: Iterable[Provided]) -> dict[str, str]:
    """What users of all of them need in their environment.

    Raises:
        ValueError: two of them say different things by one variable.
    """
    told: dict[str, str] = {}
    for server in servers:
        for name, value in server.variables.items():
            if told.setdefault(name, value) != value:
                raise ValueError(f"{server.name} says otherwise by {name} than a server before it: let its own users set it")
    return told


def product_variables(told: Mapping[str, str]) -> dict[str, str]:
    """Where the product's parts find these servers."""
    documents = {
        f"QUIETZONE_{part}_DOCUMENTS_URL": f"{told['QUIETZONE_TEST_MONGODB_URL']}/quietzone_{part.lower()}"
        for part in ("QR", "TRACKING", "ANALYTICS", "STORAGE", "NOTIFICATION", "GATEWAY")
    }
    return documents | {
        "QUIETZONE_BUS_URL": told["QUIETZONE_TEST_KAFKA_URL"],
        "QUIETZONE_CACHE_URL": told["QUIETZONE_TEST_REDIS_URL"],
        "QUIETZONE_ANALYTICS_BLOBS_URL": told["QUIETZONE_TEST_S3_URL"],
        "QUIETZONE_STORAGE_BLOBS_URL": urlsplit(told["QUIETZONE_TEST_S3_URL"])._replace(path="/files").geturl(),
    }


if __name__ == "__main__":
    sys.exit(main())
