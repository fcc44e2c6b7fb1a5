"""Identifiers: UUIDv7, ids that follow from others, and short codes that people can type from paper."""

import uuid

from quietzone_kit.runtime import Clock, Randomness

DERIVED = uuid.UUID("5b8c6d0e-1f53-5c0a-9d3e-2a7f4e6b1c90")
"""The namespace of derived ids: once chosen, never changed."""

SHORT_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ"
"""Letters and digits without look-alikes (0 O o, 1 l I i)."""


def uuid7(clock: Clock, randomness: Randomness) -> str:
    """A UUIDv7 (RFC 9562, 5.7) in its 36-character form: 48 bits of Unix milliseconds, 74 random bits."""
    milliseconds = clock.now_ms() & 0xFFFF_FFFF_FFFF
    chance = int.from_bytes(randomness.token(10), "big")
    value = milliseconds << 80 | 0x7 << 76 | (chance >> 68 & 0xFFF) << 64 | 0b10 << 62 | chance & 0x3FFF_FFFF_FFFF_FFFF
    digits = f"{value:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def derived_id(*parts: str) -> str:
    """A UUIDv5 (RFC 9562, 5.5) that is the same for the same parts: what is made of one event twice is one thing.

    A reaction passes the event's source and id, and what it makes: `derived_id(event.source, event.id, "welcome mail")`.
    """
    return str(uuid.uuid5(DERIVED, "\0".join(parts)))


def birth_ms(identifier: str) -> int:
    """When a UUIDv7 was made, Unix time in milliseconds.

    Raises:
        ValueError: not a UUID, or of another version.
    """
    value = uuid.UUID(identifier)
    if value.version != 7:
        raise ValueError(f"{identifier} is a UUID of version {value.version}, not 7")
    return value.int >> 80


def short_code(randomness: Randomness, length: int) -> str:
    """`length` symbols of SHORT_ALPHABET, each drawn on its own."""
    return "".join(randomness.choice(SHORT_ALPHABET) for _ in range(length))
