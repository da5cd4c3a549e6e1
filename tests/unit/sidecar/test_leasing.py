"""Rows for leases that nobody asked for: who gets them, how they end, and how far all is settled."""

import json
from collections.abc import Callable, Iterable, Sequence
from ipaddress import IPv4Network
from typing import Any

import pytest

from bus.effects import Send
from bus.envelope import Envelope, Token, number_of
from bus.messages import Received
from bus.telemetry.audit import Audit
from fileid.given import given_key
from fileid.lease import Lease, Leased, LeaseFile, StorePosition, Whereabouts
from fileid.minted import Minted
from fileid.row import LIFE_S, ROWS_MAX, Row, is_newer, split_rows
from fileid.table import RowStatus
from services.settings.catalogue import Classes, record
from services.settings.held import HeldSettings
from services.settings.lookup import Lookup
from services.settings.record import CatalogueRecord
from services.settings.vault import Vault
from services.sidecar.leasing import AWAY_APART_S, BUDGET, HELD_MAX, LATE_S, PATIENCE_S, STANDBY_S, Leasing
from services.sidecar.offering import Offering
from tests.stamps import stamp_under
from tests.trusting import ANYBODY

WALL_S = 1_700_000_000.0
MODEM, ADAPTER = bytes.fromhex("001a2c000001"), bytes.fromhex("001a2c000002")
MODEM_FILE = LeaseFile("cm", "modem.cm", ("cfm-1", "cfm-2"))
ADAPTER_FILE = LeaseFile("mta", "{device}.cfg", ("cfm-2", "cfm-3"), networks=(IPv4Network("127.96.0.0/11"),))
RULES: list[dict[str, Any]] = [
    {"subnet": "127.64.0.0/11", "class": "data", "values": {"customer": 7}},
    {"subnet": "127.96.0.0/11", "class": "voice", "values": {"line1": "1.{device}", "line2": ""}},
]

Make = Callable[..., Any]


def lease(number: int = 1, *, granted_s: float = 0.0, device: bytes | None = None, **changes: Any) -> Lease:
    """A modem's lease, granted so long after the clock's zero."""
    mac = device or MODEM[:3] + number.to_bytes(3)
    said = {"address": bytes([127, 64]) + number.to_bytes(2), "remote_id": mac} | changes
    return Lease(device=mac, granted_s=int(WALL_S + granted_s), **{"subnet_id": 1, **said})


def adapter_lease(**changes: Any) -> Lease:
    return lease(2, **{"address": bytes([127, 96, 0, 2]), "remote_id": MODEM, **changes})


TOKEN = Token(1, 7)


class Run:
    """A `Leasing` in virtual time, with everything that it sent, stored and told."""

    def __init__(self, catalogue: CatalogueRecord | None, files: Sequence[LeaseFile]) -> None:
        stamp = stamp_under(TOKEN, "dhcp-1", "lab", 9)
        self.offering = Offering(
            stamp, None, float, HeldSettings(Vault()), ANYBODY.is_current, ANYBODY.refused
        )
        if catalogue is not None:
            self.offering.adopt(catalogue)
        self.minted, self.audit, self.away = Minted(1_000_000), Audit(stamp), set[str]()
        self.leasing = Leasing(
            stamp=stamp,
            files=files,
            offering=self.offering,
            minted=self.minted,
            audit=self.audit,
            away=self.away,
        )
        self.token: Token | None = TOKEN
        self.sent: list[Send] = []
        self.stored: list[Any] = []

    def may_make(self, may: bool) -> None:
        """Whether the role is ours from now on."""
        self.token = TOKEN if may else None
        self.leasing.tick(-1.0, WALL_S, self.token)

    def leased(self, *leases: Lease, position: Any = None, since: float = 0.0, now: float = 0.0) -> None:
        self.leasing.leased(Leased([*leases], position, since), now)

    def tick(self, now: float = 0.0) -> list[Send]:
        """The frames of this moment."""
        effects: list[Any] = self.leasing.tick(now, WALL_S, self.token)
        self.stored += [one.position for one in effects if isinstance(one, StorePosition)]
        sends = [one for one in effects if isinstance(one, Send)]
        self.sent += sends
        assert len(sends) + sum(isinstance(one, StorePosition) for one in effects) == len(effects)
        return sends

    def until(self, end: float) -> float:
        """Tick at every deadline up to `end`; when the last one was."""
        now = 0.0
        while (due := self.leasing.deadline()) is not None and due <= end:
            now = max(now, due)
            self.tick(now)
        return now

    def ack(self, received: Received, now: float = 0.0) -> bool:
        return self.leasing.acked(received.envelope, now, WALL_S)

    def counts(self) -> dict[str, int]:
        """What was counted at all."""
        return {key: count for key, count in self.leasing.counts.items() if count}

    def told(self) -> list[dict[str, Any]]:
        batches = self.audit.flush(WALL_S)
        return [event for one in batches for event in json.loads(one.envelope.data)["events"]]


