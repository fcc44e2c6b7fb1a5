"""The service over gRPC: messages to use cases and back."""

from quietzone_storage.rpc.service import Desks, StorageService

__all__ = ["Desks", "StorageService"]
