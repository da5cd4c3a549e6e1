"""What a release writes of each kind of message, and what it reads in one.

A line asks for the `types` of messages, to `write` all, or to `read` some: each is the record of a topic, the
frame of a connection, or a datagram, in base64. What is read is told by the names of its fields, with whether
its writer is proven; the proof itself is left out, for it differs with every byte of the message.
"""

import hashlib
import json
import sys
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from bus.contract import WireContract, decode, encode
from bus.envelope import Envelope, Stamp, Token, number_of
from bus.errors import DecodeError
from bus.routes import SIGNED
from bus.telemetry.audit import AUDIT, Audit, AuditBatch
from bus.wire.codec import DATAGRAM_KINDS, KINDS, from_frame, from_headers, to_frame, to_headers
from bus.wire.datagram import (
    ANSWER,
    ANSWERED,
    CHALLENGED,
    EVERYBODY,
    HEADER,
    GroupKey,
    Writer,
    answered_content,
    open_sealed,
)
from bus.wire.signature import Signer, certificate_of, is_signed, verify, writer_of
from fileid.handoff import ACKED_SEQ
from fileid.row import (
    ACK,
    DISOWNED,
    HELLO,
    PULL,
    PULLED,
    ROWS,
    Fields,
    Row,
    pack,
    pack_names,
    pack_rows,
    split_rows,
    unpack,
    unpack_names,
)
from fileid.seal import Opener, Sealer, SealKey
from fileid.table import RowStatus, check_statuses
from heartbeat.liveness.beat import BEAT, Beat, KeyIds, Load, LogPosition, RoleState
from heartbeat.roles.claim import BY_APPOINTMENT, BY_GRANTS, Claim, log_authority
from heartbeat.roles.evidence import Answer
from heartbeat.roles.granted.grants import Ask, Granted, Refused
from heartbeat.roles.granted.grants import Release as Resigned
from heartbeat.roles.granted.messages import ANSWERS, QUESTIONS, pack_grant, unpack_answer, unpack_question
from heartbeat.roles.hello import STANDING, pack_hello, pack_standing, unpack_hello, unpack_standing
from heartbeat.roles.log.fold import Held, Roles
from heartbeat.roles.log.records import TYPE_OF, TYPES, ClaimRecord, Era, Probe, Release, Renew
from services.settings.catalogue import parse
from services.settings.record import CATALOGUE, Change
from services.settings.vault import Vault

Wires = dict[str, str]
ROLE = "dhcp/lab"
MINTER, CFM = "dhcp-1", "cfm-1"
ADDRESS = "192.0.2.7"
NONCE = bytes(range(16))
INCARNATION = 1_700_000_000_000
ONE, OTHER = "0123456789abcdef", "fedcba9876543210"


def _key(name: str, size: int) -> bytes:
    return hashlib.shake_256(name.encode()).digest(size)


