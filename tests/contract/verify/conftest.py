"""Checks stand on every adapter of bus and documents."""

from contract.bus.conftest import server  # noqa: F401 - a fixture
from contract.documents.conftest import documents, executor, url  # noqa: F401 - fixtures
