"""Kea's client classes: those that a device is in, as far as their tests tell.

Theory of operation
-------------------
A test is an expression over the packet. It is read as terms that are joined by `and`. Three kinds of terms
are understood: option 60 begins with a text or equals one, `member('X')`, and `not` of that. Any other term
is opaque: it is true where the same text is known to be true. So from the facts of a device's classes it is
in another class, or is not, or this is unknown.

Kea takes the first class that has a field. It looks at classes in this order (seen with 2.2.0, 2.6.3 and
3.0.4): ALL; those named after option 60; those that a reservation names; those with a test; KNOWN and
UNKNOWN; those whose test asks for one of these; those that are evaluated only where a level asks for them.
Classes with a test come in the order of their definitions.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import NamedTuple

from services.dhcp.kea.doctor.levels import Level, Scope

ONLY_IF_REQUIRED = ("only-if-required", "only-in-additional-list")
REQUIRE = ("require-client-classes", "evaluate-additional-classes")
"""Two names of one setting each: up to 2.6, and from 3.0 on."""

VENDOR = "VENDOR_CLASS_"
_HOST_CLASSES = ("KNOWN", "UNKNOWN")
_GIVEN_BY_KEA = ("ALL", "BOOTP", *_HOST_CLASSES)
_GIVEN_BY_HOOKS = ("HA_", "SPAWN_", "AFTER_", "EXTERNAL_")

_OPTION = r"option\[(?:60|vendor-class-identifier)\]\.(?:hex|text)"
_LITERAL = r"(?:'([^']*)'|0x([0-9A-Fa-f]+))"
_PREFIX = re.compile(rf"substring\({_OPTION},0,(\d+|all)\)=={_LITERAL}")
_WHOLE = re.compile(rf"{_OPTION}=={_LITERAL}")
_MEMBER = re.compile(r"(not)?\(*member\('([^']*)'\)\)*")
_NAMED = re.compile(r"member\(\s*'([^']*)'\s*\)")
_TOKEN = re.compile(r"'[^']*'|\s+|[()]|[^\s()']+")


class Vendor(NamedTuple):
    """Option 60 begins with a text, or is it."""

    text: bytes
    is_whole: bool


class Membership(NamedTuple):
    """The device is in a class, or is not."""

    name: str
    is_in: bool


Term = Vendor | Membership | str
Facts = frozenset[Term]

KINDS: Mapping[str, Facts] = {
    "cm": frozenset({Vendor(b"docsis", False)}),
    "mta": frozenset({Vendor(b"pktc", False)}),
}
"""The beginning of option 60 of each kind of device (CableLabs CL-SP-CANN-DHCP-Reg)."""


class ClientClass:
    """A class of the configuration."""

    def __init__(self, said: Level) -> None:
        self.said = said
        self.name = str(said.get("name"))
        self.test = str(said.get("test") or said.get("template-test") or "")
        self.only_if_required = next((key for key in ONLY_IF_REQUIRED if said.get(key)), "")

    @property
    def place(self) -> str:
        """The name of its place in a remark."""
        return f"client class {self.name}"

    @cached_property
    def terms(self) -> Facts | None:
        """The terms that hold for every device in it; None if its members do not follow from a packet."""
        if self.test:
            return frozenset(_terms(self.test))
        if self.name == "ALL":
            return frozenset()
        if self.name.startswith(VENDOR):
            return frozenset({Vendor(self.name.removeprefix(VENDOR).encode(), True)})
        return None

    @property
    def is_given_by_kea(self) -> bool:
        """Whether Kea or one of its hooks puts devices into it by its name alone."""
        return self.name in _GIVEN_BY_KEA or self.name.startswith((VENDOR, *_GIVEN_BY_HOOKS))


class Classes:
    """The classes of a configuration, as they are defined."""

    def __init__(self, config: Level) -> None:
        self._classes = {one.name: one for one in map(ClientClass, config.get("client-classes") or [])}
        self._answers: dict[tuple[Facts, str], bool | None] = {}

    def __iter__(self) -> Iterator[ClientClass]:
        return iter(self._classes.values())

    def get(self, name: str) -> ClientClass | None:
        """The class of this name."""
        return self._classes.get(name)

    def facts(self, one: ClientClass) -> Facts:
        """All terms that hold for a device because it is in this class."""
        found: set[Term] = {Membership(one.name, True)}
        left = [*(one.terms or ())]
        while left:
            term = left.pop()
            if term in found:
                continue
            found.add(term)
            if isinstance(term, Membership) and term.is_in and term.name in self._classes:
                left += self._classes[term.name].terms or ()
        return frozenset(found)

    def is_in(self, facts: Facts, name: str, depth: int = 0) -> bool | None:
        """Whether a device with these facts is in the class; None if unknown."""
        if (facts, name) not in self._answers:
            self._answers[facts, name] = self._find(facts, name, depth)
        return self._answers[facts, name]

    def _find(self, facts: Facts, name: str, depth: int) -> bool | None:
        if Membership(name, True) in facts or Membership(name, False) in facts:
            return Membership(name, True) in facts
        one = self._classes.get(name) or ClientClass({"name": name})
        if one.terms is None or depth > len(self._classes):
            return None
        answers = {self._holds(facts, term, depth) for term in one.terms}
        return False if False in answers else None if None in answers else True

    def rank(self, one: ClientClass) -> int:
        """The order in which Kea looks at it, among the classes that a device is in without a reservation."""
        if one.name == "ALL" or one.name.startswith(VENDOR):
            return 0
        if one.name in _HOST_CLASSES:
            return 2
        return 3 if self._asks_for_host(one) else 1

    def _asks_for_host(self, one: ClientClass) -> bool:
        """Whether its test names KNOWN or UNKNOWN, itself or by way of other classes."""
        left, seen = [one], {one.name}
        while left:
            names = set(_NAMED.findall(left.pop().test)) - seen
            if not names.isdisjoint(_HOST_CLASSES):
                return True
            seen |= names
            left += [self._classes[name] for name in names if name in self._classes]
        return False

    def _holds(self, facts: Facts, term: Term, depth: int) -> bool | None:
        if term in facts:
            return True
        if isinstance(term, Membership):
            other = self._classes.get(term.name)
            if other is not None and other.only_if_required:
                return None  # no device is in it before some level asks for it
            is_in = self.is_in(facts, term.name, depth + 1)
            return None if is_in is None else is_in == term.is_in
        if isinstance(term, Vendor):
            known = [_vendor_holds(fact, term) for fact in facts if isinstance(fact, Vendor)]
            return next((answer for answer in known if answer is not None), None)
        return None


def required(scope: Scope) -> list[str]:
    """The classes that are evaluated here because a level or a pool asks for them, in Kea's order."""
    pools = scope.subnet.get("pools") or []
    around = [level for _, level in scope.levels[:-1]]
    outwards = [name for level in (*pools, *around) for name in level.get(REQUIRE[1]) or []]
    inwards = [name for level in (*reversed(around), *pools) for name in level.get(REQUIRE[0]) or []]
    return [*dict.fromkeys((*outwards, *inwards))]


