"""The REST API."""

from quietzone_gateway.rest.app import make_api
from quietzone_gateway.rest.envelope import refusals
from quietzone_gateway.rest.route import Parts
from quietzone_gateway.rest.server import HttpServer

__all__ = ["HttpServer", "Parts", "make_api", "refusals"]
