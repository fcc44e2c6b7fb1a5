"""What wrong passwords are counted for.

An e-mail address alone would let a stranger lock its owner out, and a network alone an office lock itself out: so both together have the
low bound. Each alone has a high one, against many machines that guess one password, and against one that tries a password at many
addresses (https://cheatsheetseries.owasp.org/cheatsheets/Authentication_Cheat_Sheet.html, "Account Lockout").
"""

from quietzone_gateway.identity.attempts import Bound
from quietzone_gateway.identity.domain import Visitor
from quietzone_gateway.identity.rules import Rules


def guesses(rules: Rules, email: str, visitor: Visitor) -> tuple[Bound, Bound, Bound]:
    """A password of `email` is tried from there; the low bound is first, so that what it refuses fills no other."""
    counted = rules.guesses
    return (
        Bound(f"password of {email} from {visitor.place}", counted.of_both),
        Bound(f"password from {visitor.place}", counted.of_network),
        Bound(f"password of {email}", counted.of_address),
    )
