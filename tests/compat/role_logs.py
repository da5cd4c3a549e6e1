"""Role logs drawn from a seed, as a topic has them: what a fleet of two releases could write, and what else
may be there.

Nothing is drawn that changes a holder and that the baseline could not write: who cannot read such a record
does not know what it did. So claims, releases and eras are as the baseline writes them, and only records that
change no holder are of a later release.
"""

import json
from base64 import b64encode
from collections import Counter
from random import Random
from typing import Any

from bus.contract import encode
from bus.envelope import Envelope, Stamp
from bus.routes import SIGNED
from bus.wire.codec import to_headers
from bus.wire.signature import Signer
from heartbeat.roles.log.fold import Roles, fold
from heartbeat.roles.log.records import (
    NO_OFFSET,
    TYPE_OF,
    ClaimRecord,
    Era,
    Logged,
    Probe,
    Record,
    Release,
    Renew,
)
from heartbeat.roles.log.writers import Writers
from tests.fleets import ROOT, member, signing_of, signs

MEMBERS = {
    "dhcp-1": member("dhcp-1", "dhcp", ["a" * 40]),
    "dhcp-2": member("dhcp-2", "dhcp", ["b" * 40]),
    "dhcp-9": member("dhcp-9", "dhcp", ["c" * 40], "south"),
    "mps-1": member("mps-1", "mps", ["d" * 40]),
    "cfm-1": member("cfm-1", "cfm", ["e" * 40]),
}
ROLES = {name: f"{one.service}/{one.site}" for name, one in MEMBERS.items() if one.service != "cfm"}
LATER = ("provbus.failover.claim.v2", "provbus.failover.lead.v1", "provbus.failover.renew.v3")
TAILS = 6