def rows(send: Send) -> list[Row]:
    return [*map(Row, *split_rows(send.envelope.data))]


@pytest.fixture
def rules(classes: Classes) -> CatalogueRecord:
    """The classes, and whose they are."""
    return record(classes, 3, RULES)


@pytest.fixture
def run(rules: CatalogueRecord) -> Run:
    return Run(rules, [MODEM_FILE, ADAPTER_FILE])


def test_a_lease_becomes_a_row_at_every_cfm_of_its_file_and_at_no_other(run: Run) -> None:
    run.leased(lease())
    assert run.leasing.deadline() == 0.0
    sends = run.tick()
    assert [one.to for one in sends] == ["cfm-1", "cfm-2"]
    ((row,), again) = map(rows, sends)
    assert again == [row]
    assert row.name == given_key("modem.cm", MODEM, bytes([127, 64, 0, 1]))
    fields = row.fields()
    assert (fields.device, fields.address, fields.relay) == (MODEM, bytes([127, 64, 0, 1]), bytes(4))
    assert (fields.leased, fields.partial, fields.minted_ms) == (True, False, int(WALL_S * 1000))
    assert (fields.token, fields.minter, fields.generation) == (Token(1, 7), number_of("dhcp-1"), 3)
    assert fields.template == (run.offering.find("data") or (0,))[0]
    assert fields.values == (7).to_bytes(4)
    assert run.minted.find([row.name], 0.0) == [row]


def test_an_adapter_gets_its_own_file_and_values_at_the_cfms_of_that(run: Run) -> None:
    run.leased(adapter_lease(), lease())
    sends = {str(one.to): rows(one) for one in run.tick()}
    assert {cfm: [row.name for row in some] for cfm, some in sends.items()} == {
        "cfm-1": [given_key("modem.cm", MODEM, bytes([127, 64, 0, 1]))],
        "cfm-2": [b"001a2c000002.cfg", given_key("modem.cm", MODEM, bytes([127, 64, 0, 1]))],
        "cfm-3": [b"001a2c000002.cfg"],
    }
    assert b"1.001a2c000002" in sends["cfm-3"][0].body


def test_leases_of_one_moment_share_a_frame_for_each_cfm(run: Run) -> None:
    run.leased(*map(lease, range(ROWS_MAX)))
    run.leased(lease(ROWS_MAX))
    sends = run.tick()
    assert [one.to for one in sends] == ["cfm-1"] * 2 + ["cfm-2"] * 2
    assert [len(rows(one)) for one in sends] == [ROWS_MAX, 1] * 2


def test_a_row_is_acked_when_all_of_its_cfms_have_it(run: Run, ack: Make) -> None:
    run.leased(lease(), position="p1")
    first, second = run.tick()
    assert run.ack(ack(first), 0.01)
    assert (run.counts(), len(run.leasing)) == ({"seen": 1}, 1)
    run.tick(0.01)
    assert run.stored == []
    assert run.ack(ack(second, RowStatus.DUPLICATE), 0.02)
    assert (run.counts(), len(run.leasing)) == ({"seen": 1, "acked": 1}, 0)
    assert run.leasing.deadline() == 0.0
    run.tick(0.02)
    assert run.stored == ["p1"]


