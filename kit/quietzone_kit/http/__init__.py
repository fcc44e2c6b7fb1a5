"""A small HTTP/1.1 server for answers that are ready at once: redirects, files, an operators' port.

No framework, no TLS (a load balancer's business), bodies in only where a server says which. Malformed requests get 400 and a closed
connection; lines, headers, bodies, connections and times have bounds.
"""

from quietzone_kit.http._request import Request
from quietzone_kit.http._responses import http_date, plain_response, response_head
from quietzone_kit.http._server import Handler, HttpBodies, HttpLimits, HttpServer
from quietzone_kit.http.ops import ops_server

__all__ = ["Handler", "HttpBodies", "HttpLimits", "HttpServer", "Request", "http_date", "ops_server", "plain_response", "response_head"]
