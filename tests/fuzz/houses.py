"""Machines in their houses: a runner, handlers of every effect, and a poller that brings what a fuzz made.

Each kind of sidecar and of CFM is here, for what is heard differs by who decides its role. The handlers pack
frames and headers, write files and make JSON as a process does; only the sockets are missing.
"""

import json
import shutil
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

from pydantic_core import to_json

from bus.contract import encode
from bus.effects import CatchUp, Connect, Effect, Publish, Reply, Send, TakeIncarnation, WatchHost
from bus.envelope import Envelope, Stamp, Token
from bus.messages import CaughtUp, Entry, LocalRequest, LogBounds, LogLost, Received, Recreated, Undelivered
from bus.runtime.runner import Runner, boottime
from bus.telemetry.own_faults import OwnFaults
from bus.wire.codec import to_frame, to_headers
from bus.wire.endpoint import parse
from fileid.lease import Lease, Leased, StorePosition
from fileid.row import ACK, HELLO, PULL, PULLED, ROWS
from heartbeat.liveness.beat import BEAT, Beat, LogPosition, RoleState
from heartbeat.roles.appointed.holder import AppointedHolder
from heartbeat.roles.claim import BY_APPOINTMENT, BY_GRANTS, Claim, log_authority
from heartbeat.roles.elected.election import Election
from heartbeat.roles.elected.holder import ElectedHolder
from heartbeat.roles.evidence import Answer
from heartbeat.roles.granted.grants import Ask, Granted, Refused, Release, StorePromises, Voter
from heartbeat.roles.granted.holder import GrantedHolder
from heartbeat.roles.granted.messages import pack_grant
from heartbeat.roles.hello import STANDING, pack_hello, pack_standing
from heartbeat.roles.holder import RoleHolder, SoleHolder
from heartbeat.roles.log.fence import Fence, StoreFence
from heartbeat.roles.log.records import TYPE_OF, Checkpoint, ClaimRecord, Era, Holding, Probe, Record, Renew
from heartbeat.roles.log.records import Release as ReleaseRecord
from services.cfm.fence_file import save_fence
from services.cfm.promises_file import save_promises
from services.cfm.voting import Voting
from services.settings.catalogue import StoreCatalogue, record
from services.settings.history import StoreHistory
from services.settings.history_files import HistoryFiles
from services.settings.record import CATALOGUE
from services.settings.store import save
from services.sidecar.role.authority import Authority
from services.sidecar.role.record import StoreFailover
from services.sidecar.role.record_file import save_failover
from services.tftp.effects import Datagram
from services.tftp.sockets import Wakeup
from tests.fuzz.mutation import ODD, documents, mutants
from tests.fuzz.test_fuzz_local import CLASSES, REQUESTS, cfm, minter
from tests.fuzz.test_fuzz_wire import MODEM, ROWS_SEEDS, row
from tests.fuzz.test_fuzz_wire import REQUESTS as READS
from tests.trusting import anybody

ROLE = "dhcp/lab"
ROLES = {"dhcp-1": ROLE, "dhcp-2": ROLE}
SERVICES = {**dict.fromkeys(ROLES, "dhcp"), **dict.fromkeys(("cfm-1", "cfm-2", "cfm-3"), "cfm")}
CFMS = ["cfm-1", "cfm-2", "cfm-3"]
AT_ONCE = 64
HOUSE_INPUTS = 250
BIG = (0, 1, 2**16 - 1, 2**32, 2**48 - 1, 2**63, 2**64 - 1)
CLAIM = Claim(1, 64, "a" * 16, BY_GRANTS)
CLAIMS = [
    Claim(),
    CLAIM,
    Claim(0xFFFF, 2**48 - 1, "b" * 16, BY_APPOINTMENT),
    Claim(2, 2**47, "c" * 16, log_authority("")),
]

Build = Callable[[Path, int], "House"]


class Script:
    """A poller that brings some inputs a turn."""

    def __init__(self, inputs: Iterator[Any]) -> None:
        self.faults = OwnFaults(("read", "message", "effect"))
        self.left = 0
        self._inputs = inputs

    def poll(self, _wait_s: float) -> list[Any]:
        """The next inputs."""
        count = min(AT_ONCE, self.left)
        self.left -= count
        return [next(self._inputs) for _ in range(count)]