def test_rows_under_way_are_made_anew_under_the_token_of_another_era(run: Run, ack: Make) -> None:
    """A switch of the transport lets us go on in it, and no CFM takes rows of the one before."""
    run.leased(lease(), position="p1")
    before = run.tick()
    run.token = Token(2, 1)
    run.leasing.make_anew(run.token, 0.1, WALL_S)
    after = run.tick(0.1)
    assert [one.to for one in after] == ["cfm-1", "cfm-2"]
    assert [row.fields().token for one in after for row in rows(one)] == [Token(2, 1)] * 2
    assert not run.ack(ack(before[0]), 0.2)
    for one in after:
        assert run.ack(ack(one), 0.2)
    run.tick(0.2)
    assert (run.counts(), run.stored) == ({"seen": 1, "acked": 1}, ["p1"])


def test_a_row_that_cannot_be_made_anew_is_given_up(run: Run, classes: Classes) -> None:
    run.leased(lease(), position="p1")
    run.tick()
    run.token = Token(2, 1)
    run.offering.adopt(record(classes, 4))
    run.leasing.make_anew(run.token, 0.1, WALL_S)
    run.tick(0.1)
    assert (run.counts(), run.stored) == ({"seen": 1, "unacked": 1}, ["p1"])


def test_a_cfm_that_is_silent_costs_the_others_nothing(run: Run, ack: Make) -> None:
    run.leased(lease(), position="p1")
    first, second = run.tick()
    run.ack(ack(first), 0.01)
    at = run.until(BUDGET.budget_s)
    assert at == pytest.approx(BUDGET.budget_s)
    assert {one.to for one in run.sent[2:]} == {"cfm-2"}
    assert {one.envelope for one in run.sent[1:]} == {second.envelope}
    assert run.counts() == {"seen": 1, "unacked": 1, "late": 1}
    assert run.stored == ["p1"]
    assert [(one["event"], one["cfm"]) for one in run.told()] == [
        ("lease.acked", "cfm-1"),
        ("lease.unacked", ""),
    ]
    assert not run.ack(ack(second), 10.1)


def test_a_cfm_to_which_nothing_can_be_sent_is_tried_again_when_it_is_back(run: Run, ack: Make) -> None:
    run.away.add("cfm-2")
    run.leased(lease())
    (first,) = run.tick()
    assert first.to == "cfm-1"
    run.until(1.0)
    assert {one.to for one in run.sent} == {"cfm-1"}
    run.away.clear()
    run.until(2.0)
    second = next(one for one in run.sent if one.to == "cfm-2")
    run.ack(ack(first), 2.0)
    run.ack(ack(second), 2.0)
    assert run.counts() == {"seen": 1, "acked": 1, "late": 1}


def test_a_full_cfm_is_asked_again(run: Run, ack: Make) -> None:
    run.leased(lease())
    first, second = run.tick()
    run.ack(ack(first), 0.01)
    assert run.ack(ack(second, RowStatus.FULL), 0.01)
    run.until(1.0)
    run.ack(ack(run.sent[-1]), 1.0)
    assert run.counts() == {"seen": 1, "acked": 1}


def test_acks_that_are_not_for_it_are_left_to_others(run: Run, ack: Make) -> None:
    run.leased(lease())
    first, second = run.tick()
    for data, source in (
        (ack(first).envelope.data, "cfm-2"),
        (ack(first).envelope.data, "cfm-9"),
        (b"", "cfm-1"),
        (bytes(9), "cfm-1"),
    ):
        assert not run.leasing.acked(Envelope(ack(second).envelope.type, source, 1, 1, 0, data), 0.0, WALL_S)
    assert run.counts() == {"seen": 1}


def test_a_lease_that_is_told_twice_makes_the_same_row(run: Run) -> None:
    run.leased(lease())
    run.leased(lease(), since=1.0)
    (first, again), *_ = map(rows, run.tick())
    assert first == again
    assert not is_newer(first.body, again.body)


