"""The lab with a real Kea in front: nobody asks provbus, and every device gets its file.

Where a sidecar is killed, a device that gets its lease meanwhile reads before its row is there. How many of
these ask twice depends on how long a process takes to start, so those tests count no second tries.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration.lab_run import SCENARIOS, deployed, run_lab, written
from tests.requirement import need_kea

pytestmark = pytest.mark.soak

Derive = Callable[..., Path]


@pytest.fixture(scope="module", autouse=True)
def programs() -> None:
    need_kea(os.environ)


@pytest.fixture
def derive(tmp_path: Path) -> Derive:
    """Writes a deployed scenario anew: keywords replace what it says, those of `kea` what it says of Kea."""

    def write(name: str, *, kea: dict[str, Any], **changes: Any) -> Path:
        said = deployed(name)["kea"]
        config = str(SCENARIOS / said["config"])
        return written(tmp_path, name, kea=said | {"config": config} | kea, **changes)

    return write


def check_rows(report: dict[str, Any]) -> None:
    """Every lease was seen, and its row is at every CFM that Kea may name."""
    rows = report["kea_rows"]
    assert rows["seen"] >= report["kea"]["leases"] > 0
    assert rows["acked"] == rows["seen"]
    assert not any(rows[name] for name in ("unacked", "no_settings", "bad_settings", "shed"))


def test_one_name_for_all_through_clean_ups_and_a_killed_sidecar(
    environment: dict[str, str], derive: Derive
) -> None:
    report = run_lab(environment, derive("kea", boot_window_s=8, kea={"clean_up_s": 2}), 80)
    assert report["failed"] == 0
    assert (report["kea"]["names"], report["mtas"]) == ("class", 8)
    assert report["kea"]["clean_ups"] >= 1
    check_rows(report)
    assert report["kea_rows"]["seen"] > report["kea"]["leases"]  # the sidecar came back and looked around


def test_a_name_per_device_by_the_reservations_that_we_print(
    environment: dict[str, str], derive: Derive
) -> None:
    report = run_lab(environment, derive("kea-reservations", boot_window_s=8, kea={"clean_up_s": 2}), 60)
    assert report["failed"] == 0
    assert report["kea"]["names"] == "device"
    assert report["kea"]["clean_ups"] >= 1
    check_rows(report)


def test_a_reboot_with_the_lease_that_a_device_has_gets_the_file_again(environment: dict[str, str]) -> None:
    report = run_lab(environment, "kea-reboot", 40)
    assert report["failed"] == report["second_tries"] == 0
    assert report["kea"]["leases"] == report["ledger"]["read"] == 80
    check_rows(report)
    assert report["kea_rows"]["late"] <= report["kea"]["leases"] // 10


def test_load_by_keas_own_generator_is_followed(environment: dict[str, str], derive: Derive) -> None:
    load = {"rate_per_s": 100, "duration_s": 3}
    report = run_lab(
        environment,
        derive("kea-load", boot_window_s=3, kea={"perfdhcp": load}, expect={"kea.leases": {"min": 120}}),
        20,
    )
    assert report["failed"] == report["second_tries"] == 0
    assert report["kea"]["leases"] > 20 + 100
    assert report["kea"]["alone_per_s"] > 0
    assert report["kea"]["followed_vs_alone"] > 0
    check_rows(report)


def test_a_device_that_moves_takes_its_name_along_and_its_address_not(
    environment: dict[str, str], derive: Derive
) -> None:
    report = run_lab(environment, derive("kea-roaming", kea={}, boot_window_s=1), 20)
    assert report["failed"] == report["second_tries"] == 0
    assert report["kea"]["roaming"]["moves"] == 3 * 20
    assert report["kea"]["roaming"]["to_another_cmts"] > 0
    assert report["kea"]["leases"] == report["ledger"]["read"] == 4 * 20
    check_rows(report)


def test_a_sidecar_without_a_position_owes_a_row_for_each_lease_of_the_last_minute(
    environment: dict[str, str], derive: Derive
) -> None:
    load = {"rate_per_s": 200, "duration_s": 30, "alone_s": 3}
    steps = [
        {"stop": ["dhcp-1"]},
        {"forget": ["dhcp-1"]},
        {"kea_load": None},
        {"pause": 9},
        {"boot": {"meanwhile": [{"kea_old_leases": 50}, {"kea_clean_up": 20}, {"resync": {"watch_s": 5}}]}},
    ]
    scenario = derive(
        "kea-resync",
        kea={"leases": 20_000, "clean_up_s": 8, "perfdhcp": load},
        boot_window_s=3,
        read_delay_s=[11, 13],
        steps=steps,
        expect={"kea.resync.missing_rows": 0},
    )
    report = run_lab(environment, scenario, 20)
    assert report["failed"] == 0
    resync = report["kea"]["resync"]
    assert resync["leases"] > 1500
    assert resync["ready_s"] > 0
    assert resync["rows_s"] >= 0
    assert resync["rate_vs_alone"] > 0
    assert resync["rss_mib"] > 0
    assert report["kea"]["leases"] > resync["leases"]


def test_a_kea_that_answers_no_modem_is_not_stood_for_and_one_that_reloads_is(
    environment: dict[str, str], derive: Derive
) -> None:
    load = {"rate_per_s": 100, "duration_s": 12}
    small: dict[str, Any] = {"leases": 5000, "clean_up_s": 3, "perfdhcp": load}
    steps: list[dict[str, Any]] = [
        {"kea_stands_still": 10},
        {"kea_goes_mute": 10},
        {"promote": "dhcp-1"},
        {"boot": {"meanwhile": [{"kea_apply": {"for_s": 6, "interval_s": 1}}]}},
    ]
    expect = {"kea_takeovers": 2, "kea_role_changes": 0, "kea_applies": {"min": 2}}
    report = run_lab(environment, derive("kea-mute", kea=small, steps=steps, expect=expect), 20)
    assert report["failed"] == 0
    assert report["kea"]["followed_per_s"] > 0
