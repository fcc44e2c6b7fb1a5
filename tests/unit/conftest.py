"""How much hypothesis tries: `quick` while somebody waits for `make check`, its default of 100 examples in `make test`; with CI set these
are always the same.
"""

from hypothesis import settings

settings.register_profile("quick", max_examples=25)
