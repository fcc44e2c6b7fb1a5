"""Puts a mutant in the place of a production module, when that module is imported."""

import importlib.abc
import importlib.machinery
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType


@dataclass(frozen=True, slots=True)
class Mutant:
    """A fault that could have been made: in `module`, the text `before` becomes `after`.

    `seeds` are histories that are known to catch it; `why` says which promise it breaks.
    """

    name: str
    module: str
    before: str
    after: str
    why: str
    seeds: tuple[int, ...]

    def applied_to(self, source: str) -> str:
        """The module's source with the fault in it.

        Raises:
            LookupError: the text isn't there exactly once; the code has moved on, and the mutant must follow it.
        """
        times = source.count(self.before)
        if times != 1:
            raise LookupError(f"mutant {self.name}: its text occurs {times} times in {self.module}, not once; write it anew")
        return source.replace(self.before, self.after)


class _Loader(importlib.abc.Loader):
    def __init__(self, mutant: Mutant, origin: str) -> None:
        self._mutant = mutant
        self._origin = origin

    def exec_module(self, module: ModuleType) -> None:
        with open(self._origin, encoding="utf-8") as file:  # noqa: PTH123 - an import needs no more
            source = self._mutant.applied_to(file.read())
        exec(compile(source, self._origin, "exec"), module.__dict__)  # noqa: S102 - our own source


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if fullname != self._mutant.module:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.origin is None:
            raise LookupError(f"mutant {self._mutant.name}: there is no module {fullname}")
        spec.loader = _Loader(self._mutant, spec.origin)
        return spec


def install(mutant: Mutant) -> None:
    """Have this interpreter import the mutant; call it before the module is imported for the first time."""
    if mutant.module in sys.modules:
        raise LookupError(f"mutant {mutant.name}: {mutant.module} is imported already")
    sys.meta_path.insert(0, _Finder(mutant))