class House:
    """One machine, its runner and its handlers."""

    def __init__(self, machine: Any, inputs: Iterator[Any], directory: Path, echoes: deque[Envelope]) -> None:
        """What the machine publishes of its role goes to `echoes`."""
        self._script = Script(inputs)
        history = HistoryFiles(directory)

        def publish(effect: Publish) -> None:
            to_headers(effect.envelope)
            if effect.envelope.traffic == "failover":
                echoes.append(effect.envelope)

        handlers: dict[type, Callable[[Any], object]] = {
            Send: lambda effect: to_frame(effect.envelope),
            Publish: publish,
            Connect: lambda effect: parse(effect.endpoint),
            Reply: lambda effect: to_json(effect.body),
            StoreFence: lambda effect: save_fence(directory, effect),
            StorePromises: lambda effect: save_promises(directory, effect),
            StoreFailover: lambda effect: save_failover(directory, effect),
            StoreCatalogue: lambda effect: save(directory / "catalogue.json", effect.record),
            StoreHistory: history.save,
            **dict.fromkeys((CatchUp, WatchHost, TakeIncarnation, StorePosition, Datagram), _nothing),
        }
        self._runner = Runner(machine, self._script, handlers)  # type: ignore[arg-type]

    def survive(self, inputs: int) -> Counter[str]:
        """The faults that so many inputs brought about; what ends the process is raised."""
        self._script.left = inputs
        while self._script.left:
            self._runner.round(0.0)
        return Counter(self._script.faults.counts)


def faults_of(build: Build, directory: Path, inputs: int, seed: int) -> Counter[str]:
    """The faults that so many inputs bring about, in one house after the other: in a house that has heard the
    last of all numbers nothing new happens any more.
    """
    found: Counter[str] = Counter()
    for first in range(0, inputs, HOUSE_INPUTS):
        place = directory / str(first)
        found += build(place, seed * inputs + first).survive(min(HOUSE_INPUTS, inputs - first))
        shutil.rmtree(place, ignore_errors=True)
    return found


def _nothing(_effect: Effect) -> None:
    """A part of the process that no input reaches."""


def _changed(data: bytes, seed: int) -> Iterator[bytes]:
    """This message, and what becomes of it when bytes are changed, for ever."""
    while True:
        yield from mutants([data], seed, rounds=200)
        seed += 1


def _documents(seeds: Sequence[Any], seed: int) -> Iterator[Any]:
    while True:
        yield from documents(seeds, seed, rounds=200)
        seed += 1


def _json(contracts: Sequence[Any], seed: int) -> Iterator[bytes]:
    """JSON of these, with values that nobody would write."""
    seeds = [json.loads(encode(one)) for one in contracts]
    return (json.dumps(one).encode() for one in _documents(seeds, seed))


def _beats(seed: int) -> Iterator[bytes]:
    log = LogPosition(position=7, mark=4, digest="0" * 64)
    standing = RoleState(role=ROLE, state="active", era=1, epoch=64)
    cfm_beat = Beat(service="cfm", endpoints={"fileid": "tcp://127.0.0.11:7000", "tftp": "127.0.0.11"})
    return _json([cfm_beat, Beat(service="dhcp", log=log, standing=standing)], seed)


def _catalogues(seed: int) -> Iterator[bytes]:
    return _json([record(CLASSES, 3), record(CLASSES, 2**32 - 1)], seed)


def _claims(random: Random) -> Claim:
    """A claim with any number that its fields can pack."""
    known = random.choice(CLAIMS)
    return known._replace(
        era=min(0xFFFF, known.era + random.choice((0, 0, 0, 1, 1, 0xFFFF))),
        epoch=random.choice((known.epoch, -5, -1, 0, 65, 2**32 + 64, 2**48, 2**62, 2**63 - 1)),
    )


def _hellos(seed: int) -> Iterator[bytes]:
    random = Random(seed)
    changed = _changed(pack_hello(CLAIM, 1.0), seed)
    while True:
        yield next(changed) if random.random() < 0.3 else pack_hello(_claims(random), random.random() * 1e6)


