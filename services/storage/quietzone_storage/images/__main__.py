"""The process that decodes one image: `python -m quietzone_storage.images`, a Job on its standard input, a Result on its output."""

import resource
import sys

CPU_S = 20
"""A file of 8 megapixels takes 3 s here."""
ADDRESSES = 140_000_000
"""Of address space; what lies in memory is 13 MB less. Sizes that are taken (`uploads.files`) need up to 125 MB of it."""


def main() -> None:
    """Do the job, within bounds that nothing in the image can change."""
    from quietzone_storage.images.messages import Result, encode, job_of  # noqa: PLC0415 - libraries open files, and that ends below
    from quietzone_storage.images.resample import made_of, resized, size_of  # noqa: PLC0415

    job = job_of(sys.stdin.buffer.read())
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES, ADDRESSES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S + 1))  # SIGXCPU first: SIGKILL could be anybody's
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    try:
        if job.only_look:
            width, height = size_of(job.data, job.media_type)
            result = Result(width, height)
        elif job.form is not None:
            result = Result(files=(resized(job.data, job.media_type, job.form),))
        else:
            result = Result(files=tuple(made_of(job.data, job.media_type)))
    except MemoryError:
        result = Result(refused="it takes more memory than an image may")
    except Exception as error:  # noqa: BLE001 - a decoder raises what it likes, and all of it means the same
        result = Result(refused=f"it can't be decoded: {error}"[:200])
    sys.stdout.buffer.write(encode(result))


main()
