"""What a public port is told of the proxies before it."""

import ipaddress

from pydantic import Field, field_validator

from quietzone_kit.settings import CommaList, Settings


class ProxySettings(Settings):
    """Inherit from it in a role that people and programs reach through load balancers."""

    trusted_proxies: CommaList = Field(
        (), description="Networks of your own proxies (CIDR); only they are believed in X-Forwarded-For, others could claim any address"
    )

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        wrong = []
        for text in value:
            try:
                ipaddress.ip_network(text)
            except ValueError as error:
                wrong.append(str(error))
        if wrong:
            raise ValueError(f"{'; '.join(wrong)}; write networks as 10.0.0.0/8 or 2001:db8::/32")
        return value
