"""The encodings of an envelope: a packed frame (ZeroMQ, multicast), CloudEvents binary mode (Kafka).

Frame (JSON headers cost half the throughput of `fileid`, and much of a datagram):

    version u8 | kind u8 | length of the proof u16 | seq u64 | incarnation u64 | time_ms u64
    era u16, epoch u48 | proof | data

The source is not in the frame: it is the owner of the connection's key, so nobody can speak for another; in a
datagram, its header names the source.

Kafka: attributes as headers `ce_*` (CloudEvents Kafka binding, binary mode), data as the value, so any
CloudEvents reader understands them without us.
"""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from struct import Struct

from bus.envelope import Envelope, Token, traffic_of
from bus.errors import DecodeError

FRAME_VERSION = 3
FRAME_HEADER = Struct(">BBHQQQQ")
EPOCH_BITS = 48
EPOCH_MASK = (1 << EPOCH_BITS) - 1

# The number of a type on the wire. Numbers are never reused.
KINDS = {
    1: "provbus.fileid.rows.v1",
    2: "provbus.fileid.ack.v1",
    3: "provbus.fileid.pull.v1",
    4: "provbus.fileid.pulled.v1",
    5: "provbus.fileid.hello.v1",
    6: "provbus.fileid.standing.v1",
    7: "provbus.fileid.disowned.v1",
}
# The further kinds that a datagram may hold; a connection may not carry them.
DATAGRAM_KINDS = KINDS | {
    16: "provbus.heartbeat.beat.v1",
    17: "provbus.config.catalogue.v1",
    18: "provbus.config.held.v1",
    19: "provbus.config.want.v1",
    20: "provbus.config.chunk.v1",
    25: "provbus.config.record.v1",
    21: "provbus.failover.ask.v1",
    22: "provbus.failover.resign.v1",
    23: "provbus.failover.granted.v1",
    24: "provbus.failover.refused.v1",
}
_NUMBERS = {name: number for number, name in DATAGRAM_KINDS.items()}

Pair = tuple[str, str | bytes | None]
Headers = list[Pair]

CONSTANTS_MAX = 256  # instances, times the few types that travel by topic
PROOF_BYTES_MAX = 320  # a signature, a key, its certificate, and the role that may be up to 131 characters
NAMES_BYTES_MAX = 512  # of a type and a source; ours are names of at most 63 characters
_VERSION: Pair = ("ce_specversion", b"1.0")
_CONTENT: Pair = ("content-type", b"application/json")


def pack_token(token: Token) -> int:
    """Era and epoch in 64 bits, ordered as the tokens are."""
    return token[0] << EPOCH_BITS | token[1]


@lru_cache(maxsize=64)  # authorities are few, messages are many
def unpack_token(packed: int) -> Token:
    """The inverse of `pack_token`."""
    return Token(packed >> EPOCH_BITS, packed & EPOCH_MASK)


def to_frame(envelope: Envelope) -> bytes:
    """The packed frame of an envelope."""
    type_, _, incarnation, seq, time_ms, data, token, _, proof = envelope
    packed = token[0] << EPOCH_BITS | token[1]
    kind = _NUMBERS[type_]
    header = FRAME_HEADER.pack(FRAME_VERSION, kind, len(proof), seq, incarnation, time_ms, packed)
    return header + proof + data


def from_frame(frame: bytes, source: str, kinds: Mapping[int, str] = KINDS) -> Envelope:
    """The envelope of one of these kinds in a frame of `source`; `DecodeError` if it holds none."""
    if len(frame) < FRAME_HEADER.size:
        raise DecodeError(f"frame of {len(frame)} bytes is shorter than its header")
    version, kind, proof_bytes, seq, incarnation, time_ms, token = FRAME_HEADER.unpack_from(frame)
    if version != FRAME_VERSION:
        raise DecodeError(f"frame version {version} is not {FRAME_VERSION}")
    name = kinds.get(kind)
    if name is None:
        raise DecodeError(f"unknown frame kind {kind}")
    if not proof_bytes:
        data = frame[FRAME_HEADER.size :]
        return Envelope(name, source, incarnation, seq, time_ms, data, unpack_token(token))
    start = FRAME_HEADER.size + proof_bytes
    if proof_bytes > PROOF_BYTES_MAX or start > len(frame):
        raise DecodeError(f"a proof of {proof_bytes} bytes in a frame of {len(frame)}")
    proof, data = frame[FRAME_HEADER.size : start], frame[start:]
    return Envelope(name, source, incarnation, seq, time_ms, data, unpack_token(token), "", proof)


