"""How an envelope is written down: a packed frame for ZeroMQ, CloudEvents binary mode for Kafka.

Frame (`fileid`; JSON headers there cost half the throughput):

    version u8 | kind u8 | reserved u16 | seq u64 | incarnation u64 | time_ms u64
    era u16, epoch u48 | expiry_ms u32 | data

The source is not in the frame: it is whoever the connection's key belongs to, so nobody can speak for
another.

Kafka: attributes as headers `ce_*` (CloudEvents Kafka binding, binary mode), data as the value, so any
CloudEvents reader understands them without us.
"""

from datetime import UTC, datetime
from functools import lru_cache
from struct import Struct

from bus.envelope import Envelope, Token
from bus.errors import DecodeError

FRAME_VERSION = 1
FRAME_HEADER = Struct(">BBHQQQQI")
EPOCH_BITS = 48
EPOCH_MASK = (1 << EPOCH_BITS) - 1

# The number of a type on the wire. Numbers are never reused.
KINDS = {
    1: "provbus.fileid.rows.v1",
    2: "provbus.fileid.ack.v1",
    3: "provbus.fileid.pull.v1",
    4: "provbus.fileid.pulled.v1",
    5: "provbus.fileid.hello.v1",
}
_NUMBERS = {name: number for number, name in KINDS.items()}

Headers = list[tuple[str, str | bytes | None]]


def pack_token(token: Token) -> int:
    """Era and epoch in 64 bits, ordered as the tokens are."""
    return token[0] << EPOCH_BITS | token[1]


@lru_cache(maxsize=64)  # authorities are few, messages are many
def unpack_token(packed: int) -> Token:
    """The inverse of `pack_token`."""
    return Token(packed >> EPOCH_BITS, packed & EPOCH_MASK)


def to_frame(envelope: Envelope) -> bytes:
    """The packed frame of a `fileid` envelope."""
    type_, _, incarnation, seq, time_ms, data, token, expiry_ms, _, _ = envelope
    packed = token[0] << EPOCH_BITS | token[1]
    kind = _NUMBERS[type_]
    return FRAME_HEADER.pack(FRAME_VERSION, kind, 0, seq, incarnation, time_ms, packed, expiry_ms) + data


def from_frame(frame: bytes, source: str) -> Envelope:
    """The envelope in a frame that came over the connection of `source`; `DecodeError` if it holds none."""
    if len(frame) < FRAME_HEADER.size:
        raise DecodeError(f"frame of {len(frame)} bytes is shorter than its header")
    version, kind, _, seq, incarnation, time_ms, token, expiry_ms = FRAME_HEADER.unpack_from(frame)
    if version != FRAME_VERSION:
        raise DecodeError(f"frame version {version} is not {FRAME_VERSION}")
    name = KINDS.get(kind)
    if name is None:
        raise DecodeError(f"unknown frame kind {kind}")
    data = frame[FRAME_HEADER.size :]
    return Envelope(name, source, incarnation, seq, time_ms, data, unpack_token(token), expiry_ms)


def to_headers(envelope: Envelope) -> Headers:
    """The Kafka headers of an envelope; its data is the record's value."""
    at = datetime.fromtimestamp(envelope.time_ms / 1000, UTC)
    headers = [
        ("ce_specversion", "1.0"),
        ("ce_id", envelope.id),
        ("ce_source", f"/{envelope.site}/{envelope.source}"),
        ("ce_type", envelope.type),
        ("ce_time", at.isoformat(timespec="milliseconds").replace("+00:00", "Z")),
        ("ce_incarnation", str(envelope.incarnation)),
        ("ce_seq", str(envelope.seq)),
        ("ce_era", str(envelope.token.era)),
        ("ce_epoch", str(envelope.token.epoch)),
        ("ce_expiry", str(envelope.expiry_ms)),
        ("content-type", "application/json"),
    ]
    if envelope.subject:
        headers.append(("ce_subject", envelope.subject))
    return [(name, text.encode()) for name, text in headers]


def from_headers(headers: Headers | None, value: bytes | None) -> Envelope:
    """The envelope in a Kafka record; `DecodeError` if it is not one of ours."""
    try:
        fields = {name: text for name, text in headers or () if isinstance(text, bytes)}
        _, site, source = fields["ce_source"].decode().split("/", 2)
        at = datetime.fromisoformat(fields["ce_time"].decode())
        envelope = Envelope(
            type=fields["ce_type"].decode(),
            source=source,
            incarnation=_number(fields, "ce_incarnation", 64),
            seq=_number(fields, "ce_seq", 64),
            time_ms=round(at.timestamp() * 1000),
            data=value or b"",
            token=Token(_number(fields, "ce_era", 16), _number(fields, "ce_epoch", EPOCH_BITS)),
            expiry_ms=_number(fields, "ce_expiry", 32),
            site=site,
            subject=fields.get("ce_subject", b"").decode(),
        )
    except (KeyError, ValueError, OverflowError) as error:
        raise DecodeError(f"record is not a provbus CloudEvent: {error!r}") from error
    if not source or not envelope.type.startswith("provbus.") or envelope.type.count(".") < 2:
        raise DecodeError(f"record of type {envelope.type!r} from {source!r} is not ours")
    return envelope


def _number(fields: dict[str, bytes], name: str, bits: int) -> int:
    text = fields[name]
    if not text.isdigit() or len(text) > 20 or int(text) >> bits:
        raise ValueError(f"{name} is not a number of {bits} bits: {text[:32]!r}")
    return int(text)
