"""Datagrams: what is sealed comes out as it went in, and whatever else arrives is refused and counted."""

from collections.abc import Iterator
from random import Random

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.envelope import Envelope, Stamp, Token, number_of
from bus.errors import OversizeError
from bus.routes import route
from bus.wire.codec import DATAGRAM_KINDS, to_frame
from bus.wire.datagram import (
    DATA_BYTES_MAX,
    DATAGRAM_BYTES_MAX,
    EVERYBODY,
    HEADER,
    KEY_BYTES,
    SEAL_BYTES,
    VERSION,
    GroupKey,
    Writer,
)
from bus.wire.datagram_reader import REASONS, Believed, DatagramReader, Met
from bus.wire.dedup import WINDOW
from bus.wire.proof import SECRET_BYTES, Proofs
from heartbeat.liveness.beat import BEAT
from tests.trusting import ANYBODY

FLEET = ("dhcp-1", "cfm-1", "cfm-2")
KEY = GroupKey(7, bytes(range(KEY_BYTES)))
OTHER_KEY = GroupKey(8, bytes(reversed(range(KEY_BYTES))))
ROWS = "provbus.fileid.rows.v1"
SENDER, STRANGER, OWN = "192.0.2.1", "198.51.100.9", "192.0.2.9"
FAULT = 0.1
OURS = 99  # the incarnation of whoever reads
seeded = settings(derandomize=True, max_examples=300, deadline=None)


class Reader(DatagramReader):
    """A receiver of which a test knows what it asks."""

    proofs: Proofs


def meet(receiver: Reader, peer: Writer, name: str = "dhcp-1", incarnation: int = 5) -> None:
    """The peer answers the receiver's nonce."""
    nonce = receiver.proofs.nonce(name, incarnation, SENDER, 0.0)
    answer = peer.answer(number_of("cfm-1"), nonce, SENDER)
    assert receiver.read(answer, SENDER, 0.0) == Met(name, None)


def reader(
    instance: str = "cfm-1", *keys: GroupKey, rate_per_s: float = 1e6, burst: int = 1_000_000
) -> Reader:
    """A receiver that has met incarnation 5 of dhcp-1 before that said anything."""
    stamp, keys, proofs = Stamp(instance, "lab", OURS), keys or (KEY,), Proofs(bytes(SECRET_BYTES), {})
    found = Reader(stamp, FLEET, keys, rate_per_s, burst, OWN, Writer(stamp, keys[0]), proofs, ANYBODY.is_of)
    found.proofs = proofs
    meet(found, writer(key=keys[0]))
    return found


def writer(instance: str = "dhcp-1", incarnation: int = 5, key: GroupKey = KEY) -> Writer:
    return Writer(Stamp(instance, "lab", incarnation), key)


def message(data: bytes = b"{}", type_: str = BEAT, source: str = "dhcp-1", seq: int = 1) -> Envelope:
    return Envelope(type_, source, 5, seq, 1_800_000_000_123, data, Token(2, 77))


def datagrams(count: int, made_by: Writer, to_group: bool = True) -> list[bytes]:
    """The next ones, numbered in their data."""
    target = EVERYBODY if to_group else number_of("cfm-1")
    return [
        made_by.write(message(b"%d" % seq, seq=seq), target, to_group=to_group) for seq in range(1, count + 1)
    ]


def counted(one: DatagramReader) -> dict[str, int]:
    """The reasons that were given, without those that were not."""
    return {reason: count for reason, count in one.counts.items() if count}


def believed(one: DatagramReader, arriving: list[bytes], address: str = SENDER) -> list[int]:
    """The sequence numbers of what is delivered of these."""
    opened = (heard(one, datagram, address) for datagram in arriving)
    return [found.envelope.seq for found in opened if found is not None]


def heard(one: DatagramReader, datagram: bytes, address: str = SENDER) -> Believed | None:
    """What is delivered of this."""
    found = one.read(datagram, address, 0.0)
    return found if isinstance(found, Believed) else None


@pytest.mark.parametrize("to_group", [True, False], ids=["group", "alone"])
@pytest.mark.parametrize("size", [0, 1, DATA_BYTES_MAX])
@pytest.mark.parametrize("type_", sorted(DATAGRAM_KINDS.values()))
def test_every_kind_comes_out_as_it_went_in(type_: str, size: int, to_group: bool) -> None:
    sent = message(bytes(number % 251 for number in range(size)), type_)
    datagram = writer().write(sent, number_of("cfm-1"), to_group=to_group)
    assert len(datagram) == len(to_frame(sent)) + HEADER.size + SEAL_BYTES <= DATAGRAM_BYTES_MAX
    there = reader()
    assert there.read(datagram, SENDER, 0.0) == (sent, True)
    assert counted(there) == {}


