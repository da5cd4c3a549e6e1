"""Lookup keys: the class and the values of a device, when the DHCP server cannot say them.

Theory of operation
-------------------
A rule gives a class and values to the devices that have its key: the device's MAC, its remote id or its
circuit id (option 82, RFC 3046, sections 3.1 and 3.2), or the subnet that holds its address. Keys are tried
in this order, subnets from the longest prefix to the shortest (RFC 1812, section 5.2.4.3), and the first rule
of the right kind wins: a cable modem never gets the class of a telephone adapter with the same key.

A rule may ask for MAC and remote id together, and is tried before all others: a MAC is easily cloned, the
remote id is written by the CMTS or the modem in front. Whoever has that MAC behind another remote id is not
the device.

All but subnets are one dictionary. A subnet is found by its first bits: there is one dictionary per prefix
length that some rule has, keyed by the address cut to that length. So a find costs a handful of look-ups
however many rules there are.

In a text value `{device}` stands for the device's MAC, twelve hex digits.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, NamedTuple

from bus.device import device_text, parse_device
from services.docsis.errors import Misnamed
from services.settings.catalogue import Problem

KEYS = ("mac", "remote_id", "circuit_id", "subnet")
"""The keys that a rule may have, in the order in which they are tried."""

BOTH = ("mac", "remote_id")
"""The keys that one rule may have together."""

MAC_BYTES = 6
ID_BYTES_MAX = 255  # of a sub-option of option 82: its length is one byte
PROBLEMS_MAX = 100  # a file with more is the wrong file
SAMPLE_DEVICE = bytes.fromhex("001a2c000001")

_FIELDS = (*KEYS, "class", "values")
_BOTH = " and ".join(BOTH)
_WITH_MAC = ("mac", _BOTH)
_HEX = re.compile(rf"([0-9A-Fa-f]{{2}}){{1,{ID_BYTES_MAX}}}")
_HOLE = re.compile(r"\{\w*\}")
_DEVICE = "{device}"

Refusal = Callable[[str, Mapping[str, Any]], Problem | None]
"""Why a class refuses these values of a device, with the value's name as path; None if it takes them."""


class LookedUp(NamedTuple):
    """A device to look up: its hardware address of 6 bytes, its address of 4 or 16; the ids may be empty."""

    device: bytes
    address: bytes
    remote_id: bytes
    circuit_id: bytes


class Found(NamedTuple):
    """A device's class and its own values for it."""

    class_name: str
    values: dict[str, Any]


class Key(NamedTuple):
    """The key of a rule: one of `KEYS`, and bytes or a network; or `BOTH` together, the bytes of the one
    before those of the other. As text: `mac 001a.2c00.0001`.
    """

    name: str
    value: bytes | IPv4Network | IPv6Network

    @property
    def device(self) -> bytes:
        """The MAC that it asks for; empty if it asks for none."""
        return self.value[:MAC_BYTES] if self.name in _WITH_MAC and isinstance(self.value, bytes) else b""

    def __str__(self) -> str:
        if isinstance(self.value, bytes):
            if self.name == _BOTH:
                return f"mac {device_text(self.device)} remote_id {self.value[MAC_BYTES:].hex()}"
            return f"{self.name} {device_text(self.value) if self.name == 'mac' else self.value.hex()}"
        return f"{self.name} {self.value}"


