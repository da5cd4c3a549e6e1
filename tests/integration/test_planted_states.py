"""Faults planted in a small fleet: each is seen within 5 s in all four places where an operator may look.

Places: `/readyz` of the instance, its metric `provbus_reason`, its log, and `provbus fleet status` asked of
another instance. Beats carry the first reason only, so there another code may stand for the same fault.
"""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
import zmq
from confluent_kafka import OFFSET_END, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from bus.contract import encode
from bus.envelope import Stamp
from bus.fleet.fleet import load_fleet, make_fleet
from bus.fleet.key_pair import new_key_pair
from bus.fleet.rotation import rotate
from bus.fleet.signing import read_secret_key
from bus.routes import SIGNED
from bus.transport.kafka.admin.topics import create_topics, delete_topics
from bus.transport.zeromq.address_families import connect
from bus.transport.zeromq.curve import secure_client
from bus.wire.codec import to_headers
from bus.wire.signature import Signer
from fileid.seal import KEY_BYTES
from heartbeat.liveness.beat import BEAT, Beat
from heartbeat.liveness.detector import BEAT_EVERY_S
from services.brokers.state import ClusterInfo
from services.lab.network.run_network import free_port
from services.lab.site.embedded import embedded
from services.lab.site.processes import wait_until
from tests.contract.clients import topic
from tests.integration.planted import Fleet, Sought
from tests.unit.cli.warm import WarmCommand

pytestmark = pytest.mark.soak

COMMAND_S = 60
SEEN_S = 5.0
TWICE = "its name is in use twice"
CLONE_S = 10.0  # for its first 5 s a process takes beats of its name for those of its former process
ROLES = topic("failover").name
Provbus = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WarmCommand]:
    """The command, imported once."""
    with WarmCommand(tmp_path_factory.mktemp("warm") / "socket") as command:
        yield command


@pytest.fixture
def provbus(warm: WarmCommand, tmp_path: Path) -> Provbus:
    """Runs the command to its end."""

    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return warm.run([*map(str, arguments)], tmp_path, os.environ, COMMAND_S)

    return run


@pytest.fixture
def real_fleet(real_kafka: ClusterInfo, tmp_path: Path, provbus: Provbus) -> Iterator[Fleet]:
    """The fleet on real brokers with empty topics; nothing runs yet."""
    settings = {"bootstrap.servers": real_kafka.bootstrap, "log_level": 0}
    delete_topics(settings)
    create_topics(settings)
    one = Fleet(tmp_path, real_kafka.bootstrap, "kafka", provbus)
    try:
        yield one
    finally:
        one.close()


@pytest.fixture
def fleet(tmp_path: Path, provbus: Provbus) -> Iterator[Fleet]:
    """The fleet on embedded brokers; nothing runs yet."""
    with embedded() as bootstrap:
        one = Fleet(tmp_path, bootstrap, "embedded", provbus)
        try:
            yield one
        finally:
            one.close()


def locked(fleet: Fleet) -> None:
    """A standby that an operator locked."""
    fleet.begin("dhcp-1", "dhcp-2", "cfm-1")
    with fleet.planting():
        fleet.order("dhcp-2", "failover.lock")


def drained(fleet: Fleet) -> None:
    """One that an operator drained."""
    fleet.begin("dhcp-1", "dhcp-2", "cfm-1")
    with fleet.planting():
        fleet.order("dhcp-2", "failover.drain")


def hostless(fleet: Fleet) -> None:
    """One whose host service is gone."""
    fleet.change("dhcp-2", minter={"attached": True})
    fleet.start("dhcp-1", "dhcp-2", "cfm-1")
    fleet.until_ready("dhcp-1", "cfm-1")
    host = fleet.attach("dhcp-2")
    fleet.until_ready("dhcp-2")
    fleet.until_logged("dhcp-2", "host service: here")
    with fleet.planting():
        host.close()


def unreachable(fleet: Fleet) -> None:
    """A CFM that announces an endpoint at which nobody listens."""
    host = fleet.site.instances["cfm-2"].address
    fleet.change("cfm-2", cfm={"advertise": f"tcp://{host}:{free_port([host])}"})
    fleet.begin("dhcp-1", "cfm-1")
    with fleet.planting():
        fleet.start_answering("cfm-2")


def foreign_cfm(fleet: Fleet) -> None:
    """A CFM with another key than the fleet file of its minters says."""
    _foreign_fleet(fleet, "cfm-2", of="cfm-2")
    key = fleet.site.directory / "foreign" / "curve" / "cfm-2.key"
    fleet.change("cfm-2", key=str(key))
    fleet.begin("dhcp-1", "cfm-1")
    with fleet.planting():
        fleet.start_answering("cfm-2")


def foreign_minter(fleet: Fleet) -> None:
    """A CFM whose fleet file has another key of a minter than that one has."""
    _foreign_fleet(fleet, "cfm-2", of="dhcp-1")
    fleet.begin("dhcp-1", "cfm-1")
    with fleet.planting():
        fleet.start_answering("cfm-2")


