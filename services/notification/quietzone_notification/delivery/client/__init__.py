"""A lean HTTP/1.1 client for webhooks: kept connections to checked addresses, one request at a time on each, no redirects.

A general client costs more than a whole delivery may (httpx takes 0.5 to 1 ms of CPU a request).
"""

from quietzone_notification.delivery.client._client import Client, Target
from quietzone_notification.delivery.client._connect import Connector, Proxy, proxy_of
from quietzone_notification.delivery.client._wire import Answer, NoAnswer

__all__ = ["Answer", "Client", "Connector", "NoAnswer", "Proxy", "Target", "proxy_of"]
