"""What the report says of a sidecar that started without a position."""

from collections.abc import Iterable
from typing import Any

import pytest

from fileid.lease import lease_serial
from services.lab.kea.lease_journal import GrantedLease
from services.lab.kea.perfdhcp import LoadFigures
from services.lab.kea.resync import SidecarStart, resync_figures

CFMS = ["cfm-1", "cfm-2"]
START = SidecarStart(started_at=1000.0, ready_at=1004.5, load_s=3.2, rss_mib=80.04)
LEASES = [
    GrantedLease(f"02:00:00:00:00:{number:02x}", f"127.96.0.{number}", 990 + number) for number in range(3)
]
STEADY = LoadFigures(10.0, 200, tuple(range(10, 210, 10)))


def acked(lease: GrantedLease, cfm: str, at: float) -> dict[str, Any]:
    serial = lease_serial(lease.packed_device(), lease.packed_address(), lease.granted_s).hex()
    return {"event": "lease.acked", "device": lease.device, "fileid": serial, "cfm": cfm, "at": at}


def figures(
    events: Iterable[dict[str, Any]], beside: LoadFigures = STEADY, alone: LoadFigures = STEADY
) -> dict[str, Any]:
    return resync_figures(START, LEASES, events, CFMS, (alone, beside))


def every(at: float) -> list[dict[str, Any]]:
    return [acked(lease, cfm, at) for lease in LEASES for cfm in CFMS]


def test_the_rows_of_the_last_minute_are_owed_but_those_that_die_before_they_have_to_come() -> None:
    assert START.owed() == (947, 1004)  # 1004.5 and two seconds for the row, less its minute


def test_all_rows_came() -> None:
    assert figures(every(1006.0)) == {
        "ready_s": 4.5,
        "rows_s": 1.5,
        "leases": 3,
        "missing_rows": 0,
        "rate_vs_alone": 1.0,
        "rss_mib": 80.0,
    }


def test_rows_before_it_was_ready_are_none_too_late() -> None:
    assert figures(every(1002.0))["rows_s"] == 0


@pytest.mark.parametrize("left_out", range(6))
def test_a_row_that_one_cfm_has_not_acked_is_missing(left_out: int) -> None:
    events = every(1006.0)
    del events[left_out]
    assert figures(events)["missing_rows"] == 1


def test_the_row_of_another_lease_of_the_device_is_none_of_this_one() -> None:
    earlier = LEASES[0]._replace(granted_s=LEASES[0].granted_s - 1)
    others = [event for event in every(1006.0) if event["device"] != earlier.device]
    assert figures([*others, *(acked(earlier, cfm, 1006.0) for cfm in CFMS)])["missing_rows"] == 1


def test_other_events_and_cfms_count_for_nothing() -> None:
    unacked = [event | {"event": "lease.unacked"} for event in every(1001.0)]
    strange = [event | {"cfm": "cfm-3"} for event in every(1001.0)]
    assert figures([*unacked, *strange])["missing_rows"] == 3


def test_a_row_that_was_acked_twice_came_when_it_came_first() -> None:
    assert figures([*every(1005.0), *every(1009.0)])["rows_s"] == 0.5


def test_the_rate_is_that_from_the_start_until_the_last_row() -> None:
    # From second 3 of the load to second 10, 3.2 + 4.5 + 1.5: seven seconds, in one of which nothing came.
    by = (*range(10, 60, 10), 50, *range(60, 200, 10))
    assert figures(every(1006.0), LoadFigures(10.0, 200, by))["rate_vs_alone"] == 0.857


def test_a_load_that_was_over_before_gives_no_rate() -> None:
    assert figures(every(1006.0), LoadFigures(10.0, 50, (10, 20, 30, 40, 50)))["rate_vs_alone"] is None
    assert figures(every(1006.0), alone=LoadFigures(0.0, 0))["rate_vs_alone"] is None


def test_a_resync_longer_than_kea_was_alone_is_compared_with_all_of_that() -> None:
    assert figures(every(1006.0), alone=LoadFigures(10.0, 30, (10, 20, 30)))["rate_vs_alone"] == 1.0
