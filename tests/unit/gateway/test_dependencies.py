import asyncio
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from quietzone_gateway import rest


def dependencies() -> Iterator[Any]:
    """Everything that an address of the API depends on, and what answers at it."""
    modules = [importlib.import_module(f"{rest.__name__}.{module.name}") for module in pkgutil.iter_modules(rest.__path__)]
    routers = [value for module in modules for value in vars(module).values() if isinstance(value, APIRouter)]
    for router in routers:
        for route in router.routes:
            assert isinstance(route, APIRoute)
            yield from calls(route.dependant)


def calls(dependant: Dependant) -> Iterator[Any]:
    yield dependant.call
    for inner in dependant.dependencies:
        yield from calls(inner)


def test_nothing_that_an_address_depends_on_runs_in_a_thread() -> None:
    found = list(dependencies())

    assert len(found) > 100
    for call in found:
        made = call if inspect.isroutine(call) else call.__call__
        assert asyncio.iscoroutinefunction(made) or inspect.isasyncgenfunction(made), made
