"""The envelope: the attributes that every message has, whatever carries it.

One message model everywhere: the attributes of CloudEvents 1.0 that outsiders need (id, source, type, time)
plus our own extensions (incarnation, seq, era, epoch). A transport only chooses how to write them down
(`bus.wire.codec`).

A message's identity is (source, incarnation, class, seq): `Stamp` numbers the messages of one incarnation of
one instance, per class. A retry is the same envelope again, so a receiver recognizes it (`bus.wire.dedup`).
`time_ms` is for people; no rule compares it. `proof` says who wrote a message that travels by topic or group
(`bus.wire.signature`); a connection proves that by itself.
"""

import hashlib
from collections.abc import Callable, Collection
from functools import lru_cache
from typing import NamedTuple, Protocol


class Token(NamedTuple):
    """The authority for a decision: the era, and the epoch in it. Later tokens compare greater."""

    era: int
    epoch: int


NO_TOKEN = Token(0, 0)


def number_of(name: str) -> int:
    """The 32-bit number that stands for a name on the wire: the head of its SHA-256."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")


@lru_cache(maxsize=256)
def traffic_of(type_: str) -> str:
    """The class of a type: its second word."""
    return type_.split(".", 2)[1]


class Envelope(NamedTuple):
    """One message. `type` is `provbus.<class>.<what>.v<n>`; `data` is opaque here."""

    type: str
    source: str
    incarnation: int
    seq: int
    time_ms: int
    data: bytes
    token: Token = NO_TOKEN
    site: str = ""
    proof: bytes = b""

    @property
    def traffic(self) -> str:
        """The class of traffic: the second word of the type."""
        return traffic_of(self.type)

    @property
    def id(self) -> str:
        """Unique for this source, as CloudEvents asks."""
        return f"{self.traffic}-{self.incarnation:x}-{self.seq}"


def _no_token() -> Token:
    return NO_TOKEN


class Signs(Protocol):
    """Signs in the name of one instance (`bus.wire.signature`)."""

    def proof(self, envelope: Envelope) -> bytes:
        """The proof of a message."""

    def over(self, content: bytes) -> bytes:
        """A signature over these bytes."""


class _Unsigned:
    """Signs nothing."""

    def proof(self, envelope: Envelope) -> bytes:
        """None."""
        return b""

    def over(self, content: bytes) -> bytes:
        """None."""
        return b""


class Stamp:
    """Writes the envelopes of one incarnation of one instance.

    >>> stamp = Stamp("cfm-1", "lab", incarnation=7)
    >>> [stamp.envelope("provbus.audit.batch.v1", b"", time_ms=0).id for _ in range(2)]
    ['audit-7-1', 'audit-7-2']
    """

    def __init__(self, instance: str, site: str, incarnation: int) -> None:
        self.instance = instance
        self.site = site
        self.incarnation = incarnation
        self._token: Callable[[], Token] = _no_token
        self._signer: Signs = _Unsigned()
        self._signed: Collection[str] = ()
        self._seqs: dict[str, int] = {}

    @property
    def token(self) -> Token:
        """The token of the next envelope."""
        return self._token()

    def speaks_for(self, token: Callable[[], Token]) -> None:
        """Put a token into each envelope from now on; `token` is called for every one."""
        self._token = token

    def signs(self, signer: Signs, classes: Collection[str]) -> None:
        """Put a proof into each envelope of these classes from now on; `signer` makes it."""
        self._signer, self._signed = signer, classes

    def signature(self, content: bytes) -> bytes:
        """Our signature over what is no message; empty if we sign nothing."""
        return self._signer.over(content)

    def has_signed(self, envelope: Envelope) -> bool:
        """Whether we would prove this message in just that way now: a signature is made without chance."""
        return bool(envelope.proof) and self._signer.proof(envelope) == envelope.proof

    def begin(self, incarnation: int) -> None:
        """Write envelopes of this later incarnation from now on."""
        self.incarnation = incarnation

    def envelope(self, type_: str, data: bytes, *, time_ms: int) -> Envelope:
        """The next message of its class."""
        traffic = traffic_of(type_)
        seq = self._seqs.get(traffic, 0) + 1
        self._seqs[traffic] = seq
        envelope = Envelope(
            type_,
            self.instance,
            self.incarnation,
            seq,
            time_ms,
            data,
            self._token(),
            self.site,
        )
        return envelope._replace(proof=self._signer.proof(envelope)) if traffic in self._signed else envelope
