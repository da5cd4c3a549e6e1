"""The checkers are tested by breaking: each broken machine makes the checker of its promise go red."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from bus.effects import Effect, Publish, Reply, Send
from bus.machine import AnyMachine
from bus.messages import LocalRequest, Received
from bus.telemetry.audit import AUDIT
from bus.testing.checkers import ViolationError
from fileid.handoff import ACKED_SEQ
from fileid.row import ACK, PULLED, ROWS
from fileid.table import RowStatus
from services.tftp.effects import Datagram
from services.tftp.packets import DATA, parse_opcode
from services.tftp.sockets import Wakeup
from tests.simulation.plant import STORM_S, THIEF, Plant, Shape

SEED = 4
CALM = Shape()
THIEVISH = CALM._replace(thefts=1.0, devices=24)  # of so many reads some are overheard by the stranger
LATE_ROWS = CALM._replace(cfms=1, handoff_delay_s=0.3)
LOST_ROWS = CALM._replace(cfms=1, handoff_delay_s=9.0)
REBOOTING = CALM._replace(reboots=5)

Change = Callable[[Any, Any, list[Any], float], list[Any]]
"""What a broken machine does instead: from itself, the message, the effects and the time; a tick is None."""


class Broken:
    """A machine whose effects are tampered with, or that is tampered with itself."""

    def __init__(self, machine: AnyMachine, change: Change) -> None:
        self._machine = machine
        self._change = change

    def receive(self, message: Any, now: float) -> list[Any]:
        """Give it to the machine, and change what it says."""
        return self._change(self._machine, message, [*self._machine.receive(message, now)], now)

    def tick(self, now: float) -> list[Any]:
        """Tick the machine, and change what it says."""
        return self._change(self._machine, None, [*self._machine.tick(now)], now)

    def deadline(self) -> float | None:
        """The machine's own."""
        return self._machine.deadline()


def unchanged(machine: Any, message: Any, effects: list[Any], now: float) -> list[Any]:
    return effects


def violation(service: str, change: Change, shape: Shape = CALM, *, others: Change = unchanged) -> str:
    """What is violated when every node of this service is broken in this way, and the others in that."""

    def wrap(name: str, machine: AnyMachine) -> AnyMachine:
        return Broken(machine, change if name.startswith(service) else others)

    with pytest.raises(ViolationError) as caught:
        Plant(SEED, shape=shape, wrap=wrap).run()
    assert f"tests.simulation {SEED})" in str(caught.value)
    return caught.value.what


@pytest.mark.parametrize("shape", [CALM, THIEVISH, LATE_ROWS, LOST_ROWS, REBOOTING])
def test_what_is_not_broken_is_green(shape: Shape) -> None:
    """Otherwise the tests below would prove nothing: the same plants, with every machine as it is."""
    Plant(SEED, shape=shape, wrap=lambda _, machine: Broken(machine, unchanged)).run()


def is_rows(message: Any) -> bool:
    return isinstance(message, Received) and message.envelope.type == ROWS


def is_data(effect: Effect) -> bool:
    return isinstance(effect, Datagram) and parse_opcode(effect.data) == DATA


# Rows and reads


def test_a_cfm_that_forgets_an_acked_row() -> None:
    def forget(cfm: Any, message: Any, effects: list[Any], now: float) -> list[Any]:
        if is_rows(message):
            cfm.parts.table._rows.clear()
        return effects

    assert "and lost it 60.000 s too early" in violation("cfm", forget)


def test_a_cfm_that_forgets_it_later() -> None:
    def forget(cfm: Any, message: Any, effects: list[Any], now: float) -> list[Any]:
        if now > 4.0:
            cfm.parts.table._rows.clear()
        return effects

    assert "s too early" in violation("cfm", forget, CALM._replace(read_delay_s_max=15.0))


def test_a_cfm_that_acks_what_it_refused() -> None:
    def ack_all(cfm: Any, message: Any, effects: list[Any], now: float) -> list[Any]:
        return [one_status(effect, RowStatus.STORED) if is_ack(effect) else effect for effect in effects]

    assert "and lost it" in violation("cfm", ack_all, CALM._replace(rows_max=0))


