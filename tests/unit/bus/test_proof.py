"""Nothing of a peer is believed before it answered a nonce; a tape has no answer."""

from bus.envelope import Stamp, number_of
from bus.fleet.trust import Trust
from bus.routes import SIGNED
from bus.wire.datagram import EVERYBODY, KEY_BYTES, GroupKey, Writer
from bus.wire.datagram_reader import CHALLENGE_BACK_S, Believed, DatagramReader, Met, Opened, Shake
from bus.wire.proof import NONCE_S, SECRET_BYTES, Proofs
from heartbeat.liveness.beat import BEAT
from tests.fleets import fleet_of, member, signing_of

FLEET = ("dhcp-1", "cfm-1", "cfm-2")
KEY = GroupKey(7, bytes(range(KEY_BYTES)))
ADDRESSES = {"dhcp-1": "192.0.2.1", "cfm-1": "192.0.2.2"}
ATTACKER = "198.51.100.9"


MEMBERS = {name: member(name, "cfm", [letter * 40]) for name, letter in zip(FLEET, "abcdefgh", strict=False)}
TRUST = Trust(fleet_of(MEMBERS))


class Member:
    """One process of an instance: what it says, and what it makes of others."""

    def __init__(
        self,
        name: str,
        incarnation: int = 5,
        secret: int = 0,
        highest: dict[str, int] | None = None,
        signs_as: str = "",
    ) -> None:
        self.name = name
        self.stamp = Stamp(name, "lab", incarnation)
        self.stamp.signs(signing_of(signs_as or name, MEMBERS[signs_as or name]).signer(), SIGNED)
        self.proofs = Proofs(bytes([secret]) * SECRET_BYTES, highest or {})
        self.writer = Writer(self.stamp, KEY)
        self.reader = DatagramReader(
            self.stamp, FLEET, [KEY], 1e6, 1_000_000, ADDRESSES[name], self.writer, self.proofs, TRUST.is_of
        )
        self.said: list[bytes] = []

    def beat(self) -> bytes:
        """The next datagram to the group."""
        return self.say(EVERYBODY, to_group=True)

    def say(self, target: int, *, to_group: bool = False) -> bytes:
        """The next datagram of a channel."""
        envelope = self.stamp.envelope(BEAT, b"{}", time_ms=0)
        self.said.append(self.writer.write(envelope, target, to_group=to_group))
        return self.said[-1]

    def hear(self, datagram: bytes, address: str, now: float = 0.0) -> Opened | None:
        return self.reader.read(datagram, address, now)

    def counted(self) -> dict[str, int]:
        return {reason: count for reason, count in self.reader.counts.items() if count}


def carry(datagram: bytes, source: Member, target: Member, now: float = 0.0) -> list[str]:
    """Carry a datagram and everything that it sets off; the messages believed, as `by name: seq`."""
    found: list[str] = []
    way = [(datagram, source, target)]
    while way:
        one, by, to = way.pop(0)
        opened = to.hear(one, ADDRESSES[by.name], now)
        if isinstance(opened, Shake):
            way += [(back, to, by) for back in opened.datagrams]
        last = opened.last if isinstance(opened, Met) else opened
        if isinstance(last, Believed):
            found.append(f"{to.name}: {last.envelope.source} {last.envelope.seq}")
    return found


def test_two_know_each_other_after_one_round_trip_and_the_first_beat_counts() -> None:
    dhcp, cfm = Member("dhcp-1"), Member("cfm-1")
    assert carry(dhcp.beat(), dhcp, cfm) == ["cfm-1: dhcp-1 1"]
    assert carry(cfm.beat(), cfm, dhcp) == ["dhcp-1: cfm-1 1"]
    assert (dhcp.counted(), cfm.counted()) == ({}, {"unproven": 1})


def test_an_older_word_is_not_delivered_with_the_answer() -> None:
    dhcp, cfm = Member("dhcp-1"), Member("cfm-1")
    old = dhcp.beat()
    dhcp.beat()
    assert carry(old, dhcp, cfm) == []
    assert carry(dhcp.beat(), dhcp, cfm) == ["cfm-1: dhcp-1 3"]


def tape(incarnation: int = 5) -> tuple[list[bytes], list[bytes]]:
    """What an attacker wrote down of dhcp-1 and of cfm-1, with their handshake."""
    dhcp, cfm = Member("dhcp-1", incarnation), Member("cfm-1")
    recorded: list[bytes] = []
    first = dhcp.beat()
    asked = cfm.hear(first, ADDRESSES["dhcp-1"])
    assert isinstance(asked, Shake)
    answered = dhcp.hear(asked.datagrams[0], ADDRESSES["cfm-1"])
    assert isinstance(answered, Shake)
    recorded += [first, *answered.datagrams, dhcp.beat(), dhcp.say(number_of("cfm-1"))]
    return recorded, [*asked.datagrams]


def believed(cfm: Member, recorded: list[bytes], address: str) -> list[Opened]:
    opened = [cfm.hear(one, address) for one in recorded]
    return [one for one in opened if isinstance(one, Believed | Met)]