def to_headers(envelope: Envelope) -> Headers:
    """The Kafka headers of an envelope; its data is the record's value."""
    type_, source, incarnation, seq, time_ms, _, token, site, proof = envelope
    said = _write_constant(type_, source, incarnation, token, site)
    id_head, source_pair, type_pair, incarnation_pair, era_pair, epoch_pair = said
    number = b"%d" % seq
    return [
        _VERSION,
        ("ce_id", id_head + number),
        source_pair,
        type_pair,
        ("ce_time", b"%b.%03dZ" % (_write_second(time_ms // 1000), time_ms % 1000)),
        incarnation_pair,
        ("ce_seq", number),
        era_pair,
        epoch_pair,
        *([("ce_proof", b64encode(proof))] if proof else ()),
        _CONTENT,
    ]


def from_headers(headers: Headers | None, value: bytes | None) -> Envelope:
    """The envelope in a Kafka record; `DecodeError` if it is not one of ours."""
    try:
        fields = {name: text for name, text in headers or () if isinstance(text, bytes)}
        type_, source, incarnation, token, site = _read_constant(
            fields["ce_type"],
            fields["ce_source"],
            fields["ce_incarnation"],
            fields["ce_era"],
            fields["ce_epoch"],
        )
        seq, time_ms = _number(fields["ce_seq"], "ce_seq", 64), _time_ms(fields["ce_time"])
        proof = _proof(fields.get("ce_proof", b""))
    except (KeyError, ValueError, OverflowError) as error:
        raise DecodeError(f"record is not a provbus CloudEvent: {error!r}") from error
    return Envelope(type_, source, incarnation, seq, time_ms, value or b"", token, site, proof)


# The headers about the source are the same in all records of a type by one incarnation: they are written and
# read once. Only valid ones are cached, and their length is bounded, so nobody can fill the memory.


@lru_cache(maxsize=CONSTANTS_MAX)
def _write_constant(
    type_: str, source: str, incarnation: int, token: Token, site: str
) -> tuple[bytes, Pair, Pair, Pair, Pair, Pair]:
    return (
        f"{traffic_of(type_)}-{incarnation:x}-".encode(),
        ("ce_source", f"/{site}/{source}".encode()),
        ("ce_type", type_.encode()),
        ("ce_incarnation", b"%d" % incarnation),
        ("ce_era", b"%d" % token.era),
        ("ce_epoch", b"%d" % token.epoch),
    )


@lru_cache(maxsize=CONSTANTS_MAX)
def _read_constant(
    type_: bytes, place: bytes, incarnation: bytes, era: bytes, epoch: bytes
) -> tuple[str, str, int, Token, str]:
    if len(type_) + len(place) > NAMES_BYTES_MAX:
        raise ValueError(f"a type and source of {len(type_) + len(place)} bytes")
    name = type_.decode()
    _, site, source = place.decode().split("/", 2)
    if not source or not name.startswith("provbus.") or name.count(".") < 2:
        raise ValueError(f"type {name!r} from {source!r} is not ours")
    token = Token(_number(era, "ce_era", 16), _number(epoch, "ce_epoch", EPOCH_BITS))
    return name, source, _number(incarnation, "ce_incarnation", 64), token, site


@lru_cache(maxsize=64)
def _write_second(unix_s: int) -> bytes:
    return datetime.fromtimestamp(unix_s, UTC).isoformat().removesuffix("+00:00").encode()


@lru_cache(maxsize=64)
def _read_second(text: bytes) -> int:
    return round(datetime.fromisoformat(text.decode() + ".000Z").timestamp()) * 1000


def _time_ms(text: bytes) -> int:
    fraction = text[20:23]
    if len(text) == 24 and text[19:20] == b"." and text[23:] == b"Z" and fraction.isdigit():
        return _read_second(text[:19]) + int(fraction)  # our own format
    return round(datetime.fromisoformat(text.decode()).timestamp() * 1000)


def _proof(text: bytes) -> bytes:
    if len(text) > 2 * PROOF_BYTES_MAX:
        raise ValueError(f"a proof of {len(text)} characters")
    return b64decode(text, validate=True)


def _number(text: bytes, name: str, bits: int) -> int:
    if not text.isdigit() or len(text) > 20 or (number := int(text)) >> bits:
        raise ValueError(f"{name} is not a number of {bits} bits: {text[:32]!r}")
    return number