def test_a_cfm_that_calls_duplicate_what_it_never_had() -> None:
    def call_duplicate(cfm: Any, message: Any, effects: list[Any], now: float) -> list[Any]:
        return [one_status(effect, RowStatus.DUPLICATE) if is_ack(effect) else effect for effect in effects]

    assert "a duplicate, but does not have it" in violation("cfm", call_duplicate, CALM._replace(rows_max=0))


def is_ack(effect: Effect) -> bool:
    return isinstance(effect, Send) and effect.envelope.type == ACK


def one_status(effect: Send, status: RowStatus) -> Send:
    data = effect.envelope.data[: ACKED_SEQ.size]
    statuses = bytes([status]) * (len(effect.envelope.data) - ACKED_SEQ.size)
    return effect._replace(envelope=effect.envelope._replace(data=data + statuses))


def test_a_cfm_whose_rows_never_expire() -> None:
    def keep(cfm: Any, message: Any, effects: list[Any], now: float) -> list[Any]:
        cfm.parts.table._ages.clear()
        return effects

    unread = CALM._replace(reboots=5, read_delay_s_max=15.0)
    assert "which expired at" in violation("cfm", keep, unread)


def test_a_cfm_that_holds_rows_nobody_heard_of() -> None:
    def invent(cfm: Any, message: Any, effects: list[Any], now: float) -> list[Any]:
        cfm.parts.table._rows[b"invented"] = b""
        return effects

    assert "holds rows that it never acked" in violation("cfm", invent)


def test_a_cfm_that_does_not_serve_what_it_acked() -> None:
    def be_silent(cfm: Any, message: Any, effects: list[Any], now: float) -> list[Any]:
        return [effect for effect in effects if not isinstance(effect, Datagram)]

    assert "and does not serve it" in violation("cfm", be_silent)


def silent_after(type_: str) -> Change:
    """No file when a message of this type brought its row."""

    def change(cfm: Any, message: Any, effects: list[Any], now: float) -> list[Any]:
        if isinstance(message, Received) and message.envelope.type == type_:
            return [effect for effect in effects if not isinstance(effect, Datagram)]
        return effects

    return change


def test_a_cfm_that_leaves_a_parked_read_waiting_when_its_row_comes() -> None:
    assert "waiting" in violation("cfm", silent_after(ROWS), LATE_ROWS)


def test_a_cfm_that_leaves_a_parked_read_waiting_when_its_pull_is_answered() -> None:
    def lose_rows(minter: Any, message: Any, effects: list[Any], now: float) -> list[Any]:
        return [
            effect for effect in effects if not (isinstance(effect, Send) and effect.envelope.type == ROWS)
        ]

    assert "waiting" in violation("cfm", silent_after(PULLED), others=lose_rows)


def test_a_cfm_that_does_not_open_seals() -> None:
    def never_ripe(cfm: Any, message: Any, effects: list[Any], now: float) -> list[Any]:
        return [effect for effect in effects if message is not None or not isinstance(effect, Datagram)]

    assert "from its seal by" in violation("cfm", never_ripe, LOST_ROWS)


def test_a_minter_that_calls_acked_what_nobody_acked() -> None:
    def boast(minter: Any, message: Any, effects: list[Any], now: float) -> list[Any]:
        return [
            effect._replace(body=effect.body | {"acked": True}) if isinstance(effect, Reply) else effect
            for effect in effects
        ]

    assert "which never acked it" in violation("dhcp", boast, LOST_ROWS)


def test_a_minter_that_names_a_server_which_is_none() -> None:
    def mislead(minter: Any, message: Any, effects: list[Any], now: float) -> list[Any]:
        return [
            effect._replace(body=effect.body | {"next_server": "10.9.9.9"})
            if isinstance(effect, Reply)
            else effect
            for effect in effects
        ]

    assert "10.9.9.9, which is no CFM" in violation("dhcp", mislead)


# Bytes, answers, files


def test_a_cfm_that_serves_a_foreign_address() -> None:
    def obey(cfm: Any, message: Any, effects: list[Any], now: float) -> list[Any]:
        if isinstance(message, Wakeup) and message.datagrams[0][1][0] == THIEF:
            return [Datagram(1, b"\0\3\0\1stolen", message.datagrams[0][1])]
        return effects

    assert f"to {THIEF}, which is not its row's address" in violation("cfm", obey, THIEVISH)