def _standings(seed: int) -> Iterator[bytes]:
    random = Random(seed)
    changed = _changed(pack_standing(Answer(CLAIM, False, 7), 1), seed)
    while True:
        if random.random() < 0.3:
            yield next(changed)
            continue
        answer = Answer(_claims(random), random.random() < 0.5, random.choice((-1, -2, 0, 9, 2**63 - 1)))
        asked_us = random.choice((0, int(boottime() * 1e6), 2**64 - 1))
        yield pack_standing(answer, asked_us)


def _grants(seed: int) -> Iterator[tuple[str, bytes]]:
    """Messages of candidates and voters, by their types."""
    candidate, voter = Stamp("dhcp-1", "lab", 7), Stamp("cfm-1", "lab", 7)
    made = [
        pack_grant(candidate, Ask(ROLE, CLAIM, "dhcp-1", 1)),
        pack_grant(candidate, Release(ROLE, CLAIM, "dhcp-1")),
        pack_grant(voter, Granted(ROLE, CLAIM, 1, "cfm-1")),
        pack_grant(voter, Refused(ROLE, CLAIM, 1, "cfm-1", CLAIM)),
    ]
    while True:
        for one in made:
            for found in documents([json.loads(one.data)], seed, rounds=20):
                yield one.type, json.dumps(found).encode()
        seed += 1


def _log(seed: int, echoes: deque[Envelope]) -> Iterator[Any]:
    """The role log: its bounds, then records at offsets that go on, ours among others with odd values."""
    claim = ClaimRecord(role=ROLE, prev=-1, claim_id="a" * 16, incarnation=1)
    holding = Holding(last=3, epoch=2, claim_id="a" * 16, holder="dhcp-1", incarnation=1, released=False)
    made: list[Record] = [
        claim,
        Renew(role=ROLE, epoch=2, claim_id="a" * 16),
        ReleaseRecord(role=ROLE, epoch=2, claim_id="a" * 16),
        Probe(nonce="b" * 16),
        Era(number=1, authority="a person"),
        Checkpoint(as_of=3, era=1, floor=0, roles={ROLE: holding}),
    ]
    by_type = [(TYPE_OF[type(one)], json.loads(encode(one))) for one in made]
    random, offset = Random(seed), 0
    yield LogBounds("failover", 0, 0)
    yield CaughtUp("failover")
    while True:
        if echoes:
            yield Entry("failover", offset, echoes.popleft())
            offset += 1
            continue
        type_, document = random.choice(by_type)
        (found,) = documents([document], random.getrandbits(32), rounds=1)
        if type_.endswith("claim.v1") and random.random() < 0.5:
            found = {**document, "prev": offset - 1}
        source = random.choice([*SERVICES, "stranger"])
        data = json.dumps(found).encode()
        envelope = Envelope(type_, source, random.choice(BIG), random.choice(BIG), 0, data)
        yield Entry("failover", offset, random.choice((envelope, envelope, envelope, None)))
        offset += 1


def _requests(seed: int) -> Iterator[LocalRequest]:
    return (LocalRequest(1, one) for one in _documents(REQUESTS, seed) if isinstance(one, dict))


def _leases(seed: int) -> Iterator[Leased]:
    random = Random(seed)
    while True:
        lease = Lease(
            random.randbytes(6),
            bytes((127, 64, 0, random.randrange(1, 255))),
            random.choice((0, 1_700_000_000, (1 << 38) - 1)),
            random.choice((1, 2**70)),
            b"",
            random.randbytes(random.choice((0, 6, 255))),
        )
        yield Leased([lease], None, random.choice((0.0, boottime())))