def test_a_renewal_makes_a_later_row_of_the_same_name(run: Run) -> None:
    run.leased(lease(), lease(granted_s=1.0))
    (first, later), *_ = map(rows, run.tick(1.0))
    assert first.name == later.name
    assert is_newer(later.body, first.body)
    assert first.fields().serial != later.fields().serial
    assert run.minted.find([first.name], 1.0) == [later]


def test_the_serial_of_a_row_is_its_leases_alone(run: Run) -> None:
    run.leased(lease(1), lease(2), lease(1, device=MODEM[:5] + b"\7"))
    (some, _) = map(rows, run.tick())
    assert len({row.fields().serial for row in some}) == 3


def test_leases_wait_for_settings_and_go_when_they_come(rules: CatalogueRecord) -> None:
    run = Run(None, [MODEM_FILE])
    run.leased(lease(), position="p1")
    assert run.tick() == []
    assert (run.counts(), run.stored, run.leasing.deadline()) == ({}, [], None)
    run.offering.adopt(rules)
    assert run.leasing.deadline() == 0.0
    assert [one.to for one in run.tick(5.0)] == ["cfm-1", "cfm-2"]


def test_leases_that_waited_too_long_for_settings_are_stale(rules: CatalogueRecord) -> None:
    run = Run(None, [MODEM_FILE])
    run.leased(lease(1), lease(2), position="p1")
    run.leased(lease(3, granted_s=30.0), position="p2", since=30.0)
    run.offering.adopt(rules)
    assert [len(rows(one)) for one in run.tick(LIFE_S + 1.0)] == [1, 1]
    assert run.counts() == {"stale": 2, "seen": 1}
    assert run.stored == ["p1"]


def test_leases_that_wait_are_bounded_and_the_oldest_go(rules: CatalogueRecord) -> None:
    run = Run(None, [MODEM_FILE])
    run.leased(*[lease()] * (HELD_MAX - 1), position="p1")
    run.leased(lease(2), position="p2")
    assert run.counts() == {}
    run.leased(lease(3), position="p3")
    assert run.counts() == {"shed": HELD_MAX - 1}
    run.offering.adopt(rules)
    assert len(rows(run.tick()[0])) == 2
    assert run.stored == ["p1"]


def test_leases_wait_for_room_and_none_is_shed(rules: CatalogueRecord, ack: Make) -> None:
    run = Run(None, [MODEM_FILE])
    for at in range(0, 30_000, 200):
        run.leased(*map(lease, range(at, at + 200)), position=at)
    run.offering.adopt(rules)
    first = run.tick()
    assert sum(len(rows(send)) for send in first) == 2 * 10_000
    run.away.add("cfm-2")  # holds nobody up
    for send in first:
        if send.to == "cfm-1":
            run.ack(ack(send))
    assert run.leasing.deadline() == 0.0
    assert sum(len(rows(send)) for send in run.tick() if send.to == "cfm-1") == 10_000
    assert "shed" not in run.counts()


def test_a_standby_keeps_what_it_was_told_lately_however_old_the_leases_are(run: Run) -> None:
    run.may_make(False)
    run.leased(lease(1), position="p1", since=0.0, now=30.0)
    run.leased(lease(2), position="p2", since=32.0, now=32.0)
    assert run.leasing.deadline() == 30.0 + STANDBY_S
    assert run.tick(29.9 + STANDBY_S) == []
    assert run.stored == []
    assert run.tick(30.0 + STANDBY_S) == []
    assert run.stored == ["p1"]
    run.may_make(True)
    assert {send.to for send in run.tick(30.1 + STANDBY_S)} == {"cfm-1", "cfm-2"}
    assert run.counts() == {"seen": 1}


def fill(run: Run, rules: CatalogueRecord) -> list[Send]:
    """The frames of as many rows as go at once, of three times as many leases."""
    for at in range(0, 30_000, 200):
        run.leased(*map(lease, range(at, at + 200)), position=at)
    run.offering.adopt(rules)
    return run.tick()


def lose(run: Run, sends: Iterable[Send], now: float) -> None:
    """These do not leave, and their CFMs are away."""
    for send in sends:
        run.away.add(str(send.to))
        run.leasing.undelivered(send.envelope, str(send.to), now)


