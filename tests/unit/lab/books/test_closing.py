"""The books of a run with Kea: a name of its own for each lease, and the sidecars' counts together."""

from typing import Any

from services.lab.books.closing import by_lease
from services.lab.books.ledger import Event, account
from services.lab.kea.host import lease_counts

ONE, TWO = "001a.2c00.0001", "001a.2c00.0002"
FILE = {"file": "modem.cm", "server": "127.0.0.11"}


def boot(device: str, at: float, **changes: str) -> list[dict[str, Any]]:
    """What the plant notes of one whole boot."""
    who = {"device": device} | FILE
    address = {"address": f"127.64.0.{device[-1]}"}
    return [
        {"event": "leased", "at": at} | address | who,
        {"event": "read", "at": at + 0.1, "attempt": 1} | address | who,
        {"event": "answered", "at": at + 0.1} | who,
        {"event": "completed", "at": at + 0.1, "verdict": "ok", "bytes": 5} | address | who,
        {"event": "online", "at": at + 0.1, "kind": "cm", "boot_s": 0.1, "device": device},
    ]


def books(*events: Event) -> tuple[int, ...]:
    """Acked, read, lost, phantom, duplicated, unexplained."""
    ledger = account(by_lease(events), [{"event": "started", "at": 0.0, "address": "127.0.0.11"}], now=100.0)
    return (
        ledger.acked,
        ledger.read,
        ledger.lost,
        ledger.phantom,
        ledger.duplicated,
        ledger.unexplained,
    )


def test_each_lease_has_a_name_of_its_own() -> None:
    named = [*by_lease([*boot(ONE, 1.0), *boot(TWO, 2.0), *boot(ONE, 10.0)])]
    names = {event["file"] for event in named if "file" in event}
    assert names == {f"modem.cm {ONE} 1", f"modem.cm {TWO} 1", f"modem.cm {ONE} 2"}
    minted = named[0]
    assert (minted["event"], minted["acked"], minted["next_server"]) == ("minted", True, "127.0.0.11")
    assert [event["event"] for event in named[:5]] == ["minted", "read", "answered", "completed", "online"]


def test_the_plants_own_events_are_not_changed() -> None:
    events = boot(ONE, 1.0)
    [*by_lease(events)]
    assert events == boot(ONE, 1.0)


def test_two_devices_with_one_name_and_a_reboot_are_clean() -> None:
    assert books(*boot(ONE, 1.0), *boot(TWO, 2.0), *boot(ONE, 10.0)) == (3, 3, 0, 0, 0, 0)


def test_a_lease_whose_read_was_never_answered_is_lost() -> None:
    leased, read, *_ = boot(TWO, 2.0)
    assert books(*boot(ONE, 1.0), leased, read)[2] == 1


def test_a_file_that_came_twice_for_one_lease_is_seen() -> None:
    *before, completed, online = boot(ONE, 1.0)
    assert books(*before, completed, completed, online)[4] == 1


def test_a_file_of_another_device_is_seen() -> None:
    *before, completed, online = boot(ONE, 1.0)
    assert books(*before, completed | {"verdict": "address"}, online)[3] == 1


def test_the_counts_of_all_incarnations_are_added() -> None:
    answers: list[dict[str, Any]] = [
        {"service": "dhcp", "leases": {"seen": 3, "acked": 2}},
        {"service": "cfm"},
        {"service": "dhcp", "leases": {"seen": 4, "acked": 4}},
    ]
    assert lease_counts(answers) == {"seen": 7, "acked": 6}
    assert lease_counts(answers[1:2]) == {}
    assert lease_counts([]) == {}