def _inputs(seed: int, echoes: deque[Envelope], *, has_log: bool) -> Iterator[Any]:
    """What arrives at any machine, in no order; a log's records stay in theirs."""
    random = Random(seed)
    grants, log, requests, leases = _grants(seed), _log(seed, echoes), _requests(seed), _leases(seed)
    names = row(1).name
    said = {
        BEAT: _beats(seed),
        CATALOGUE: _catalogues(seed),
        HELLO: _hellos(seed),
        STANDING: _standings(seed),
        ROWS: _changed(ROWS_SEEDS[1], seed),
        PULLED: _changed(ROWS_SEEDS[0], seed),
        ACK: _changed(bytes(8) + b"\0" * 3, seed),
        PULL: _changed(bytes([len(names)]) + names, seed),
    }
    reads = _changed(READS[0], seed)
    kinds = [*said, "grants", "requests", "reads", "leases", "other", *(["log"] * 4 if has_log else [])]
    while True:
        kind = random.choice(kinds)
        if kind == "log":
            yield next(log)
        elif kind == "requests":
            yield next(requests)
        elif kind == "reads":
            yield Wakeup(0, [(next(reads), MODEM)])
        elif kind == "leases":
            yield next(leases)
        elif kind == "other":
            yield random.choice(
                [CaughtUp("config"), Recreated("config"), LocalRequest(1, {"op": random.choice(ODD)})]
                + [LogLost("failover", "x")] * (random.random() < 0.001)
            )
        else:
            type_, data = next(grants) if kind == "grants" else (kind, next(said[kind]))
            source = random.choice([*SERVICES, *SERVICES, "stranger"])
            token = Token(random.choice((0, 1, 0xFFFF)), random.choice((0, 64, 2**48 - 1)))
            time_ms = random.choice((0, 1_700_000_000_000, 2**64 - 1))
            envelope = Envelope(
                type_, source, random.choice(BIG), random.getrandbits(40), time_ms, data, token
            )
            if random.random() < 0.05:
                yield Undelivered(envelope, source, "x")
            else:
                yield Received(envelope, random.choice(("", source, b"route")), random.random() < 0.5)


def _ids(seed: int) -> Callable[[], str]:
    random = Random(seed)
    return lambda: f"{random.getrandbits(64):016x}"


def _sidecar(holder: Callable[[Stamp, int], RoleHolder], *, has_log: bool) -> Build:
    def build(directory: Path, seed: int) -> House:
        echoes: deque[Envelope] = deque(maxlen=AT_ONCE)
        stamp = Stamp("dhcp-1", "lab", 1)
        authority = Authority(stamp, holder(stamp, seed), leads=lambda: "bus" if has_log else "multicast")
        machine = minter(stamp=stamp, authority=authority, services=SERVICES)
        inputs = (one for one in _inputs(seed, echoes, has_log=has_log) if not isinstance(one, Wakeup))
        return House(machine, inputs, directory, echoes)

    return build


def _elected(stamp: Stamp, seed: int) -> RoleHolder:
    return ElectedHolder(
        Election(role=ROLE, stamp=stamp, rank=0, cfms=CFMS, new_id=_ids(seed), writers=anybody)
    )


def _granted(stamp: Stamp, seed: int) -> RoleHolder:
    return GrantedHolder(role=ROLE, stamp=stamp, index=0, voters=CFMS, random=Random(seed))


def _appointed(stamp: Stamp, seed: int) -> RoleHolder:
    return AppointedHolder(
        role=ROLE,
        tenure=None,
        is_configured=True,
        is_alone=True,
        index=0,
        cfms=CFMS,
        new_id=_ids(seed),
    )


def _cfm(*, has_log: bool) -> Build:
    def build(directory: Path, seed: int) -> House:
        echoes: deque[Envelope] = deque(maxlen=AT_ONCE)
        stamp = Stamp("cfm-1", "lab", 1)
        voting = None if has_log else Voting(stamp, Voter("cfm-1", {ROLE}, {}, boottime() - 10), ROLES)
        machine = cfm(
            stamp=stamp,
            fence=Fence(ROLES, writers=anybody if has_log else None),
            voting=voting,
            services=SERVICES,
            minters=[*ROLES],
        )
        inputs = (one for one in _inputs(seed, echoes, has_log=has_log) if not isinstance(one, Leased))
        return House(machine, inputs, directory, echoes)

    return build


HOUSES: dict[str, Build] = {
    "sole": _sidecar(lambda stamp, seed: SoleHolder(), has_log=False),
    "elected": _sidecar(_elected, has_log=True),
    "granted": _sidecar(_granted, has_log=False),
    "appointed": _sidecar(_appointed, has_log=False),
    "cfm with a log": _cfm(has_log=True),
    "cfm that votes": _cfm(has_log=False),
}