class DrawnLog:
    """A log of so many records. `drawn` counts them by kind, `counted` those that had their effect."""

    def __init__(self, seed: int, records: int) -> None:
        self.drawn: Counter[str] = Counter()
        self.counted: Counter[str] = Counter()
        self.kinds: list[str] = []
        self._random = Random(seed)
        self._stamps = {name: Stamp(name, one.site, 1) for name, one in MEMBERS.items()}
        for name, one in MEMBERS.items():
            self._stamps[name].signs(signing_of(name, one).signer(), SIGNED)
        self._roles = Roles()
        self._writers = Writers(ROOT.public, {})
        self._claims: list[tuple[str, int, str]] = []
        self._written: list[Envelope | None] = []
        for kind in ("probe", *self._random.choices([*_KINDS], [*_KINDS.values()], k=records - 1)):
            self._write(kind, getattr(self, f"_{kind}")())
        self._tails = sorted(self._random.sample(range(1, records), TAILS))

    def line(self) -> dict[str, Any]:
        """The log as `programs.folding` takes it."""
        return {
            "root": ROOT.public.hex(),
            "listed": {name: signs(name).public.hex() for name in MEMBERS},
            "records": [_on_topic(one) for one in self._written],
            "tails": self._tails,
        }

    def _write(self, kind: str, envelope: Envelope | None) -> None:
        """Add it, and see what it does, so that the next ones can be right."""
        offset = len(self._written)
        self._roles, counts, _ = fold(self._roles, Logged.of(offset, envelope), self._writers)
        self._written.append(envelope)
        self.kinds.append(kind)
        self.drawn[kind] += 1
        self.counted[kind] += counts

    def _said(self, name: str, type_: str, data: bytes) -> Envelope:
        return self._stamps[name].envelope(type_, data, time_ms=self._random.randrange(1 << 41))

    def _record(self, name: str, record: Record) -> Envelope:
        return self._said(name, TYPE_OF[type(record)], encode(record))

    def _id(self) -> str:
        return f"{self._random.getrandbits(64):016x}"

    def _minter(self) -> str:
        return self._random.choice([*ROLES])

    def _claim(self) -> Envelope:
        """By who has read all, mostly."""
        name = self._minter()
        role, last = ROLES[name], self._roles.role(ROLES[name]).last
        prev = last if self._random.random() < 0.7 else self._random.randint(NO_OFFSET, len(self._written))
        claim_id, incarnation = self._id(), self._stamps[name].incarnation
        self._claims.append((name, len(self._written), claim_id))
        return self._record(
            name,
            ClaimRecord(role=role, prev=prev, claim_id=claim_id, incarnation=incarnation, reason="drawn"),
        )

    def _of_claim(self) -> tuple[str, int, str]:
        """Who says it, under which claim: the present holder, mostly, or anybody under any claim."""
        held = [one for one in self._roles.held.values() if one.holder]
        if held and self._random.random() < 0.7:
            one = self._random.choice(held)
            return one.holder, one.epoch, one.claim_id
        return self._random.choice(self._claims or [(self._minter(), 0, self._id())])

    def _renewal(self) -> tuple[str, Renew]:
        name, epoch, claim_id = self._of_claim()
        return name, Renew(role=ROLES[name], epoch=epoch, claim_id=claim_id)

    def _renew(self) -> Envelope:
        return self._record(*self._renewal())

    def _release(self) -> Envelope:
        name, epoch, claim_id = self._of_claim()
        return self._record(name, Release(role=ROLES[name], epoch=epoch, claim_id=claim_id))

    def _probe(self) -> Envelope:
        return self._record(self._minter(), Probe(nonce=self._id()))

    def _era(self) -> Envelope:
        number = max(1, self._roles.era + self._random.choice((-1, 0, 1, 1, 2)))
        revoked = [signs(self._random.choice(("dhcp-2", "mps-1"))).public.hex()][: self._random.randint(0, 1)]
        return self._record(self._minter(), Era(number=number, authority="a person", revoked=revoked))

    def _checkpoint(self) -> Envelope:
        return self._record(self._minter(), self._roles.checkpoint())

    def _copy(self) -> Envelope | None:
        """What was written once more, as a client's retry or a thief's tape."""
        return self._random.choice(self._written)

    def _restart(self) -> Envelope:
        """The first record of a later incarnation."""
        name = self._minter()
        self._stamps[name].begin(self._stamps[name].incarnation + self._random.randint(1, 9))
        return self._record(name, Probe(nonce=self._id()))

    def _later(self) -> Envelope:
        """Of a type that the baseline does not know, of our role, of another's, of none, or no JSON."""
        name = self._minter()
        said = {
            "role": self._random.choice((ROLES[name], ROLES[name], "dhcp/lab", "DHCP lab", 7)),
            "weight": 3,
        }
        data = self._random.choice((json.dumps(said).encode(),) * 4 + (b"[]", b"\xff"))
        return self._said(name, self._random.choice(LATER), data)

    def _undeclared(self) -> Envelope:
        """A record that changes no holder, with fields of a later release, or out of the baseline's range."""
        name, renewal = self._renewal()
        record = self._random.choice((renewal, Probe(nonce=self._id()), self._roles.checkpoint()))
        said = record.model_dump(mode="json") | {"path": ["bus"], "weight": self._random.random()}
        if self._random.random() < 0.2:
            said |= {"role": ROLES[name], "epoch": -5}
        return self._said(name, TYPE_OF[type(record)], json.dumps(said).encode())

    def _unproven(self) -> Envelope:
        """A right record of somebody who may not write it."""
        name, renewal = self._renewal()
        role, last = ROLES[name], self._roles.role(ROLES[name]).last
        claim = ClaimRecord(role=role, prev=last, claim_id=self._id(), incarnation=1)
        record: Record = self._random.choice((renewal, claim, Era(number=self._roles.era + 1, authority="x")))
        way = self._random.randrange(4)
        if way == 0:  # a CFM in another's name
            return self._record("cfm-1", record)._replace(source=name)
        if way == 1:  # a CFM in its own
            return self._record("cfm-1", record)
        if way == 2:  # somebody whom another root certified
            stranger = Stamp(name, "lab", 1 << 40)
            stranger.signs(Signer(signs("a stranger").secret, bytes(64), role), SIGNED)
            return stranger.envelope(TYPE_OF[type(record)], encode(record), time_ms=0)
        return self._record(name, record)._replace(proof=b"")

    def _foreign(self) -> Envelope:
        """A claim to a role that is not in its writer's certificate."""
        role = self._roles.role("dhcp/lab")
        record = ClaimRecord(role="dhcp/lab", prev=role.last, claim_id=self._id(), incarnation=1)
        return self._record("dhcp-9", record)

    def _no_record(self) -> None:
        """Something that is not of ours at all."""


_KINDS = {
    "claim": 20,
    "renew": 30,
    "release": 6,
    "probe": 8,
    "era": 3,
    "checkpoint": 4,
    "copy": 6,
    "restart": 2,
    "later": 8,
    "undeclared": 8,
    "unproven": 8,
    "foreign": 2,
    "no_record": 1,
}
"""What is drawn, and how often."""


def _on_topic(envelope: Envelope | None) -> tuple[list[tuple[str, str]], str]:
    """The record of an envelope, in base64."""
    if envelope is None:
        return [], _text(b"nothing of ours")
    headers = [(name, _text(value)) for name, value in to_headers(envelope) if isinstance(value, bytes)]
    return headers, _text(envelope.data)


def _text(data: bytes) -> str:
    return b64encode(data).decode()