def test_a_tape_is_not_believed_after_a_restart_wherever_it_is_played_from() -> None:
    recorded, _ = tape()
    for address in (ATTACKER, ADDRESSES["dhcp-1"]):
        restarted = Member("cfm-1", incarnation=6, secret=1)
        assert believed(restarted, recorded * 3, address) == []
        assert restarted.counted()["unproven"] == 9


def test_a_tape_is_not_believed_beside_its_living_source() -> None:
    """Of the present incarnation, to a receiver that was restarted: the challenge finds the true one, and its
    answer names later numbers.
    """
    dhcp, cfm = Member("dhcp-1"), Member("cfm-1")
    carry(dhcp.beat(), dhcp, cfm)
    for _ in range(10):
        carry(dhcp.beat(), dhcp, cfm)
        carry(dhcp.say(number_of("cfm-1")), dhcp, cfm)
    restarted = Member("cfm-1", incarnation=6, secret=1)
    found = [line for one in dhcp.said for line in carry(one, dhcp, restarted)]
    assert found == []
    assert carry(dhcp.beat(), dhcp, restarted) == ["cfm-1: dhcp-1 22"]


def test_a_tape_of_a_former_incarnation_is_not_even_asked_after_a_restart() -> None:
    recorded, _ = tape(incarnation=5)
    before = Member("cfm-1")
    dhcp = Member("dhcp-1", incarnation=7)
    carry(dhcp.beat(), dhcp, before)
    assert (before.proofs.highest, before.proofs.changes) == ({"dhcp-1": 7}, 1)
    restarted = Member("cfm-1", incarnation=6, secret=1, highest=before.proofs.highest)
    opened = [restarted.hear(one, ADDRESSES["dhcp-1"]) for one in recorded]
    assert opened == [None] * len(recorded)
    assert restarted.counted() == {"replayed": len(recorded)}


def test_a_new_incarnation_has_to_answer_and_ends_the_former_one() -> None:
    before, after, cfm = Member("dhcp-1", 5), Member("dhcp-1", 6), Member("cfm-1")
    carry(before.beat(), before, cfm)
    assert isinstance(cfm.hear(after.beat(), ATTACKER), Shake)
    assert carry(before.beat(), before, cfm) == ["cfm-1: dhcp-1 2"]
    carry(after.beat(), after, cfm)
    assert carry(before.beat(), before, cfm) == []
    assert carry(after.beat(), after, cfm) == ["cfm-1: dhcp-1 3"]


def test_an_answer_is_good_once_for_where_and_when_it_was_asked() -> None:
    proofs = Proofs(bytes(SECRET_BYTES), {})
    nonce = proofs.nonce("dhcp-1", 5, "192.0.2.1", 0.0)
    late = 2 * NONCE_S
    assert not proofs.prove("dhcp-1", 5, ATTACKER, nonce, 0.0)
    assert not proofs.prove("dhcp-1", 6, "192.0.2.1", nonce, 0.0)
    assert not proofs.prove("cfm-2", 5, "192.0.2.1", nonce, 0.0)
    assert not proofs.prove("dhcp-1", 5, "192.0.2.1", nonce, late)
    assert not proofs.is_proven("dhcp-1", 5)
    assert proofs.prove("dhcp-1", 5, "192.0.2.1", nonce, late - 0.001)
    assert proofs.is_proven("dhcp-1", 5)


def test_an_answer_that_is_played_again_takes_no_number_back() -> None:
    dhcp, cfm = Member("dhcp-1"), Member("cfm-1")
    asked = cfm.hear(dhcp.beat(), ADDRESSES["dhcp-1"])
    assert isinstance(asked, Shake)
    shake = dhcp.hear(asked.datagrams[0], ADDRESSES["cfm-1"])
    assert isinstance(shake, Shake)
    answer = shake.datagrams[0]
    assert isinstance(cfm.hear(answer, ADDRESSES["dhcp-1"]), Met)
    beat = dhcp.beat()
    assert isinstance(cfm.hear(beat, ADDRESSES["dhcp-1"]), Believed)
    assert cfm.hear(answer, ADDRESSES["dhcp-1"]) is None
    assert isinstance(cfm.hear(beat, ADDRESSES["dhcp-1"]), Shake)  # in doubt, it asks again
    assert cfm.hear(answer, ADDRESSES["dhcp-1"]) is None  # and that was the answer to another question
    assert cfm.hear(beat, ADDRESSES["dhcp-1"]) is None
    assert cfm.counted() == {"unproven": 1, "replayed": 3}


def test_who_is_challenged_asks_back_once_in_a_while() -> None:
    """Two that lose each other's answers do not challenge each other without end."""
    dhcp, cfm = Member("dhcp-1"), Member("cfm-1")
    asked = cfm.hear(dhcp.beat(), ADDRESSES["dhcp-1"])
    assert isinstance(asked, Shake)
    sizes = []
    for now in (0.0, 0.1, CHALLENGE_BACK_S):
        shake = dhcp.hear(asked.datagrams[0], ADDRESSES["cfm-1"], now)
        assert isinstance(shake, Shake)
        sizes.append(len(shake.datagrams))
    assert sizes == [2, 1, 2]


