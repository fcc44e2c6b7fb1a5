"""What kind of request one is, by its method and address: what it counts as, and how soon it is refused when there is too much."""

import re

from quietzone_gateway.plans.domain import MethodClass

_BY_ADDRESS = (
    (re.compile(r"POST /v1/auth/sign-up"), MethodClass.SIGN_UP),
    (re.compile(r"[A-Z]+ /v1/codes/bulk"), MethodClass.BULK),
    (re.compile(r"POST /graphql"), MethodClass.READ),  # its mutations pass their own class, one by one
    (re.compile(r"POST /v1/(events/test-pattern|mail/render)"), MethodClass.READ),
    (re.compile(r"[A-Z]+ /v1/(exports|prints|audit)(/.*)?|POST /v1/deliveries/redrive"), MethodClass.REPORT),
)


def class_of(method: str, path: str) -> MethodClass:
    """The class of a request; what only reads is the last to be refused."""
    asked = f"{method} {path}"
    found = next((method_class for pattern, method_class in _BY_ADDRESS if pattern.fullmatch(asked)), None)
    if found is not None:
        return found
    return MethodClass.READ if method in ("GET", "HEAD", "OPTIONS") else MethodClass.WRITE
