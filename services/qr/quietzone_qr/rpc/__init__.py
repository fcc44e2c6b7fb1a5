"""The gRPC services: messages to use cases and back."""

from quietzone_qr.rpc.service import CodeService

__all__ = ["CodeService"]
