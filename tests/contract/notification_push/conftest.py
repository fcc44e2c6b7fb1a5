"""Push stands on every adapter of the documents."""

from contract.documents.conftest import documents, executor, url  # noqa: F401 - fixtures
