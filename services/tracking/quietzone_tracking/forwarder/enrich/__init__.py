"""Enrichment: from what a client sent to what is kept of it."""

from quietzone_tracking.forwarder.enrich.agents import Agent, Agents
from quietzone_tracking.forwarder.enrich.countries import Countries, CountryDatabase, NoCountries
from quietzone_tracking.forwarder.enrich.headers import first_language, referrer_host
from quietzone_tracking.forwarder.enrich.remembered import Remembered
from quietzone_tracking.forwarder.enrich.traits import ScanClass, Traits

__all__ = [
    "Agent",
    "Agents",
    "Client",
    "Countries",
    "CountryDatabase",
    "Enricher",
    "NoCountries",
    "ScanClass",
    "Traits",
    "first_language",
    "referrer_host",
]

Client = tuple[bytes, bytes, bytes, bytes]
"""User agent, referrer, Accept-Language and truncated address, as a spooled scan has them."""

MAX_CLIENTS = 8192
"""Clients remembered: at most 2 x 8,192 of up to 1.1 kB, 18 MB; a hit costs 0.2 µs, a miss 5 to 20 µs."""

MAX_AGENTS = 4096
"""User agents remembered: a busy site sees some thousand a day; at most 2 x 4,096 of up to 0.6 kB, 5 MB."""


class Enricher:
    """Makes traits of clients, and remembers the frequent ones."""

    def __init__(self, agents: Agents, countries: Countries) -> None:
        self._countries = countries
        self._edition = countries.edition()
        self._agents: Remembered[bytes, Agent] = Remembered(lambda raw: agents.parse(_text(raw)), MAX_AGENTS)
        self._clients: Remembered[Client, Traits] = Remembered(self._make, MAX_CLIENTS)

    def traits(self, client: Client) -> Traits:
        """What is kept of a client."""
        return self._clients.get(client)

    def refresh(self) -> None:
        """Take up a new country database; called before each load of scans."""
        edition = self._countries.edition()
        if edition != self._edition:
            self._edition = edition
            self._clients.forget()

    def _make(self, client: Client) -> Traits:
        user_agent, referrer, language, network = client
        agent = self._agents.get(user_agent)
        return Traits(
            scan_class=agent.scan_class,
            country=self._countries.country(network),
            device=agent.device,
            browser=agent.browser,
            os=agent.os,
            referrer=referrer_host(_text(referrer)),
            language=first_language(_text(language)),
        )


def _text(header: bytes) -> str:
    """HTTP's own encoding of header values (RFC 9110, 5.5): every byte is a character."""
    return header.decode("latin-1")
