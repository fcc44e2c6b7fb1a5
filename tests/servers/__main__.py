"""`make servers`: starts them all, prints the variables to paste, stays until Ctrl-C."""

import shlex
import signal
import sys

from servers.catalogue import KINDS, Provided
from servers.pool import Pool


def main() -> int:
    """0 after Ctrl-C, 1 if a server can't be had."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    pool = Pool()
    try:
        answers = pool.ensure(KINDS)
        for name, answer in answers.items():
            sys.stderr.write(f"{name}: {answer.what}\n" if isinstance(answer, Provided) else f"{answer}\n")
        if not all(isinstance(answer, Provided) for answer in answers.values()):
            return 1
        for answer in answers.values():
            if isinstance(answer, Provided):
                sys.stdout.writelines(f"export {name}={shlex.quote(value)}\n" for name, value in answer.variables.items())
        sys.stdout.flush()
        sys.stderr.write("They run, with empty data, until Ctrl-C.\n")
        signal.pause()
    except KeyboardInterrupt:
        pass
    finally:
        pool.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
