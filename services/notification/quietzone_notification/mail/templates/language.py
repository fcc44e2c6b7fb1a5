"""The language of templates: Jinja2 with nothing that computes, calls or keeps anything.

Whoever writes a template is a stranger. It is read against a list of what may be in it, so that what Jinja2 learns later isn't in it; names
and attributes lead to what a mail is filled with and nowhere else; and each step counts, so that a template ends soon whatever it is filled
with. Jinja2's own sandbox is beneath that.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from jinja2 import StrictUndefined, Template, nodes
from jinja2.exceptions import SecurityError, TemplateError, TemplateSyntaxError
from jinja2.meta import find_undeclared_variables
from jinja2.runtime import Context, LoopContext, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import pass_context

from quietzone_notification.mail.templates.filters import FILTERS, TooMuch, Weighed

MAX_NODES = 2_000
MAX_DEPTH = 40
MAX_LOOPS = 3
"""Of loops within each other."""
MAX_STEPS = 100_000
"""Of one rendering: 0.01 to 0.2 s, by what is in them. A mail with a table of 1,000 lines of ten fields takes some 60,000."""
MAX_OUTPUT = 200_000
"""Characters of what is rendered: twice of what programs that read mail show."""
MAX_REASON = 200

TESTS = ("defined", "undefined", "none", "boolean", "string", "number", "mapping", "sequence", "true", "false")
LOOP = frozenset({"index", "index0", "revindex", "revindex0", "first", "last", "length"})

_BUDGET = "_budget"
"""In a rendering's context; no template can name what begins with an underscore."""

_ALLOWED = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.Getattr, nodes.Getitem),
    *(nodes.For, nodes.If, nodes.CondExpr, nodes.Filter, nodes.Test, nodes.Compare, nodes.Operand),
    *(nodes.And, nodes.Or, nodes.Not, nodes.Neg, nodes.List, nodes.Tuple),
)


class InvalidTemplate(ValueError):
    """Nothing that a template can be: says in which line, and why."""


class CantRender(ValueError):
    """A template can't be filled with this: says in which line, and why."""


class _Budget:
    """What a rendering may still take."""

    def __init__(self) -> None:
        self.steps = MAX_STEPS

    def spend(self, steps: int) -> None:
        self.steps -= steps
        if self.steps < 0:
            raise TooMuch(f"it takes more than {MAX_STEPS:,} steps: leave out loops, or fill it with less")


class _Environment(ImmutableSandboxedEnvironment):
    """Names and attributes lead into data, which is what JSON has, and nowhere else."""

    def __init__(self, *, is_html: bool) -> None:
        super().__init__(undefined=StrictUndefined, autoescape=is_html, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=False)
        self.globals.clear()
        self.filters = {name: _counting(weighed) for name, weighed in FILTERS.items()} | {"_counted": _counted, "_weighed": _weighed}
        self.tests = {name: self.tests[name] for name in TESTS}

    def getattr(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, LoopContext) and attribute in LOOP:
            return getattr(obj, attribute)
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(obj, Undefined):
            str(obj)  # says what isn't there
        if isinstance(obj, Mapping) and isinstance(argument, str) and argument in obj:
            return obj[argument]
        if isinstance(obj, list) and type(argument) is int and -len(obj) <= argument < len(obj):
            return obj[argument]
        return self.undefined(f"there is no {str(argument)[:60]!r} in it", obj=obj, name=str(argument))

    def is_safe_callable(self, obj: Any) -> bool:  # noqa: ARG002 - the sandbox's
        return False


class Compiled:
    """One text of a template, to be filled as often as one likes."""

    def __init__(self, source: str, *, is_html: bool, most: int, roots: Iterable[str]) -> None:
        """`roots` are the names that it is filled with.

        Raises:
            InvalidTemplate: says in which line, and why.
        """
        if len(source) > most:
            raise InvalidTemplate(f"at most {most:,} characters; it has {len(source):,}")
        environment = _HTML if is_html else _TEXT
        try:
            tree = environment.parse(source)
            _check(tree, frozenset(roots))
            _count(tree)
            self._template = Template.from_code(environment, environment.compile(tree, filename="<template>"), {})
        except TemplateSyntaxError as error:
            raise InvalidTemplate(f"line {error.lineno}: {error.message}"[:MAX_REASON]) from None
        except (RecursionError, SyntaxError, MemoryError):
            raise InvalidTemplate("it is nested too deep") from None

    def render(self, values: Mapping[str, object], *, most: int = MAX_OUTPUT) -> str:
        """The text, filled.

        Raises:
            CantRender: says in which line, and why.
        """
        try:
            made = "".join(_within(self._template.generate({**values, _BUDGET: _Budget()}), most))
        except (TemplateError, TooMuch, ValueError, TypeError, ArithmeticError, LookupError, AttributeError, RecursionError) as error:
            raise CantRender(f"line {_line(error)}: {_reason(error)}"[:MAX_REASON]) from None
        return made.encode("utf-8", "replace").decode()  # JSON may hold halves of letters, which no mail can


def _within(parts: Iterable[str], most: int) -> Iterator[str]:
    """Parts of a rendering, as long as they aren't too long together."""
    for part in parts:
        most -= len(part)
        if most < 0:
            raise TooMuch("what it becomes is too long: fill it with less")
        yield part