class Lookup:
    """The rules of a catalogue, in which `lookup_problems` found nothing; `kinds` is `cm` or `mta` by class.

    >>> rule = {"subnet": "127.64.0.0/11", "class": "voice", "values": {"line": "1.{device}"}}
    >>> lookup = Lookup([rule], {"voice": "mta"})
    >>> lookup.find(LookedUp(bytes(6), bytes((127, 64, 0, 1)), b"", b""), "mta")
    Found(class_name='voice', values={'line': '1.000000000000'})
    """

    def __init__(self, rules: Iterable[Mapping[str, Any]], kinds: Mapping[str, str]) -> None:
        self._exact: dict[tuple[str, str, bytes], Mapping[str, Any]] = {}
        self._subnets: dict[tuple[str, int], dict[int, dict[int, Mapping[str, Any]]]] = {}
        for rule in rules:
            kind, (name, value) = kinds[rule["class"]], key_of(rule)
            if isinstance(value, bytes):
                self._exact[kind, name, value] = rule
            else:
                shift = value.max_prefixlen - value.prefixlen
                by_shift = self._subnets.setdefault((kind, value.max_prefixlen // 8), {})
                by_shift.setdefault(shift, {})[int(value.network_address) >> shift] = rule
        for key, by_shift in self._subnets.items():
            self._subnets[key] = dict(sorted(by_shift.items()))  # the longest prefix first

    def find(self, subject: LookedUp, kind: str) -> Found | None:
        """The class of this kind (`cm` or `mta`) and the values of a device; None if no rule matches."""
        exact = self._exact
        rule = (
            exact.get((kind, _BOTH, subject.device + subject.remote_id))
            or exact.get((kind, "mac", subject.device))
            or exact.get((kind, "remote_id", subject.remote_id))
            or exact.get((kind, "circuit_id", subject.circuit_id))
            or self._by_subnet(subject.address, kind)
        )
        return None if rule is None else Found(rule["class"], filled(rule.get("values", {}), subject.device))

    def _by_subnet(self, address: bytes, kind: str) -> Mapping[str, Any] | None:
        number = int.from_bytes(address, "big")
        for shift, rules in self._subnets.get((kind, len(address)), {}).items():
            rule = rules.get(number >> shift)
            if rule is not None:
                return rule
        return None


def filled(values: Mapping[str, Any], device: bytes) -> dict[str, Any]:
    """The values of a rule, with this device filled in."""
    mac = device.hex()
    return {
        name: value.replace(_DEVICE, mac) if isinstance(value, str) else value
        for name, value in values.items()
    }


def key_of(rule: Mapping[str, Any]) -> Key:
    """The key of a valid rule."""
    return _parse_keys(rule, [name for name in KEYS if name in rule])


def lookup_problems(rules: Sequence[object], kinds: Mapping[str, str], refusal: Refusal) -> list[Problem]:
    """All problems of the rules, about PROBLEMS_MAX at most, with paths such as `lookup[3].values.customer`.

    `kinds` is `cm` or `mta` by class, or empty for a class that is wrong; `refusal` says why a class refuses
    the values of a device.
    """
    found: list[Problem] = []
    seen: dict[tuple[str, Key], int] = {}
    for at, rule in enumerate(rules):
        if len(found) >= PROBLEMS_MAX:
            break
        if isinstance(rule, dict):
            wrong = [*_field_problems(rule), *_class_problems(rule, kinds), *_value_problems(rule, refusal)]
            wrong += _key_problems(rule, at, kinds, seen)
        else:
            wrong = [Problem("", "must be a mapping")]
        place = f"lookup[{at}]"
        found += [Problem(f"{place}.{path}" if path else place, reason) for path, reason in wrong]
    return found


def _field_problems(rule: Mapping[Any, Any]) -> Iterator[Problem]:
    for name in rule:
        if name not in _FIELDS:
            yield Problem(str(name), Misnamed("is no part of a rule", str(name), _FIELDS))


def _class_problems(rule: Mapping[Any, Any], kinds: Mapping[str, str]) -> Iterator[Problem]:
    name = rule.get("class")
    if not isinstance(name, str):
        yield Problem("class" if "class" in rule else "", "must name a class")
    elif name not in kinds:
        yield Problem("class", Misnamed(f"there is no class {name!r}", name, kinds))


def _value_problems(rule: Mapping[Any, Any], refusal: Refusal) -> Iterator[Problem]:
    values = rule.get("values", {})
    if not isinstance(values, dict):
        yield Problem("values", "must map placeholders of the class to values")
        return
    for name, value in values.items():
        for hole in _HOLE.findall(value) if isinstance(value, str) else ():
            if hole != _DEVICE:
                yield Problem(f"values.{name}", f"knows {_DEVICE}, not {hole}")
    refused = refusal(str(rule.get("class")), filled(values, SAMPLE_DEVICE))
    if refused is not None:
        yield Problem(f"values.{refused.path}" if refused.path else "values", refused.reason)


def _key_problems(
    rule: Mapping[Any, Any], at: int, kinds: Mapping[str, str], seen: dict[tuple[str, Key], int]
) -> Iterator[Problem]:
    """The problems of a rule's key; `seen` has for each key the number of the first rule that has it."""
    names = [name for name in KEYS if name in rule]
    if len(names) != 1 and names != [*BOTH]:
        yield Problem("", f"takes exactly one of {', '.join(KEYS)}, or {' and '.join(BOTH)}")
        return
    for name in names:
        try:
            _parse_key(name, rule[name])
        except ValueError as error:
            yield Problem(name, str(error))
            return
    key = _parse_keys(rule, names)
    kind = kinds.get(str(rule.get("class")))
    if kind and (first := seen.setdefault((kind, key), at)) != at:
        yield Problem(names[0], f"stands in lookup[{first}] already, which has a class of kind {kind} too")


def _parse_keys(rule: Mapping[Any, Any], names: Sequence[str]) -> Key:
    """The key of a rule that has these, each of which can be parsed."""
    if len(names) == 1:
        return _parse_key(names[0], rule[names[0]])
    return Key(_BOTH, b"".join(_parse_bytes(name, rule[name]) for name in names))


def _parse_key(name: str, written: object) -> Key:
    """The key as written in a rule; `ValueError` says what is wrong with it."""
    if not isinstance(written, str):
        raise ValueError(f"must be text, not {written!r}: what YAML takes for a number needs quotes")
    if name == "subnet":
        try:
            return Key(name, ip_network(written))
        except ValueError as error:
            raise ValueError(f"must be a subnet such as 127.64.0.0/11: {error}") from error
    return Key(name, _parse_bytes(name, written))


def _parse_bytes(name: str, written: str) -> bytes:
    if name != "mac":
        if not _HEX.fullmatch(written):
            raise ValueError(f"must be 1 to {ID_BYTES_MAX} bytes in hex, not {written!r}")
        return bytes.fromhex(written)
    try:
        return parse_device(written)
    except ValueError as error:
        raise ValueError(f"must be a hardware address such as 001a.2c00.0001, not {written!r}") from error