def test_cfms_that_are_away_for_a_moment_are_waited_for(rules: CatalogueRecord, ack: Make) -> None:
    run = Run(None, [MODEM_FILE])
    sends = fill(run, rules)
    lose(run, sends, 0.1)
    run.tick(PATIENCE_S)
    assert run.counts() == {"seen": 10_000}
    run.away.clear()
    for send in sends:
        run.ack(ack(send))
    run.tick(PATIENCE_S)
    assert run.counts() == {"seen": 20_000, "acked": 10_000}


def test_a_cfm_that_stays_away_holds_up_the_others_no_longer(rules: CatalogueRecord, ack: Make) -> None:
    run = Run(None, [MODEM_FILE])
    sends = fill(run, rules)
    lost = [send for send in sends if send.to == "cfm-2"]
    for send in sends:
        if send not in lost:
            run.ack(ack(send))
    for now in (0.5, 1.0, 1.5, 2.0, 2.4):
        lose(run, lost[:1], now)
        run.tick(now)
        assert run.counts() == {"seen": 10_000}
    assert run.leasing.deadline() is not None
    run.tick(0.5 + PATIENCE_S)
    assert run.counts() == {"seen": 20_000}


def test_a_cfm_that_was_away_before_has_our_patience_again(rules: CatalogueRecord) -> None:
    run = Run(None, [MODEM_FILE])
    sends = fill(run, rules)
    lose(run, sends, 0.0)
    lose(run, sends, AWAY_APART_S)
    run.tick(AWAY_APART_S + PATIENCE_S - 0.1)
    assert run.counts() == {"seen": 10_000}


@pytest.mark.parametrize(("age_s", "count"), [(LIFE_S, "seen"), (LIFE_S + 1.0, "stale")])
def test_a_lease_of_a_minute_ago_is_of_no_use(run: Run, age_s: float, count: str) -> None:
    run.leased(lease(), position="p1", since=age_s)
    sends = run.tick(age_s)
    assert run.counts() == {count: 1}
    assert bool(sends) is (count == "seen")
    assert run.stored == ([] if sends else ["p1"])


@pytest.mark.parametrize(
    "granted",
    [lease(remote_id=b""), lease(remote_id=ADAPTER), adapter_lease(address=bytes([127, 95, 0, 1]))],
    ids=["no option 82", "behind a modem", "beside the network"],
)
def test_what_is_no_file_for_is_ignored_and_counted(run: Run, granted: Lease) -> None:
    run.leased(granted, position="p1")
    assert run.tick() == []
    assert run.counts() == {"ignored": 1}
    assert run.stored == ["p1"]
    assert run.told() == []


def test_a_device_that_shows_up_behind_two_modems_is_told(run: Run) -> None:
    run.leased(adapter_lease(), adapter_lease(remote_id=b"cloned"), adapter_lease(remote_id=b"cloned"))
    run.tick()
    moved = [one for one in run.told() if one["event"] == "device.moved"]
    assert [(one["was_behind"], one["behind"]) for one in moved] == [(MODEM.hex(), b"cloned".hex())]
    assert run.counts()["moved"] == 1


def test_only_the_devices_seen_last_are_remembered() -> None:
    whereabouts = Whereabouts(devices_max=2)
    for number in range(4):
        assert whereabouts.moved_from(lease(number)) == b""
    assert whereabouts.forgotten == 2
    assert whereabouts.moved_from(lease(0, remote_id=b"other")) == b""
    assert whereabouts.moved_from(lease(3, remote_id=b"other")) == lease(3).device


def test_whom_no_rule_knows_gets_no_row_and_that_is_told(run: Run) -> None:
    run.leased(lease(address=bytes([10, 0, 0, 1])), position="p1")
    assert run.tick() == []
    assert run.counts() == {"seen": 1, "no_settings": 1}
    (event,) = run.told()
    assert event == {
        "event": "lease.refused",
        "device": "001a.2c00.0001",
        "fileid": "",
        "at": WALL_S,
        "reason": "no_settings",
    }
    assert run.stored == ["p1"]


