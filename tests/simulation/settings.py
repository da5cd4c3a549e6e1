"""The settings catalogue of the simulated plant: a modem's class, an adapter's, and their next version.

The files have several blocks of 512 bytes, so that a download can be interrupted. Two lines do not fit into a
sealed name, so adapters live by their rows.
"""

from typing import Any

from services.docsis.checks.verify import inspect, verify
from services.settings.catalogue import Classes

SECRET = b"secret of the simulated CMTS"
_SYS_LOCATION = "1.3.6.1.2.1.1.6.0"
_ACTIVE = {"qos_parameter_set_type": 7}
_FILLER = [{"snmp_set": {"oid": f"1.3.6.1.4.1.4491.9.{at}", "string": "x" * 180}} for at in range(5)]


def classes(version: int) -> Classes:
    """The catalogue; version 2 has one placeholder more, so its templates have other numbers."""
    more: dict[str, Any] = {"cpe_max": {"kind": "uint8", "default": 4}} if version > 1 else {}
    modem = {
        "kind": "cm",
        "placeholders": {"customer": {"kind": "uint32"}, **more},
        "body": [
            {"network_access": 1},
            {"max_cpe": "${cpe_max}" if more else 4},
            {"upstream_service_flow": [{"reference": 1}, _ACTIVE]},
            {"downstream_service_flow": [{"reference": 2}, _ACTIVE]},
            {"snmp_set": {"oid": _SYS_LOCATION, "string": "customer ${customer}."}},
            *_FILLER,
        ],
    }
    lines = [{"snmp_set": {"oid": f"1.3.6.1.4.1.4491.2.{at}", "string": f"${{line{at}}}"}} for at in (1, 2)]
    adapter = {
        "kind": "mta",
        "hash": "na",
        "placeholders": {"line1": {"kind": "string"}, "line2": {"kind": "string"}},
        "body": [*lines, *_FILLER[: 2 + version]],
    }
    return {"data": modem, "voice": adapter}


def values(number: int, service: str) -> dict[str, Any]:
    """What the host asks for, for device `number`."""
    if service == "dhcp":
        return {"class": "data", "customer": 100_000 + number}
    lines = {f"line{at}": f"line-{at}.{100_000 + number}.voice.example.net" for at in (1, 2)}
    return {"class": "voice", **lines}


def judge(data: bytes, number: int, service: str, address: bytes) -> str:
    """`ok` if this is device `number`'s own file and whole, else what is wrong with it."""
    verdict: str = verify(data, [SECRET])
    if verdict != "ok":
        return verdict
    own = f"customer {100_000 + number}." if service == "dhcp" else f"line-2.{100_000 + number}.voice"
    if own.encode() not in data:
        return "another device's file"
    if service == "dhcp" and inspect(data).address != address:
        return "another address's file"
    return "ok"
