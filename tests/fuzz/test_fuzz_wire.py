"""What comes over the network: TFTP packets, sealed names, rows, frames and headers of records."""

from collections.abc import Callable
from random import Random

import pytest

from bus.envelope import Envelope, Stamp, Token, number_of
from bus.errors import DecodeError
from bus.messages import Received, WallClock
from bus.wire.codec import from_frame, from_headers, to_frame, to_headers
from fileid.row import ACK, PULLED, ROWS, Fields, Row, pack, pack_rows, split_rows, unpack, unpack_names
from fileid.seal import KEY_BYTES, Opener, Sealer, SealKey
from fileid.table import Table
from heartbeat.roles.claim import Claim
from heartbeat.roles.granted.grants import Ask, Refused
from heartbeat.roles.granted.messages import pack_grant, unpack_answer, unpack_question
from services.cfm.assembly import assemble
from services.settings.vault import Vault
from services.tftp import packets
from services.tftp.client_core import ReadClient
from services.tftp.effects import Abandoned, Completed, Datagram, ReadRequested, ReadRestarted
from services.tftp.packets import ACK as TFTP_ACK
from services.tftp.packets import DATA, HEAD, Request, format_error, format_oack, format_request
from services.tftp.server_core import TftpServer
from services.tftp.sockets import Wakeup
from tests.fuzz.mutation import bounded, mutants
from tests.trusting import ANYBODY

SENT_MS = 1_700_000_000_000
KEY = SealKey(1, number_of("dhcp-1"), bytes(range(KEY_BYTES)))
MODEM, OTHER = ("127.64.0.7", 2000), ("127.64.0.8", 2000)
REQUESTS = [
    format_request(Request(b"cm.bin")),
    format_request(Request(b"cm.bin", is_netascii=True)),
    format_request(Request(b"cm.bin", blksize=1448, tsize=True, windowsize=16)) + b"timeout\02\0",
]
ANSWERS = [
    HEAD.pack(TFTP_ACK, 1),
    HEAD.pack(TFTP_ACK, 0),
    HEAD.pack(DATA, 1) + b"data",
    format_error(3, "disk full"),
]


def row(serial: int, values: bytes = b"\0\0\0\7") -> Row:
    """A sealed row of a device at 127.64.0.7."""
    fields = Fields(
        partial=False,
        minted_ms=SENT_MS,
        token=Token(1, 1),
        device=bytes(6),
        address=bytes((127, 64, 0, 7)),
        relay=bytes(4),
        minter=KEY.minter,
        generation=1,
        template=5,
        serial=serial.to_bytes(8),
        values=values,
    )
    return Sealer(KEY).seal(pack(fields), "residential")


ROWS_SEEDS = [pack_rows([row(1)]), pack_rows([row(2), row(3, bytes(200)), row(4, b"")])]


def refused(parse: Callable[[bytes], object]) -> Callable[[bytes], object]:
    """The same parser, for which `DecodeError` is an answer like any other."""

    def parse_or_refuse(data: bytes) -> object:
        try:
            return parse(data)
        except DecodeError:
            return None

    return parse_or_refuse


@pytest.mark.parametrize(
    "parse", [packets.parse_opcode, packets.parse_request, packets.parse_oack, packets.parse_error]
)
def test_every_packet_is_parsed_or_none(parse: Callable[[bytes], object]) -> None:
    seeds = [*REQUESTS, *ANSWERS, format_oack({b"blksize": 1448, b"tsize": 2436})]
    for data in mutants(seeds, 1):
        bounded(data, parse)


@pytest.mark.parametrize("seed", range(3))
def test_a_server_survives_every_packet_and_serves_on(seed: int) -> None:
    """Whatever comes, from whomever: reads stay bounded, and the next modem gets its file."""
    server, random = TftpServer(transfer_sockets=1, sessions_max=20), Random(seed)
    for at, data in enumerate(mutants([*REQUESTS, *ANSWERS], seed)):
        now, peer, socket = at * 0.01, random.choice([MODEM, OTHER]), random.randrange(2)

        def receive(
            data: bytes, now: float = now, peer: tuple[str, int] = peer, socket: int = socket
        ) -> None:
            for event in server.receive(socket, data, peer, now):
                if isinstance(event, ReadRequested):
                    server.open(event, now)
                if isinstance(event, ReadRequested | ReadRestarted):
                    server.serve(event.read, bytes(1000), now)
            server.tick(now)

        bounded(data, receive)
        assert len(server) <= 20
    client = ReadClient(b"fresh")
    (asked,) = server.receive(0, client.request, ("127.64.0.9", 2000), 1000.0)
    assert isinstance(asked, ReadRequested)
    server.open(asked, 1000.0)
    (first,) = server.serve(asked.read, b"settings", 1000.0)
    assert isinstance(first, Datagram)
    client.receive(first.data, 3000)
    assert client.file == b"settings"