def _check(tree: nodes.Template, roots: frozenset[str]) -> None:
    """See that nothing is in a template that may not be; raises TemplateSyntaxError."""
    seen, depth = 0, 0
    level: list[tuple[nodes.Node, int]] = [(tree, 0)]
    while level:
        seen, depth = seen + len(level), depth + 1
        if depth > MAX_DEPTH:
            raise TemplateSyntaxError(f"more than {MAX_DEPTH} things within each other", level[0][0].lineno)
        if seen > MAX_NODES:
            raise TemplateSyntaxError(f"more than {MAX_NODES:,} parts: make it shorter", 1)
        inner: list[tuple[nodes.Node, int]] = []
        for node, loops in level:
            within = loops + isinstance(node, nodes.For)
            _check_one(node, within)
            inner += [(child, within) for child in node.iter_child_nodes()]
        level = inner
    if unknown := sorted(find_undeclared_variables(tree) - roots):
        raise TemplateSyntaxError(
            f"nothing is called {unknown[0][:60]!r}: there are {', '.join(sorted(roots))}", _line_of(tree, unknown[0])
        )


def _check_one(node: nodes.Node, loops: int) -> None:
    line = node.lineno or 1
    if not isinstance(node, _ALLOWED):
        raise TemplateSyntaxError(f"{type(node).__name__} isn't in the language of these templates (docs/mail.md)", line)
    if isinstance(node, nodes.For) and node.recursive:
        raise TemplateSyntaxError("loops aren't recursive", line)
    if loops > MAX_LOOPS:
        raise TemplateSyntaxError(f"more than {MAX_LOOPS} loops within each other", line)
    if isinstance(node, nodes.Name) and node.name.startswith("_"):
        raise TemplateSyntaxError(f"no name begins with an underscore: {node.name[:60]}", line)
    if isinstance(node, nodes.Filter) and (node.name not in FILTERS or node.dyn_args or node.dyn_kwargs):
        raise TemplateSyntaxError(f"no filter {node.name[:60]!r}: there are {', '.join(sorted(FILTERS))}", line)
    if isinstance(node, nodes.Test) and node.name not in TESTS:
        raise TemplateSyntaxError(f"no test {node.name[:60]!r}: there are {', '.join(sorted(TESTS))}", line)


def _line_of(tree: nodes.Template, name: str) -> int:
    return next((found.lineno for found in tree.find_all(nodes.Name) if found.name == name), 1)


def _count(tree: nodes.Template) -> None:
    """Have each turn of a loop pay for what is in it, and each comparison for what it compares."""
    for loop in list(tree.find_all(nodes.For)):
        weight = 1 + sum(1 for part in (*loop.body, loop.test) if part is not None for _ in _all(part))
        loop.iter = nodes.Filter(loop.iter, "_counted", [nodes.Const(weight)], [], None, None, lineno=loop.lineno)
    for compared in list(tree.find_all(nodes.Compare)):
        compared.expr = _paid(compared.expr)
        for operand in compared.ops:
            operand.expr = _paid(operand.expr)
    if tree.environment is not None:
        tree.set_environment(tree.environment)


def _all(node: nodes.Node) -> Iterator[nodes.Node]:
    yield node
    yield from node.find_all(nodes.Node)


def _paid(node: nodes.Expr) -> nodes.Filter:
    return nodes.Filter(node, "_weighed", [], [], None, None, lineno=node.lineno)


def _budget(context: Context) -> _Budget:
    budget = context.parent[_BUDGET]
    if not isinstance(budget, _Budget):
        raise SecurityError("a rendering without a budget")
    return budget


@pass_context
def _counted(context: Context, values: object, weight: int) -> Iterator[object]:
    """What a loop goes through, each turn paid for; a text's letters aren't gone through."""
    if isinstance(values, Undefined):
        str(values)  # says what isn't there
    if not isinstance(values, list):
        raise TypeError("a loop goes through a list; use data.x|items for an object")
    return _turns(_budget(context), values, weight)


def _turns(budget: _Budget, values: list[object], weight: int) -> Iterator[object]:
    for value in values:
        budget.spend(weight)
        yield value


@pass_context
def _weighed(context: Context, value: object) -> object:
    if not isinstance(value, Undefined):
        _budget(context).spend(_weight(value))
    return value


def _weight(value: object) -> int:
    if isinstance(value, str):
        return 1 + len(value) // 100
    return 1 + len(value) if isinstance(value, list | dict) else 1


def _counting(weighed: Weighed) -> Callable[..., object]:
    @pass_context
    def filtered(context: Context, value: object, *args: object) -> object:
        if isinstance(value, Undefined) and not weighed.takes_nothing:
            str(value)  # says what isn't there
        _budget(context).spend(_weight(value) + weighed.cost(value, *args))
        return weighed.function(value, *args)

    return filtered


def _line(error: BaseException) -> int:
    """The line of a template in which an error was raised: Jinja2 writes its tracebacks so."""
    line, trace = 1, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<template>":
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _reason(error: BaseException) -> str:
    return str(error) or type(error).__name__


_TEXT, _HTML = _Environment(is_html=False), _Environment(is_html=True)
