"""Identifiers and times that more than one module needs."""

import os
import time

_VERSION_7 = 0x7 << 76
_VARIANT = 0b10 << 62
_RANDOM_BITS = (((1 << 12) - 1) << 64) | ((1 << 62) - 1)


def uuid7() -> str:
    """Return a new UUID of version 7 (RFC 9562, section 5.7): 48 bits of Unix milliseconds, 74 random bits."""
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(16)) & _RANDOM_BITS
    digits = f"{(milliseconds & ((1 << 48) - 1)) << 80 | _VERSION_7 | _VARIANT | random:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def milliseconds_since(start: float) -> float:
    """Return the milliseconds since ``start``, a reading of ``time.perf_counter()``."""
    return (time.perf_counter() - start) * 1000.0