@pytest.mark.parametrize("type_", sorted(DATAGRAM_KINDS.values()))
def test_only_beats_can_be_read_on_the_wire(type_: str) -> None:
    secret = b"the subscriber's password"
    sent = message(secret, type_)
    datagram = writer().write(sent, EVERYBODY, to_group=True)
    assert (secret in datagram) is (to_frame(sent) in datagram) is route(sent.traffic).is_readable


def test_a_row_for_another_is_heard_and_a_beat_is_for_everybody() -> None:
    dhcp, cfm = writer(), reader()
    row = heard(cfm, dhcp.write(message(type_=ROWS), number_of("cfm-2"), to_group=True))
    beat = heard(cfm, dhcp.write(message(), EVERYBODY, to_group=True))
    assert row is not None
    assert beat is not None
    assert (row.for_us, beat.for_us) == (False, True)
    assert counted(cfm) == {}


def test_what_is_too_large_is_its_senders_mistake_and_takes_no_number() -> None:
    dhcp, cfm = writer(), reader()
    before = dhcp.write(message(seq=1), EVERYBODY, to_group=True)
    with pytest.raises(OversizeError) as caught:
        dhcp.write(message(bytes(DATA_BYTES_MAX + 1)), EVERYBODY, to_group=True)
    assert (caught.value.size_bytes, caught.value.size_bytes_max) == (DATA_BYTES_MAX + 1, DATA_BYTES_MAX)
    after = dhcp.write(message(seq=2), EVERYBODY, to_group=True)
    assert believed(cfm, [before, after]) == [1, 2]
    assert counted(cfm) == {}