def _public(secret: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()


ROOT = _key("root", 32)
GROUP = GroupKey(3, _key("group", 64))
SEAL = SealKey.of(MINTER, 7, _key("seal", 64))
VAULT = Vault([(9, _key("settings", 64))])


def _stamp(name: str, role: str) -> Stamp:
    """An instance that signs, and speaks under a claim."""
    secret = _key(name, 32)
    stamp = Stamp(name, "lab", INCARNATION)
    stamp.signs(Signer(secret, certificate_of(ROOT, name, role, _public(secret)), role), SIGNED)
    stamp.speaks_for(lambda: Token(5, 1 << 40))
    return stamp


STAMPS = {MINTER: _stamp(MINTER, ROLE), CFM: _stamp(CFM, "cfm/lab")}

_BEAT = Beat(
    service="dhcp",
    load=Load(in_flight=17, p99_ms=12.5, capacity=400),
    draining=True,
    generation=41,
    sealed="09",
    endpoints={"fileid": "tcp://192.0.2.7:7001", "tftp": ADDRESS},
    leaves=True,
    namesake="yielded",
    log=LogPosition(position=90, mark=88, digest="ab" * 32),
    standing=RoleState(role=ROLE, state="active", era=5, epoch=77),
    verdict="degraded",
    reason="keys-behind",
    version="0.1.0",
    transport="bus",
    keys=KeyIds(fleet="0123abcd", seal="0708", group="03", settings="09"),
)
_CLAIM = Claim(5, 77, ONE, log_authority("a topic"))
_GRANTED = Claim(6, 64, ONE, BY_GRANTS)
_HELD = Held(70, 60, ONE, MINTER, INCARNATION, released=False)
_ROLES = Roles(90, 5, 40, {ROLE: _HELD}, ("cd" * 32,), {MINTER: (INCARNATION, 12)})
_IPV4 = Fields(
    partial=False,
    minted_ms=INCARNATION,
    token=Token(5, 77),
    device=bytes.fromhex("001a2c000001"),
    address=bytes((192, 0, 2, 9)),
    relay=bytes((192, 0, 2, 1)),
    minter=number_of(MINTER),
    generation=41,
    template=99,
    serial=b"serial 1",
    values=b"\x04\x00\x00\x00\x07",
)
_IPV6 = _IPV4._replace(address=bytes(range(16)), relay=bytes(4), serial=b"serial 2", values=bytes(100))
_LEASED = _IPV4._replace(serial=b"serial 3", leased=True)
_NAMES = [b"AQdzoo.residential", b"x" * 127]
_CLASSES: dict[str, Any] = {
    "residential": {
        "kind": "cm",
        "placeholders": {"customer": {"kind": "uint32"}},
        "body": [
            {"network_access": 1},
            {"snmp_set": {"oid": "1.3.6.1.2.1.69.1.2.1.4.1", "string": "a secret"}},
        ],
    }
}
_LOOKUP = [{"class": "residential", "values": {"customer": 7}}]


def _rows() -> list[Row]:
    sealer = Sealer(SEAL)
    return [sealer.seal(pack(one), "residential") for one in (_IPV4, _IPV6)] + [
        Row(b"gold.bin", pack(_LEASED))
    ]


def _by_topic() -> Iterable[Envelope]:
    """Each kind of record that travels by topic."""
    minter = STAMPS[MINTER]
    catalogue = VAULT.seal(VAULT.make(_CLASSES, 41, _LOOKUP, Change(INCARNATION, "ann@dhcp-1", "why")))
    yield minter.envelope(BEAT, encode(_BEAT), time_ms=INCARNATION)
    yield minter.envelope(CATALOGUE, encode(catalogue), time_ms=INCARNATION)
    for record in (
        ClaimRecord(role=ROLE, prev=88, claim_id=ONE, incarnation=INCARNATION, reason="its host is gone"),
        Renew(role=ROLE, epoch=77, claim_id=ONE),
        Release(role=ROLE, epoch=77, claim_id=ONE),
        Probe(nonce=OTHER),
        Era(number=6, authority="ann", revoked=["cd" * 32]),
        _ROLES.checkpoint(),
    ):
        yield minter.envelope(TYPE_OF[type(record)], encode(record), time_ms=INCARNATION)
    audit = Audit(minter)
    audit.record({"event": "fileid.acked", "device": "001a.2c00.0001", "fileid": ONE, "at": 1.5}, 0.0)
    yield from (one.envelope for one in audit.flush(INCARNATION / 1000))


def _by_connection() -> Iterable[Envelope]:
    """Each kind of frame that travels by connection."""
    minter, cfm = STAMPS[MINTER], STAMPS[CFM]
    statuses = bytes((RowStatus.STORED, RowStatus.DUPLICATE, RowStatus.FULL))
    yield minter.envelope(ROWS, pack_rows(_rows()), time_ms=INCARNATION)
    yield cfm.envelope(ACK, ACKED_SEQ.pack(12) + statuses, time_ms=0)
    yield cfm.envelope(PULL, pack_names(_NAMES), time_ms=0)
    yield minter.envelope(PULLED, pack_rows(_rows()[:1]), time_ms=INCARNATION)
    yield minter.envelope(DISOWNED, pack_names(_NAMES[:1]), time_ms=INCARNATION)
    yield minter.envelope(HELLO, pack_hello(_CLAIM, 1234.5), time_ms=INCARNATION)
    yield cfm.envelope(STANDING, pack_standing(Answer(_CLAIM, True, 90), 1_234_500_000), time_ms=0)


def _by_group() -> Iterable[Envelope]:
    """Kinds of messages that travel by datagram: those of connections, a beat, and grants."""
    yield from _by_connection()
    minter, cfm = STAMPS[MINTER], STAMPS[CFM]
    appointed = pack_hello(Claim(7, 9, OTHER, BY_APPOINTMENT), 0.5)
    yield minter.envelope(HELLO, appointed, time_ms=0)
    yield minter.envelope(BEAT, encode(_BEAT), time_ms=INCARNATION)
    yield pack_grant(minter, Ask(ROLE, _GRANTED, MINTER, 3))
    yield pack_grant(minter, Resigned(ROLE, _GRANTED, MINTER))
    yield pack_grant(cfm, Granted(ROLE, _GRANTED, 3, CFM))
    yield pack_grant(cfm, Refused(ROLE, _GRANTED, 3, CFM, _GRANTED._replace(epoch=65, claim_id=OTHER)))


def types() -> list[str]:
    """Every type of message that this release knows."""
    return sorted({*KINDS.values(), *DATAGRAM_KINDS.values(), *TYPES, AUDIT})


def write() -> Wires:
    """All messages by their kinds, each with a number where a kind is there more than once."""
    wires: Wires = {}

    def add(kind: str, wire: bytes) -> None:
        number = sum(one.startswith(f"{kind} ") for one in wires)
        wires[f"{kind} {number}"] = b64encode(wire).decode()

    for envelope in _by_topic():
        headers = [(name, value.decode()) for name, value in to_headers(envelope) if isinstance(value, bytes)]
        add(f"topic {envelope.type}", json.dumps([headers, b64encode(envelope.data).decode()]).encode())
    for envelope in _by_connection():
        add(f"{envelope.source} {envelope.type}", to_frame(envelope))
    for name, stamp in STAMPS.items():
        writer = Writer(stamp, GROUP)
        for envelope in _by_group():
            if envelope.source == name:
                add(f"datagram {envelope.type}", writer.write(envelope, EVERYBODY, to_group=True))
        add("shake challenge", writer.challenge(number_of(CFM), INCARNATION, NONCE))
        add("shake answer", writer.answer(number_of(CFM), NONCE, ADDRESS))
    for row in _rows()[:2]:
        add("name sealed", row.name)
    return wires


def read(wires: Mapping[str, str]) -> dict[str, Any]:
    """What these messages say."""
    return {kind: _plain(_read(kind, b64decode(text))) for kind, text in wires.items()}


def _read(kind: str, wire: bytes) -> Any:
    try:
        return _understood(kind.partition(" ")[0], wire)
    except DecodeError as error:
        return {"refused": str(error)}


def _understood(by: str, wire: bytes) -> Any:
    if by == "name":
        return unpack(Opener([SEAL]).open(wire).body)
    if by == "shake":
        return _shaken(wire)
    if by == "datagram":
        return _datagram(wire)
    if by != "topic":
        return _said(from_frame(wire, by))
    headers, value = json.loads(wire)
    return _said(from_headers([(name, text.encode()) for name, text in headers], b64decode(value)))


def _said(envelope: Envelope) -> dict[str, Any]:
    """A message, and what shows who wrote it."""
    keys = [_public(_key(envelope.source, 32))]
    said = envelope._asdict() | {"id": envelope.id, "data": _READERS[envelope.type](envelope)}
    del said["proof"]
    writer = writer_of(envelope, _public(ROOT))
    return said | {"signed": is_signed(envelope, keys), "writer": writer and writer._asdict()}


def _datagram(wire: bytes) -> dict[str, Any]:
    header = HEADER.unpack_from(wire)
    frame = open_sealed(AESSIV(GROUP.key), wire, header[1])
    (source,) = [name for name in STAMPS if number_of(name) == header[4]]
    return {"header": header, **_said(from_frame(frame, source, DATAGRAM_KINDS))}


def _shaken(wire: bytes) -> dict[str, Any]:
    """A challenge, or an answer with its signature."""
    header = HEADER.unpack_from(wire)
    flags, source, incarnation = header[1], header[4], header[6]
    said = open_sealed(AESSIV(GROUP.key), wire, flags)
    if not flags & ANSWER:
        return {"header": header, "challenge": CHALLENGED.unpack(said)}
    (name,) = [one for one in STAMPS if number_of(one) == source]
    answer, signature = said[: ANSWERED.size], said[ANSWERED.size :]
    content = answered_content(source, incarnation, ADDRESS, answer)
    is_theirs = verify(_public(_key(name, 32)), signature, content)
    return {"header": header, "answer": ANSWERED.unpack(answer), "signed": is_theirs}


def _contract(kind: type[WireContract]) -> Callable[[Envelope], Any]:
    return lambda envelope: decode(kind, envelope.data).model_dump(mode="json")


def _in_rows(envelope: Envelope) -> Any:
    names, bodies = split_rows(envelope.data)
    return [(name, unpack(body)._asdict()) for name, body in zip(names, bodies, strict=True)]


def _acked(envelope: Envelope) -> Any:
    statuses = envelope.data[ACKED_SEQ.size :]
    (seq,) = ACKED_SEQ.unpack_from(envelope.data)
    return seq, [RowStatus(one).name for one in check_statuses(statuses, len(statuses))]


def _settings(envelope: Envelope) -> Any:
    """The catalogue with its secrets open; whether they were sealed."""
    found = parse(envelope.data)
    return found.sealed, VAULT.open(found).model_dump(mode="json")


def _asked(envelope: Envelope) -> Any:
    return unpack_question(envelope, {MINTER: ROLE})


def _answered(envelope: Envelope) -> Any:
    return unpack_answer(envelope, {CFM}, ROLE)


_READERS: dict[str, Callable[[Envelope], Any]] = {
    BEAT: _contract(Beat),
    CATALOGUE: _settings,
    AUDIT: _contract(AuditBatch),
    **{name: _contract(kind) for name, kind in TYPES.items()},
    **dict.fromkeys((ROWS, PULLED), _in_rows),
    **dict.fromkeys((PULL, DISOWNED), lambda envelope: unpack_names(envelope.data)),
    ACK: _acked,
    HELLO: lambda envelope: unpack_hello(envelope.data),
    STANDING: lambda envelope: unpack_standing(envelope.data),
    **dict.fromkeys(QUESTIONS, _asked),
    **dict.fromkeys(ANSWERS, _answered),
}


def _plain(value: Any) -> Any:
    """The same as JSON has it; a named tuple by its names, so that a release may have a field more."""
    if hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value


def answer(asked: dict[str, Any]) -> Any:
    """The answer to a line."""
    if "read" in asked:
        return read(asked["read"])
    return types() if "types" in asked else write()


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))))