def test_a_client_survives_every_packet() -> None:
    seeds = [*ANSWERS, HEAD.pack(DATA, 1) + bytes(512), format_oack({b"blksize": 8})]
    client = ReadClient(b"cm.bin", blksize=512, tsize=True)
    for data in mutants(seeds, 4):
        bounded(data, lambda data: client.receive(data, 3000))
        if client.done or client.failed is not None:
            client.restart()


def test_no_changed_name_opens() -> None:
    opener, names = Opener([KEY]), {row(serial).name for serial in range(5)}
    opened = [name for name in mutants(sorted(names), 5) if bounded(name, refused(opener.open)) is not None]
    assert set(opened) == names


@pytest.mark.parametrize("parse", [split_rows, unpack, unpack_names])
def test_every_frame_of_rows_is_read_or_refused(parse: Callable[[bytes], object]) -> None:
    for data in mutants([*ROWS_SEEDS, row(1).body, b"\4name\2it"], 6):
        bounded(data, refused(parse))


def test_every_envelope_is_read_or_refused() -> None:
    stamp = Stamp("dhcp-1", "lab", 7)
    frames = [to_frame(stamp.envelope(kind, ROWS_SEEDS[0], time_ms=1)) for kind in (ROWS, ACK)]
    for data in mutants(frames, 7):
        bounded(data, refused(lambda data: from_frame(data, "dhcp-1")))


def test_every_message_of_grants_is_read_or_refused() -> None:
    ballot = Claim(1, 64, "a" * 16)
    candidate, voter = Stamp("dhcp-1", "lab", 7), Stamp("cfm-1", "lab", 7)
    ask = pack_grant(candidate, Ask("dhcp/lab", ballot, "dhcp-1", 1))
    refusal = pack_grant(voter, Refused("dhcp/lab", ballot, 1, "cfm-1", ballot))

    def read(data: bytes) -> None:
        unpack_question(ask._replace(data=data), {"dhcp-1": "dhcp/lab"})

    def read_answer(data: bytes) -> None:
        unpack_answer(refusal._replace(data=data), ["cfm-1"], "dhcp/lab")

    for data in mutants([ask.data, refusal.data], 8):
        bounded(data, refused(read))
        bounded(data, refused(read_answer))


def test_every_header_of_a_record_is_read_or_refused() -> None:
    pairs = to_headers(Stamp("dhcp-1", "lab", 7).envelope("provbus.heartbeat.beat.v1", b"", time_ms=1))
    for at, (name, value) in enumerate(pairs):
        assert isinstance(value, bytes)
        for text in mutants([value], at, rounds=100):
            changed = [*pairs[:at], (name, text), *pairs[at + 1 :]]
            bounded(text, refused(lambda _, headers=changed: from_headers(headers, b"{}")))  # type: ignore[misc]


@pytest.mark.parametrize("seed", range(3))
def test_a_cfm_survives_every_frame_of_a_minter(seed: int) -> None:
    """What cannot be used is counted; a row that is stored can be decoded."""
    table = Table(capacity=1000)
    cfm = assemble(
        trust=ANYBODY,
        stamp=Stamp("cfm-1", "lab", 1),
        minters=["dhcp-1"],
        opener=Opener([KEY]),
        table=table,
        tftp=TftpServer(transfer_sockets=1),
        endpoints=dict,
        capacity=10,
        secret=b"s",
        vault=Vault(),
    )
    cfm.receive(WallClock(1_700_000_000.0), 0.0)
    for at, data in enumerate(mutants(ROWS_SEEDS, seed, rounds=200), start=1):
        kind = PULLED if at % 3 == 0 else ROWS
        message = Received(Envelope(kind, "dhcp-1", 1, at, SENT_MS, data), b"route")
        bounded(data, lambda _, message=message, at=at: cfm.receive(message, at * 0.01))  # type: ignore[misc]
    for at, name in enumerate(mutants([row(1).name], seed, rounds=200)):
        request = Wakeup(0, [(HEAD.pack(1, 0)[:2] + name + b"\0octet\0", MODEM)])
        effects = bounded(name, lambda _, request=request, at=at: cfm.receive(request, 3.0 + at * 0.01))  # type: ignore[misc]
        assert isinstance(effects, list)
        assert not any(isinstance(effect, Completed | Abandoned) for effect in effects)
    assert 0 < len(table) <= 1000
    for stored in table.expire(1e9):
        stored.fields()