def test_a_rule_for_the_other_kind_is_none(run: Run) -> None:
    run.leased(lease(address=bytes([127, 96, 0, 1])))
    assert run.tick() == []
    assert run.counts() == {"seen": 1, "no_settings": 1}


@pytest.mark.parametrize("values", [{"customer": -1}, {}, {"customer": 7, "line1": "x"}])
def test_values_that_do_not_fit_get_no_row_and_that_is_told(run: Run, values: dict[str, Any]) -> None:
    rule = {"subnet": "127.64.0.0/11", "class": "data", "values": values}
    run.offering.lookup = Lookup([rule], {"data": "cm"})
    run.leased(lease())
    assert run.tick() == []
    assert run.counts() == {"seen": 1, "bad_settings": 1}
    assert [(one["event"], one["reason"]) for one in run.told()] == [("lease.refused", "bad_settings")]


def test_one_lease_without_a_row_does_not_cost_its_neighbours_theirs(run: Run) -> None:
    run.leased(lease(1), lease(2, address=bytes([10, 0, 0, 1])), lease(3, remote_id=b""), lease(4))
    first, second = run.tick()
    assert [row.fields().device[-1] for row in rows(first)] == [1, 4]
    assert rows(first) == rows(second)


def test_positions_are_stored_in_order_and_only_when_all_before_is_settled(run: Run, ack: Make) -> None:
    sends = []
    for at in range(3):
        run.leased(lease(at), position=f"p{at}")
        sends.append(run.tick())
    run.leased(lease(9, remote_id=b""), position="p3")  # ignored: nothing to settle
    for at in (1, 2):
        for send in sends[at]:
            run.ack(ack(send))
        run.tick()
        assert run.stored == []
    for send in sends[0]:
        run.ack(ack(send))
    run.tick()
    assert run.stored == ["p3"]


def test_what_is_told_of_an_acked_lease(run: Run, ack: Make) -> None:
    run.leased(lease(), since=0.5)
    first, second = run.tick(0.6)
    run.ack(ack(second), 0.75)
    run.ack(ack(first), 0.625)
    assert run.told() == [
        {
            "event": "lease.acked",
            "device": "001a.2c00.0001",
            "fileid": rows(first)[0].fields().serial.hex(),
            "at": WALL_S + at,
            "class": "data",
            "cfm": cfm,
            "handoff_ms": ms,
        }
        for at, cfm, ms in ((0.75, "cfm-2", 250.0), (0.625, "cfm-1", 125.0))
    ]


@pytest.mark.parametrize(("at", "late"), [(LATE_S, 0), (LATE_S + 0.01, 1)])
def test_a_row_that_was_long_on_its_way_is_late(run: Run, ack: Make, at: float, late: int) -> None:
    run.leased(lease())
    for send in run.tick(0.5):
        run.ack(ack(send), at)
    assert (run.leasing.counts["acked"], run.leasing.counts["late"]) == (1, late)


def test_more_rows_than_may_be_under_way_are_shed_and_settled(rules: CatalogueRecord, ack: Make) -> None:
    run = Run(rules, [LeaseFile("cm", "modem.cm", ("cfm-1",))])
    run.leased(*map(lease, range(20_001)), position="p1")
    for send in run.tick():
        run.ack(ack(send))
    run.tick()
    assert run.counts() == {"seen": 20_001, "acked": 20_000, "unacked": 1, "shed": 1}
    assert run.stored == ["p1"]


def test_who_does_not_hold_its_role_yet_is_behind_until_it_lets_go(catalogue: CatalogueRecord) -> None:
    run = Run(catalogue, [MODEM_FILE])
    run.may_make(False)
    run.leased(lease(), position="p1")
    run.leasing.leases_read()
    run.tick(STANDBY_S - 0.1)
    assert run.leasing.is_behind
    run.tick(STANDBY_S)
    assert not run.leasing.is_behind
    run.leased(lease(2), position="p2")
    assert not run.leasing.is_behind
