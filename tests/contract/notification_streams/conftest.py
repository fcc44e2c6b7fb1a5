"""Streams stand on the embedded store and bus, and on MongoDB and Kafka."""

from contract.notification.conftest import executor, urls  # noqa: F401 - fixtures