@pytest.mark.parametrize("type_", [BEAT, ROWS], ids=["signed", "encrypted"])
def test_every_single_flipped_bit_is_noticed(type_: str) -> None:
    cfm = reader()
    datagram = writer().write(message(b"row", type_), number_of("cfm-1"), to_group=True)
    for bit in range(8 * len(datagram)):
        changed = bytearray(datagram)
        changed[bit // 8] ^= 1 << bit % 8
        assert heard(cfm, bytes(changed)) is None
    places = {"malformed": 8, "unknown_key": 8, "wrong_key": 32}
    assert counted(cfm) == places | {"forged": 8 * len(datagram) - sum(places.values())}
    assert heard(cfm, datagram) is not None


@pytest.mark.parametrize("cut", [0, 1, HEADER.size, HEADER.size + SEAL_BYTES - 1])
def test_what_is_too_short_or_too_long_is_malformed(cut: int) -> None:
    cfm = reader()
    datagram = writer().write(message(bytes(DATA_BYTES_MAX)), EVERYBODY, to_group=True)
    assert believed(cfm, [datagram[:cut], datagram + b"x"]) == []
    assert counted(cfm) == {"malformed": 2}


def test_a_datagram_that_was_cut_or_glued_is_forged() -> None:
    cfm = reader()
    datagram = writer().write(message(bytes(100)), EVERYBODY, to_group=True)
    assert believed(cfm, [datagram[:-1], datagram + b"x", datagram[: HEADER.size + SEAL_BYTES]]) == []
    assert counted(cfm) == {"forged": 3}


def test_a_seal_holds_for_its_own_header_only() -> None:
    """Neither another's payload nor a signature in place of an encryption gets through."""
    cfm, dhcp = reader(), writer()
    first = dhcp.write(message(b"one", ROWS), number_of("cfm-1"), to_group=True)
    second = dhcp.write(message(b"two", ROWS), number_of("cfm-1"), to_group=True)
    assert believed(cfm, [first[: HEADER.size] + second[HEADER.size :]]) == []
    assert counted(cfm) == {"forged": 1}


def test_another_key_under_a_known_id_is_told_from_an_unknown_id() -> None:
    cfm = reader("cfm-1", KEY)
    same_id = GroupKey(KEY.key_id, OTHER_KEY.key)
    same_key = GroupKey(OTHER_KEY.key_id, KEY.key)
    arriving = [datagrams(1, writer(key=key))[0] for key in (same_id, OTHER_KEY, same_key)]
    assert believed(cfm, arriving) == []
    assert counted(cfm) == {"wrong_key": 1, "unknown_key": 2}


def test_who_guesses_the_check_of_a_key_still_cannot_seal() -> None:
    cfm = reader()
    datagram = bytearray(datagrams(1, writer(key=GroupKey(KEY.key_id, OTHER_KEY.key)))[0])
    datagram[4:8] = KEY.check.to_bytes(4, "big")
    assert believed(cfm, [bytes(datagram)]) == []
    assert counted(cfm) == {"forged": 1}


@pytest.mark.parametrize("to_group", [True, False], ids=["group", "alone"])
def test_nothing_can_be_played_to_us_again(to_group: bool) -> None:
    cfm = reader()
    recorded = datagrams(WINDOW + 10, writer(), to_group)
    assert len(believed(cfm, recorded)) == len(recorded)
    assert believed(cfm, recorded) == []
    assert counted(cfm) == {"replayed": len(recorded)}


def test_an_older_incarnation_is_refused_on_both_channels() -> None:
    cfm = reader()
    before = datagrams(5, writer(incarnation=5)) + datagrams(5, writer(incarnation=5), to_group=False)
    after = datagrams(3, writer(incarnation=6))
    assert believed(cfm, before[:2]) == [1, 2]
    meet(cfm, writer(incarnation=6), incarnation=6)
    assert believed(cfm, after) == [1, 2, 3]
    assert believed(cfm, before) == []
    assert counted(cfm) == {"replayed": len(before)}
    meet(cfm, writer(incarnation=7), incarnation=7)
    assert believed(cfm, datagrams(4, writer(incarnation=7))) == [1, 2, 3, 4]


def test_an_older_incarnation_does_not_undo_what_the_newer_one_has_said() -> None:
    cfm = reader()
    after = datagrams(3, writer(incarnation=6))
    meet(cfm, writer(incarnation=6), incarnation=6)
    assert believed(cfm, after) == [1, 2, 3]
    assert believed(cfm, datagrams(1, writer(incarnation=5)) + after) == []
    assert counted(cfm) == {"replayed": 4}


def test_a_stranger_with_the_key_is_a_stranger() -> None:
    cfm = reader()
    assert believed(cfm, datagrams(2, writer("cfm-99"))) == []
    assert counted(cfm) == {"stranger": 2}


def test_what_is_for_another_alone_is_misdirected_and_takes_no_number() -> None:
    cfm, dhcp = reader(), writer()
    elsewhere = dhcp.write(message(type_=ROWS), number_of("cfm-2"), to_group=False)
    here = dhcp.write(message(type_=ROWS), number_of("cfm-1"), to_group=False)
    assert believed(cfm, [elsewhere, here]) == [1]
    assert counted(cfm) == {"misdirected": 1}


def test_our_own_are_neither_delivered_nor_counted() -> None:
    cfm = reader("cfm-1")
    ours = datagrams(3, writer("cfm-1", incarnation=OURS))
    assert believed(cfm, ours, OWN) == []
    assert counted(cfm) == {}
    assert believed(cfm, ours, STRANGER) == []
    assert counted(cfm) == {"unproven": 3}


@pytest.mark.parametrize("incarnation", [OURS - 1, OURS + 1])
def test_of_another_process_of_our_name_the_beats_are_heard_and_nothing_else(incarnation: int) -> None:
    cfm, other = reader("cfm-1"), writer("cfm-1", incarnation=incarnation)
    said = [message(type_=BEAT), message(type_=ROWS)]
    meet(cfm, other, "cfm-1", incarnation)
    found = [heard(cfm, other.write(one, EVERYBODY, to_group=True)) for one in said]
    assert [one and one.envelope.type for one in found] == [BEAT, None]


def test_an_authentic_frame_that_says_nothing_is_undecodable() -> None:
    """A member of a later version may say what we do not know yet."""
    cfm, dhcp = reader(), writer()
    good = dhcp.write(message(), EVERYBODY, to_group=True)
    header, frame = good[: HEADER.size], bytearray(good[HEADER.size : -SEAL_BYTES])
    frame[1] = 255
    seal = AESSIV(KEY.key).encrypt(b"", [header, bytes(frame)])
    assert believed(cfm, [header + bytes(frame) + seal]) == []
    assert counted(cfm) == {"undecodable": 1}


def test_keys_are_rotated_with_an_overlap() -> None:
    dhcp, cfm, old, new = writer(), reader("cfm-1", KEY), KEY, OTHER_KEY
    assert believed(cfm, datagrams(2, dhcp)) == [1, 2]
    cfm.use([old, new])
    assert believed(cfm, datagrams(2, dhcp)) == [1, 2]
    dhcp.use(new)
    assert believed(cfm, datagrams(2, dhcp)) == [1, 2]
    cfm.use([new])
    assert believed(cfm, datagrams(2, dhcp)) == [1, 2]
    dhcp.use(old)
    assert believed(cfm, datagrams(1, dhcp)) == []
    assert counted(cfm) == {"unknown_key": 1}


def test_a_new_key_makes_nothing_new_that_was_said() -> None:
    dhcp, cfm = writer(), reader("cfm-1", KEY, OTHER_KEY)
    recorded = datagrams(3, dhcp)
    assert believed(cfm, recorded) == [1, 2, 3]
    dhcp.use(OTHER_KEY)
    cfm.use([OTHER_KEY, KEY])
    assert believed(cfm, [*recorded, *datagrams(1, dhcp)]) == [1]
    assert counted(cfm) == {"replayed": 3}


def test_who_is_taken_out_is_a_stranger_and_nothing_said_before_counts_anew() -> None:
    dhcp, cfm = writer(), reader()
    recorded = datagrams(2, dhcp)
    assert believed(cfm, recorded) == [1, 2]
    cfm.keep_to(["cfm-1", "cfm-2"])
    assert believed(cfm, datagrams(3, dhcp)) == []
    assert counted(cfm) == {"stranger": 3}
    cfm.keep_to(FLEET)
    assert believed(cfm, recorded) == []
    assert believed(cfm, datagrams(1, dhcp)) == [1]


def test_what_came_before_us_was_not_lost() -> None:
    cfm, dhcp = reader(), writer(incarnation=6)
    sent = datagrams(40, dhcp)
    meet(cfm, dhcp, incarnation=6)
    assert believed(cfm, datagrams(10, dhcp)) == list(range(1, 11))
    assert counted(cfm) == {}
    assert believed(cfm, sent) == []
    assert counted(cfm) == {"replayed": 40}


def test_a_gap_is_lost_and_who_comes_late_out_of_it_stays_so() -> None:
    """Counters only grow: a late one is told apart, not taken back."""
    cfm = reader()
    sent = datagrams(10, writer())
    assert believed(cfm, [sent[0], sent[4], sent[2], sent[2], sent[9]]) == [1, 5, 10]
    assert counted(cfm) == {"lost": 3 + 4, "late": 1, "replayed": 1}


def test_the_channels_are_numbered_apart() -> None:
    """A row for another CFM alone leaves no gap in what this one hears."""
    cfm, dhcp = reader(), writer()
    to = {name: number_of(name) for name in FLEET}
    for _ in range(3):
        assert heard(cfm, dhcp.write(message(), EVERYBODY, to_group=True))
        dhcp.write(message(type_=ROWS), to["cfm-2"], to_group=False)
        assert heard(cfm, dhcp.write(message(type_=ROWS), to["cfm-1"], to_group=False))
    assert counted(cfm) == {}


def storm(sent: list[bytes], random: Random) -> Iterator[bytes]:
    """What a network that loses, doubles and holds back makes of this; the last one comes last."""
    held: list[bytes] = []
    for datagram in sent[:-1]:
        fate = random.random()
        if fate < FAULT:
            continue
        if fate < 2 * FAULT:
            yield datagram
        if 2 * FAULT <= fate < 3 * FAULT:
            held.append(datagram)
            continue
        yield datagram
        if held and random.random() < 0.5:
            yield held.pop()
    yield from held
    yield sent[-1]


@pytest.mark.parametrize("seed", range(10))
def test_in_a_storm_everything_is_in_order_once_or_known_to_be_lost(seed: int) -> None:
    random, cfm = Random(seed), reader()
    sent = datagrams(2_000, writer())
    arriving = [sent[0], *storm(sent, random)]
    delivered = believed(cfm, arriving)
    assert delivered == sorted(set(delivered))
    assert delivered[-1] == len(sent)
    assert len(delivered) + cfm.counts["lost"] == len(sent)
    distinct = len(set(arriving))
    assert cfm.counts["replayed"] == len(arriving) - distinct
    assert cfm.counts["late"] == distinct - len(delivered) > 0
    assert set(counted(cfm)) == {"replayed", "late", "lost"}


def test_a_flood_from_one_address_costs_its_bucket_and_nobody_else() -> None:
    burst = 500
    cfm, random = reader(rate_per_s=1e-9, burst=burst), Random(3)
    sent = datagrams(2, writer())
    assert believed(cfm, sent[:1]) == [1]
    for _ in range(50_000):
        assert cfm.read(random.randbytes(60), STRANGER, 0.0) is None
    assert cfm.counts["shed"] == 50_001 - burst  # before its first datagram the peer is a stranger too
    assert sum(cfm.counts.values()) == 50_000
    assert believed(cfm, sent[1:], STRANGER) == []
    assert believed(cfm, sent[1:]) == [2]
    assert cfm.counts["replayed"] == cfm.counts["lost"] == 0


def test_a_member_that_was_out_for_a_while_has_its_own_bucket_again() -> None:
    burst = 500
    cfm, random = reader(rate_per_s=1e-9, burst=burst), Random(3)
    sent = datagrams(2, writer())
    assert believed(cfm, sent[:1]) == [1]
    cfm.keep_to(["cfm-1", "cfm-2"])
    cfm.keep_to(FLEET)
    for _ in range(burst):
        assert cfm.read(random.randbytes(60), STRANGER, 0.0) is None
    assert believed(cfm, sent[1:]) == [2]


def test_a_flood_from_changing_addresses_costs_one_bucket_and_no_peer() -> None:
    burst = 500
    cfm, random = reader(rate_per_s=1e-9, burst=burst), Random(3)
    sent = datagrams(3, writer())
    assert believed(cfm, sent[:1]) == [1]
    for number in range(20_000):
        assert cfm.read(random.randbytes(60), f"198.51.{number >> 8}.{number & 255}", 0.0) is None
    assert cfm.counts["shed"] == 20_001 - burst
    assert believed(cfm, sent[1:2]) == [2]
    assert believed(cfm, sent[2:], "10.0.0.99") == []


headers = st.builds(
    HEADER.pack,
    st.just(VERSION),
    st.integers(0, 255),
    st.just(KEY.key_id),
    st.sampled_from((KEY.check, 0)),
    st.sampled_from([number_of(name) for name in ("dhcp-1", "cfm-2", "nobody")]),
    st.sampled_from((EVERYBODY, number_of("cfm-1"))),
    st.integers(0, 2**64 - 1),
    st.integers(0, 2**64 - 1),
)


@seeded
@given(
    st.binary(max_size=DATAGRAM_BYTES_MAX + 10) | st.builds(bytes.__add__, headers, st.binary(max_size=200))
)
def test_noise_is_never_a_message_and_is_counted_once(noise: bytes) -> None:
    cfm = reader()
    assert cfm.read(noise, STRANGER, 0.0) is None
    assert sum(cfm.counts.values()) == 1
    assert set(counted(cfm)) <= {"malformed", "unknown_key", "wrong_key", "forged"}


@seeded
@given(
    number=st.integers(0, 2**64 - 1),
    incarnation=st.integers(0, 2**64 - 1),
    flags=st.integers(0, 255),
    frame=st.binary(max_size=80),
)
def test_an_authentic_member_that_talks_nonsense_raises_nothing(
    number: int, incarnation: int, flags: int, frame: bytes
) -> None:
    """Whoever has the key may say anything; it is a message or one count (besides the numbers')."""
    cfm, siv = reader(), AESSIV(KEY.key)
    me, us = number_of("dhcp-1"), number_of("cfm-1")
    header = HEADER.pack(VERSION, flags, KEY.key_id, KEY.check, me, us, incarnation, number)
    body = siv.encrypt(frame, [header]) if flags & 2 else frame + siv.encrypt(b"", [header, frame])
    opened = heard(cfm, header + body)
    assert opened is None or incarnation == 5
    assert sum(counted(cfm).values()) >= (opened is None)
    assert set(counted(cfm)) <= {"undecodable", "unproven", "replayed", "late", "lost", "misdirected"}


def test_a_stamps_messages_pass_in_the_order_they_were_made() -> None:
    """The number of a datagram counts the channel, the `seq` in its frame the class."""
    stamp, dhcp, cfm = Stamp("dhcp-1", "lab", 5), writer(), reader()
    kinds = [BEAT, ROWS, BEAT, ROWS, ROWS]
    sent = [stamp.envelope(kind, b"", time_ms=0) for kind in kinds]
    arrived = [heard(cfm, dhcp.write(one, EVERYBODY, to_group=True)) for one in sent]
    assert [found.envelope._replace(site="lab") for found in arrived if found] == sent
    assert set(cfm.counts) == set(REASONS)


@pytest.mark.parametrize("type_", [one for one in DATAGRAM_KINDS.values() if one != BEAT])
def test_what_another_process_says_in_our_name_is_counted_and_not_delivered(type_: str) -> None:
    there = reader()
    said = writer("cfm-1", incarnation=9).write(message(type_=type_), EVERYBODY, to_group=True)
    assert there.read(said, "127.0.0.66", 0.0) is None
    assert counted(there) == {"unproven": 1}
