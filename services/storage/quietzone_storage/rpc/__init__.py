"""The service over gRPC: messages to use cases and back."""

from quietzone_storage.rpc.service import Desks, StorageService
from quietzone_storage.rpc.tasks import SHOWN, shown

__all__ = ["SHOWN", "Desks", "StorageService", "shown"]