def stranger(fleet: Fleet) -> None:
    """A key that nobody knows at the hand-off port of a CFM."""
    fleet.begin("dhcp-1", "cfm-1")
    with fleet.planting():
        context = fleet.parts.enter_context(zmq.Context())
        client: zmq.Socket[bytes] = fleet.parts.enter_context(context.socket(zmq.DEALER))
        client.setsockopt(zmq.LINGER, 0)
        known = yaml.safe_load((fleet.site.directory / "keys" / "fleet.yaml").read_text())
        server = known["instances"]["cfm-1"]["keys"][0].encode()
        secure_client(client, new_key_pair(), server)
        connect(client, fleet.site.advertised["cfm-1"])


def refused_rows(fleet: Fleet) -> None:
    """The only CFM stands by a later claim than the primary's, which the role log does not have."""
    fleet.begin("dhcp-1", "cfm-1")
    fleet.until_acts("dhcp-1")
    fence = fleet.site.state_directory("cfm-1") / "fence.json"

    def has_claim() -> bool:
        return fence.exists() and bool(json.loads(fence.read_text())["roles"].get("dhcp/lab"))

    wait_until(has_claim, COMMAND_S, "the claim to be on the disk of cfm-1", [])
    fleet.kill("cfm-1")
    kept = json.loads(fence.read_text())
    claims = kept["roles"]["dhcp/lab"]
    claims.append(claims[-1] | {"epoch": claims[-1]["epoch"] + 1_000_000, "claim_id": "f" * 16})
    fence.write_text(json.dumps(kept))
    with fleet.planting():
        fleet.start_answering("cfm-1")


def cloned(fleet: Fleet) -> None:
    """A second process with the name, the key and the state of one that runs."""
    fleet.begin("dhcp-1", "dhcp-2", "cfm-1")
    clone = fleet.clone("dhcp-2")
    shutil.copytree(fleet.site.state_directory("dhcp-2"), fleet.site.state_directory(clone))
    with fleet.planting():
        fleet.start_answering(clone)


def half_rotated(fleet: Fleet) -> None:
    """A seal key that its minter uses and a CFM did not get."""
    keys, behind = fleet.site.directory / "keys", fleet.site.directory / "behind"
    shutil.copytree(keys / "seal", behind)
    fleet.change("cfm-1", cfm={"seal_keys": sorted(map(str, behind.iterdir()))})
    fleet.begin("dhcp-1", "dhcp-2", "cfm-1")
    for step in ("add", "use"):
        rotate(keys, "seal", step, seal_key_bytes=KEY_BYTES, seal_rest_s=0.0)
    with fleet.planting():
        fleet.hang_up("dhcp-1")


def taken_out(fleet: Fleet) -> None:
    """A minter that the fleet file does not have any more, and that goes on."""
    fleet.begin("dhcp-1", "dhcp-2", "cfm-1")
    path = fleet.site.directory / "keys" / "fleet.yaml"
    known = yaml.safe_load(path.read_text())
    del known["instances"]["dhcp-2"]
    path.write_text(yaml.safe_dump(known))
    with fleet.planting():
        fleet.hang_up("dhcp-1")
        fleet.hang_up("cfm-1")


def wrong_clock(fleet: Fleet) -> None:
    """An instance whose wall clock is 10 s behind: its beats, as the test writes them."""
    fleet.begin("dhcp-1", "dhcp-2", "cfm-1")
    stamp, data = Stamp("mps-1", "lab", 1), encode(Beat(service="mps"))
    keys = fleet.site.directory / "keys"
    member = load_fleet(keys / "fleet.yaml").member("mps-1")
    secret = read_secret_key(keys / "sign" / "mps-1.key").secret
    stamp.signs(Signer(secret, member.sign[0].certificate_bytes, member.role), SIGNED)
    producer, name = Producer(settings_of(fleet)), topic("heartbeat").name
    with fleet.planting():
        sent_at = [0.0]

        def beat() -> None:
            if time.monotonic() >= sent_at[0] + BEAT_EVERY_S:
                sent_at[0] = time.monotonic()
                envelope = stamp.envelope(BEAT, data, time_ms=int((time.time() - 10.0) * 1000))
                producer.produce(name, data, "mps-1", 0, headers=to_headers(envelope))
                producer.flush(COMMAND_S)

        fleet.meanwhile = beat


def beginning_lost(fleet: Fleet) -> None:
    """A role log whose first records are gone, without a checkpoint after them."""
    fleet.begin("dhcp-1", "dhcp-2", "cfm-1")
    fleet.kill("dhcp-2")
    with AdminClient(settings_of(fleet)) as admin:
        (answer,) = admin.delete_records([TopicPartition(ROLES, 0, OFFSET_END)]).values()
        answer.result(COMMAND_S)
    with fleet.planting():
        fleet.start_answering("dhcp-2")