def test_a_challenge_of_a_former_incarnation_of_ours_is_not_answered() -> None:
    _, asked = tape()
    restarted = Member("dhcp-1", incarnation=9)
    assert [restarted.hear(one, ADDRESSES["cfm-1"]) for one in asked] == [None]
    assert restarted.counted() == {"replayed": 1}


def test_another_process_of_our_name_is_heard_once_it_has_answered() -> None:
    ours, clone = Member("cfm-1", 5), Member("cfm-1", 4)
    assert carry(clone.beat(), clone, ours) == ["cfm-1: cfm-1 1"]
    assert carry(ours.beat(), ours, clone) == ["cfm-1: cfm-1 1"]


def test_what_a_handshake_costs_is_no_more_than_what_began_it() -> None:
    """A challenge to whoever writes another's address is shorter than the beat that asked for it."""
    dhcp, cfm = Member("dhcp-1"), Member("cfm-1")
    beat = dhcp.beat()
    asked = cfm.hear(beat, ATTACKER)
    assert isinstance(asked, Shake)
    assert sum(map(len, asked.datagrams)) <= len(beat)


def test_an_answer_that_the_instance_did_not_sign_proves_nothing() -> None:
    """A member with the group's key, in the name of another, of the highest incarnation that there is."""
    asker, forger, true = Member("cfm-1"), Member("dhcp-1", 2**64 - 1, signs_as="cfm-2"), Member("dhcp-1")
    assert carry(forger.beat(), forger, asker) == []
    assert asker.counted() == {"unproven": 1, "impostor": 2}
    assert carry(true.beat(), true, asker) == ["cfm-1: dhcp-1 1"]


def test_a_number_that_leaps_is_not_taken_and_the_true_ones_go_on() -> None:
    asker, true, forger = Member("cfm-1"), Member("dhcp-1"), Member("dhcp-1", signs_as="cfm-2")
    carry(true.beat(), true, asker)
    forger.writer._numbers[EVERYBODY] = 2**63
    assert carry(forger.beat(), forger, asker, 1.0) == []
    assert asker.counted()["leapt"] == 1
    assert carry(true.beat(), true, asker, 1.1) == ["cfm-1: dhcp-1 2"]


def test_whose_numbers_another_used_is_asked_again_and_heard_from_then_on() -> None:
    asker, true, forger = Member("cfm-1"), Member("dhcp-1"), Member("dhcp-1", signs_as="cfm-2")
    carry(true.beat(), true, asker)
    forger.writer._numbers[EVERYBODY] = 1_000
    carry(forger.beat(), forger, asker, 1.0)  # no leap: its content is for others to judge
    assert carry(true.beat(), true, asker, 1.1) == []
    assert carry(true.beat(), true, asker, 1.2) == ["cfm-1: dhcp-1 3"]


def test_late_numbers_ask_once_in_a_while_and_a_replay_stays_one() -> None:
    asker, true = Member("cfm-1"), Member("dhcp-1")
    tape = [true.beat() for _ in range(3)]
    carry(true.beat(), true, asker)
    assert [len(asker.hear(one, ADDRESSES["dhcp-1"], 1.0) or ()) for one in tape] == [1, 0, 0]
    assert carry(tape[0], true, asker, 2.0) == []
    assert carry(tape[1], true, asker, 2.1) == []


def next_of(peer: Member) -> bytes:
    """What a member of the group makes to be the peer's next datagram to all."""
    stamp = Stamp(peer.name, "lab", peer.stamp.incarnation)
    writer = Writer(stamp, KEY)
    datagrams = [
        writer.write(stamp.envelope(BEAT, b"{}", time_ms=0), EVERYBODY, to_group=True)
        for _ in range(len(peer.said) + 1)
    ]
    return datagrams[-1]


def test_who_speaks_for_a_peer_from_elsewhere_uses_up_none_of_its_numbers() -> None:
    dhcp, cfm = Member("dhcp-1"), Member("cfm-1")
    carry(dhcp.beat(), dhcp, cfm)
    assert isinstance(cfm.hear(next_of(dhcp), ATTACKER), Shake)
    assert cfm.counted() == {"unproven": 2}
    assert carry(dhcp.beat(), dhcp, cfm) == ["cfm-1: dhcp-1 2"]


def test_nobody_can_hand_on_the_answer_of_a_peer() -> None:
    """The peer answers where it was asked, and he who asked sends that on."""
    dhcp, cfm = Member("dhcp-1"), Member("cfm-1")
    carry(dhcp.beat(), dhcp, cfm)
    asked = cfm.hear(next_of(dhcp), ATTACKER)
    assert isinstance(asked, Shake)
    answered = dhcp.hear(asked.datagrams[0], ATTACKER)
    assert isinstance(answered, Shake)
    assert cfm.hear(answered.datagrams[0], ATTACKER) is None
    assert cfm.counted()["impostor"] == 1
