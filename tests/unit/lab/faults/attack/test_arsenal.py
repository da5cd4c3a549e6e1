"""The attackers' reads: every kind is there, and none is one that somebody may answer."""

from random import Random

import pytest

from services.lab.faults.attack.arsenal import TRAVERSALS, Arsenal, Bait, Places, SeenNames, Shot
from services.tftp.packets import ACK, parse_opcode, parse_request

SERVERS = ["127.0.0.11", "127.0.0.12"]
SPENT = [
    Bait(b"AQAsspentspentspentspent%d.residential" % n, f"127.95.255.{n}", SERVERS[n % 2])
    for n in range(1, 5)
]
LIVE = [
    Bait(b"AQAslivelivelivelivelive%d.residential" % n, f"127.95.255.{n}", SERVERS[n % 2])
    for n in range(5, 9)
]
STRANGERS = ["127.200.0.1", "127.200.0.2"]
NEIGHBOURS = ["127.64.0.1", "127.64.1.2"]
EXPIRED = [
    Bait(b"AQAsoldoldoldoldoldoldol%d.residential" % n, f"127.95.255.{n}", SERVERS[0]) for n in range(1, 5)
]
SHARED = [b"residential.cm"]
SEEN = SeenNames(SPENT, LIVE, EXPIRED, SHARED)
OWNERS = {bait.owner for bait in (*SPENT, *LIVE)}
KINDS = 8
SHOTS = 800
NEVER_ASKED = {*TRAVERSALS, *SHARED, *(bait.name for bait in EXPIRED)}


def arsenal(seed: int = 1, behind_proxy: bool = False) -> Arsenal:
    return Arsenal(SEEN, Places(SERVERS, STRANGERS, NEIGHBOURS, behind_proxy), Random(seed))


def shots(seed: int = 1, behind_proxy: bool = False) -> list[tuple[Shot, bytes]]:
    """The reads among the first packets, with the names that they are for."""
    one = arsenal(seed, behind_proxy)
    fired = [one.next() for _ in range(SHOTS)]
    requests = [parse_request(shot.packet) for shot in fired]
    return [
        (shot, request.name) for shot, request in zip(fired, requests, strict=True) if request is not None
    ]


def test_every_shot_is_a_read_request_or_an_ack_of_somebody_elses_block() -> None:
    one = arsenal()
    one.sends_from("127.0.0.11", 4711)
    fired = [one.next() for _ in range(SHOTS)]
    acks = [shot for shot in fired if parse_opcode(shot.packet) == ACK]
    assert len(acks) == SHOTS // KINDS
    assert {(shot.server, shot.port) for shot in acks} == {("127.0.0.11", 4711)}
    assert all(parse_request(shot.packet) for shot in fired if shot not in acks)


def test_the_same_seed_fires_the_same() -> None:
    assert shots() == shots()
    assert shots() != shots(seed=2)


def test_a_spent_name_comes_from_anywhere_but_from_its_owner_only_where_it_was_spent() -> None:
    known = {bait.name: bait for bait in SPENT}
    replays = [(shot, known[name]) for shot, name in shots() if name in known]
    owners = [(shot, bait) for shot, bait in replays if shot.source == bait.owner]
    assert owners
    assert all(shot.server == bait.server for shot, bait in owners)
    assert {shot.source for shot, bait in replays if shot.source != bait.owner} == set(STRANGERS)


@pytest.mark.parametrize("behind_proxy", [False, True])
def test_a_live_name_never_comes_from_where_it_is_believed(behind_proxy: bool) -> None:
    known = {bait.name: bait for bait in LIVE}
    foreign = [shot for shot, name in shots(behind_proxy=behind_proxy) if name in known]
    assert len(foreign) == SHOTS // KINDS
    assert {shot.source for shot in foreign} == {*STRANGERS, *(() if behind_proxy else NEIGHBOURS)}


def test_an_expired_name_comes_from_its_owner_or_through_the_proxy() -> None:
    known = {bait.name: bait for bait in EXPIRED}
    assert all(shot.source == known[name].owner for shot, name in shots() if name in known)
    proxied = {shot.source for shot, name in shots(behind_proxy=True) if name in known}
    assert proxied == {*NEIGHBOURS, *(bait.owner for bait in EXPIRED)}


def test_guesses_come_from_owners_too_and_are_nobodys_name() -> None:
    known = NEVER_ASKED | {bait.name for bait in (*SPENT, *LIVE)}
    guesses = [(shot, name) for shot, name in shots() if name not in known]
    assert len(guesses) == 2 * SHOTS // KINDS
    assert all(len(name) == len(LIVE[0].name) and name.endswith(b".residential") for _, name in guesses)
    assert {shot.source for shot, _ in guesses} == {*STRANGERS, *NEIGHBOURS, *(bait.owner for bait in LIVE)}


def test_half_of_all_comes_from_the_networks_of_modems() -> None:
    assert sum(shot.source in {*NEIGHBOURS, *OWNERS} for shot, _ in shots()) >= SHOTS // 2


def test_every_source_is_announced() -> None:
    assert {shot.source for shot, _ in shots()} <= arsenal().sources()
