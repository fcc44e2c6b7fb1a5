"""How rules, subscriptions and deliveries send: one type for all, described before any of them uses it."""

import strawberry

from quietzone_gateway.rpc.notification import DestinationKind

strawberry.enum(DestinationKind, description="How something is sent: to an endpoint, an address, devices, or a topic on Kafka")

__all__ = ["DestinationKind"]