def guards(level: Level) -> list[str]:
    """The classes of which a device must be in one to be served by this level or pool; empty if all are."""
    return [*([level["client-class"]] if level.get("client-class") else []), *level.get("client-classes", [])]


def _vendor_holds(fact: Vendor, term: Vendor) -> bool | None:
    """Whether the term about option 60 holds if the fact does; None if unknown."""
    if fact.is_whole:
        return fact.text == term.text if term.is_whole else fact.text.startswith(term.text)
    if term.text.startswith(fact.text):
        return True if not term.is_whole and term.text == fact.text else None
    return not term.is_whole and fact.text.startswith(term.text)


def _terms(test: str) -> list[Term]:
    """The terms of a test that are joined by `and`; the whole test as one where there is an `or`."""
    parts: list[list[str]] = [[]]
    depth = 0
    tokens = [token for token in _TOKEN.findall(test) if not token.isspace()]
    for token in tokens:
        depth += (token == "(") - (token == ")")
        if depth == 0 and token == "or":
            return [" ".join(tokens)]
        if depth == 0 and token == "and":
            parts.append([])
        else:
            parts[-1].append(token)
    if len(parts) == 1 and _is_wrapped(parts[0]):
        return _terms(" ".join(parts[0][1:-1]))
    return [term for part in parts for term in _understood(part)]


def _is_wrapped(tokens: list[str]) -> bool:
    """Whether the first bracket closes at the very end."""
    depth = 0
    for at, token in enumerate(tokens):
        depth += (token == "(") - (token == ")")
        if depth == 0:
            return tokens[0] == "(" and at == len(tokens) - 1
    return False


def _understood(tokens: list[str]) -> list[Term]:
    if _is_wrapped(tokens):
        return _terms(" ".join(tokens[1:-1]))
    text = "".join(tokens)
    member = _MEMBER.fullmatch(text)
    if member is not None:
        return [Membership(member[2], member[1] is None)]
    whole = _WHOLE.fullmatch(text)
    if whole is not None:
        return [Vendor(_literal(whole[1], whole[2]), True)]
    prefix = _PREFIX.fullmatch(text)
    if prefix is not None:
        literal = _literal(prefix[2], prefix[3])
        if prefix[1] == "all":
            return [Vendor(literal, True)]
        if int(prefix[1]) == len(literal):
            return [Vendor(literal, False)]
    return [" ".join(tokens)]


def _literal(text: str | None, digits: str | None) -> bytes:
    return (
        text.encode() if text is not None else bytes.fromhex((digits or "").zfill(len(digits or "") + 1 & ~1))
    )