def made_anew(fleet: Fleet) -> None:
    """The role topic, deleted and made anew under those who use it."""
    fleet.begin("dhcp-1", "dhcp-2", "cfm-1")
    with fleet.planting(), AdminClient(settings_of(fleet)) as admin:
        admin.delete_topics([ROLES])[ROLES].result(COMMAND_S)
        create_topics(settings_of(fleet), [topic("failover")])


def stale_fence(fleet: Fleet) -> None:
    """A CFM that knows the claims of its last run, and finds no role log."""
    fleet.begin("dhcp-1", "dhcp-2", "cfm-1")
    fleet.kill("cfm-1")
    with AdminClient(settings_of(fleet)) as admin:
        admin.delete_topics([ROLES])[ROLES].result(COMMAND_S)
    with fleet.planting():
        fleet.start_answering("cfm-1")


def settings_of(fleet: Fleet) -> dict[str, Any]:
    """The settings of a client of the fleet's brokers."""
    return fleet.site.brokers.settings


def _foreign_fleet(fleet: Fleet, name: str, of: str) -> None:
    """Give an instance a fleet file of its own, in which `of` has another key."""
    known = yaml.safe_load((fleet.site.directory / "keys" / "fleet.yaml").read_text())
    foreign = fleet.site.directory / "foreign"
    make_fleet(foreign, fleet.site.scenario.names(), "lab", KEY_BYTES)
    path = foreign / "fleet.yaml"
    known["instances"][of]["keys"] = yaml.safe_load(path.read_text())["instances"][of]["keys"]
    path.write_text(yaml.safe_dump(known))
    fleet.change(name, fleet=str(path))


class State(NamedTuple):
    """A fault, and who must say which code; `first` is what `asked` shows of it, if that is not this code."""

    plant: Callable[[Fleet], None]
    name: str
    code: str
    asked: str
    first: str = ""
    within_s: float = SEEN_S


STATES = [
    State(locked, "dhcp-2", "locked", "cfm-1"),
    State(drained, "dhcp-2", "drained", "cfm-1"),
    State(hostless, "dhcp-2", "no-host", "cfm-1"),
    State(unreachable, "dhcp-1", "cfm-unreachable", "cfm-1"),
    State(unreachable, "cfm-2", "minter-unconnected", "cfm-1"),
    State(foreign_cfm, "dhcp-1", "cfm-unreachable", "cfm-1", first="handshake-refused"),
    State(foreign_cfm, "dhcp-1", "handshake-refused", "cfm-1"),
    State(foreign_minter, "dhcp-1", "cfm-unreachable", "cfm-1", first="handshake-refused"),
    State(foreign_minter, "dhcp-1", "handshake-refused", "cfm-1"),
    State(foreign_minter, "cfm-2", "stranger-refused", "cfm-1"),
    State(stranger, "cfm-1", "stranger-refused", "dhcp-1"),
    State(refused_rows, "dhcp-1", "rows-refused", "cfm-1"),
    State(cloned, "dhcp-2", "name-taken", "cfm-1", first=TWICE),
    State(cloned, "dhcp-2-clone", "name-twice", "cfm-1", within_s=CLONE_S),
    State(half_rotated, "dhcp-1", "keys-behind", "dhcp-2"),
    State(half_rotated, "cfm-1", "keys-behind", "dhcp-2"),
    State(taken_out, "cfm-1", "former-key", "dhcp-1", first="unproven"),
    State(wrong_clock, "dhcp-1", "clock-off", "dhcp-2"),
]


REAL = [
    State(beginning_lost, "dhcp-2", "role-log-beginning-lost", "cfm-1"),
    State(made_anew, "dhcp-1", "role-log-changed", "cfm-1"),
    State(made_anew, "dhcp-2", "role-log-changed", "cfm-1"),
    State(stale_fence, "cfm-1", "fence-stale", "dhcp-1", first="topic-missing"),
]


def named(state: State) -> str:
    """How a state is called in a report."""
    return f"{state.plant.__name__}-{state.name}-{state.code}"


@pytest.mark.parametrize("state", STATES, ids=named)
def test_a_planted_fault_is_seen_in_all_four_places(fleet: Fleet, state: State) -> None:
    check(fleet, state)


@pytest.mark.kafka
@pytest.mark.parametrize("state", REAL, ids=named)
def test_a_fault_of_the_role_log_is_seen_in_all_four_places(real_fleet: Fleet, state: State) -> None:
    check(real_fleet, state)


def check(fleet: Fleet, state: State) -> None:
    """Plant it, and see it everywhere."""
    state.plant(fleet)
    sought = Sought(state.name, state.code, state.asked, state.first or state.code)
    seen = fleet.seen(sought, state.within_s)
    print(f"seen: {state.plant.__name__} | {state.name} | {state.code} | {seen}")
    assert None not in seen.values(), f"{seen}: {fleet.said(sought)}"
