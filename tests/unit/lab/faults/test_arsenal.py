"""The attackers' reads: every kind is there, and none is one that somebody may answer."""

from random import Random

from services.lab.faults.arsenal import TRAVERSALS, Arsenal, Bait, Shot
from services.tftp.packets import parse_request

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
SHOTS = 1000


def shots(seed: int = 1) -> list[tuple[Shot, bytes]]:
    arsenal = Arsenal(SPENT, LIVE, SERVERS, STRANGERS, NEIGHBOURS, Random(seed))
    fired = [arsenal.next() for _ in range(SHOTS)]
    names = [parse_request(shot.packet) for shot in fired]
    return [(shot, request.name) for shot, request in zip(fired, names, strict=True) if request is not None]


def test_every_shot_is_a_read_request() -> None:
    assert len(shots()) == SHOTS


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


def test_a_live_name_never_comes_from_its_owner() -> None:
    known = {bait.name: bait for bait in LIVE}
    foreign = [(shot, known[name]) for shot, name in shots() if name in known]
    assert len(foreign) == SHOTS // 5
    assert all(shot.source in (*STRANGERS, *NEIGHBOURS) for shot, _ in foreign)


def test_guesses_come_from_owners_too_and_are_nobodys_name() -> None:
    known = {bait.name for bait in (*SPENT, *LIVE)}
    guesses = [(shot, name) for shot, name in shots() if name not in known and name not in TRAVERSALS]
    assert len(guesses) == 2 * SHOTS // 5
    assert all(len(name) == len(LIVE[0].name) and name.endswith(b".residential") for _, name in guesses)
    assert {shot.source for shot, _ in guesses} == {*STRANGERS, *NEIGHBOURS, *(bait.owner for bait in LIVE)}


def test_half_of_all_comes_from_the_networks_of_modems() -> None:
    modems = {*NEIGHBOURS, *(bait.owner for bait in (*SPENT, *LIVE))}
    assert sum(shot.source in modems for shot, _ in shots()) >= SHOTS // 2


def test_every_source_is_announced() -> None:
    arsenal = Arsenal(SPENT, LIVE, SERVERS, STRANGERS, NEIGHBOURS, Random(1))
    assert {shot.source for shot, _ in shots()} <= arsenal.sources()