def test_a_cfm_that_sends_to_a_port_that_never_asked() -> None:
    def mix_up(cfm: Any, message: Any, effects: list[Any], now: float) -> list[Any]:
        return [
            effect._replace(peer=(effect.peer[0], 9)) if is_data(effect) else effect for effect in effects
        ]

    assert "who never asked" in violation("cfm", mix_up)


def test_a_cfm_that_answers_a_stranger_with_an_error() -> None:
    def refuse(cfm: Any, message: Any, effects: list[Any], now: float) -> list[Any]:
        if isinstance(message, Wakeup) and message.datagrams[0][1][0] == THIEF:
            return [Datagram(0, b"\0\5\0\1not found\0", message.datagrams[0][1])]
        return effects

    assert violation("cfm", refuse, THIEVISH).endswith(f"sends an error to {THIEF}")


def test_a_cfm_that_completes_a_fileid_twice() -> None:
    def repeat(cfm: Any, message: Any, effects: list[Any], now: float) -> list[Any]:
        return [twice(effect) if is_audit(effect) else effect for effect in effects]

    assert "twice" in violation("cfm", repeat)


def is_audit(effect: Effect) -> bool:
    return isinstance(effect, Publish) and effect.envelope.type == AUDIT


def twice(effect: Publish) -> Publish:
    events = json.loads(effect.envelope.data)["events"]
    data = json.dumps({"events": events * 2}).encode()
    return effect._replace(envelope=effect.envelope._replace(data=data))


def test_a_minter_that_does_not_answer() -> None:
    def swallow(minter: Any, message: Any, effects: list[Any], now: float) -> list[Any]:
        return [effect for effect in effects if not isinstance(effect, Reply)]

    assert "mps-1 did not answer session" in violation("mps", swallow)


def test_a_minter_that_answers_twice() -> None:
    def repeat(minter: Any, message: Any, effects: list[Any], now: float) -> list[Any]:
        return [*effects, *(effect for effect in effects if isinstance(effect, Reply))]

    assert "where nobody waits" in violation("dhcp", repeat)


def test_a_cfm_that_damages_files() -> None:
    def damage(cfm: Any, message: Any, effects: list[Any], now: float) -> list[Any]:
        return [
            effect._replace(data=effect.data.replace(b"customer 1", b"customer 2"))
            if is_data(effect)
            else effect
            for effect in effects
        ]

    assert violation("cfm", damage).endswith("cm-mic")


# The end of the run


def test_a_plant_that_does_not_come_online() -> None:
    def give_up(minter: Any, message: Any, effects: list[Any], now: float) -> list[Any]:
        return [
            Reply(effect.session, {"error": "try_again"})
            if isinstance(effect, Reply) and now > 2.0
            else effect
            for effect in effects
        ]

    assert violation("dhcp", give_up).startswith("the weather is fine, and not online: device-")


@pytest.mark.parametrize(
    ("what", "leak"),
    [
        ("parked reads", lambda cfm: cfm.parts.reads._parked._oldest_first.update({(b"leak", b""): None})),
        ("pulls", lambda cfm: cfm.parts.reads._pulls.want(b"leak", ())),
        ("downloads", lambda cfm: cfm.parts.serving.downloads._downloads.update({-1: None})),
        ("TFTP sessions", lambda cfm: cfm.parts.serving._tftp._sessions.by_read.update({-1: None})),
    ],
)
def test_a_cfm_that_leaks(what: str, leak: Callable[[Any], None]) -> None:
    def hold(cfm: Any, message: Any, effects: list[Any], now: float) -> list[Any]:
        if now > STORM_S:
            leak(cfm)
        return effects

    assert violation("cfm", hold) == f"still held: 1 {what} at cfm-1, 1 {what} at cfm-2"


def test_a_minter_that_leaks_hand_offs() -> None:
    def hold(minter: Any, message: Any, effects: list[Any], now: float) -> list[Any]:
        if isinstance(message, LocalRequest):
            minter.parts.creating.handoff._rows += 1
        return effects

    assert "hand-offs at dhcp-1" in violation("dhcp", hold)
