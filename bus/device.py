"""Hardware addresses of devices: read in every form that people use, written in one.

A device is told as every CMTS prints it, `001a.2c00.0001`, so that what is seen here is found there by
copying it.
"""

import re

_ANY = r"[0-9A-Fa-f]{2}([:-]?[0-9A-Fa-f]{2}){5}|[0-9A-Fa-f]{4}(\.[0-9A-Fa-f]{4}){2}"
_ANY_DEVICE = re.compile(_ANY)
ASKED_PATTERN = f"^({_ANY})$"
"""The forms in which a device is understood: colons, dashes, dots between groups of four, or nothing."""
TOLD_PATTERN = r"^[0-9a-f]{4}(\.[0-9a-f]{4}){2}$"
"""The form in which a device is told."""


def device_text(device: bytes) -> str:
    """The address of a device, for people and programs.

    >>> device_text(bytes.fromhex("001a2c000001"))
    '001a.2c00.0001'
    """
    return device.hex(".", 2)


def parse_device(text: str) -> bytes:
    """The 6 bytes of an address in any form; `ValueError` if it is none.

    >>> {parse_device(one).hex() for one in ("00:1A:2C:00:00:01", "001a.2c00.0001", "001a2c000001")}
    {'001a2c000001'}
    """
    if _ANY_DEVICE.fullmatch(text) is None:
        raise ValueError("is not a hardware address of 6 bytes")
    return bytes.fromhex(text.replace(".", "").replace(":", "").replace("-", ""))
