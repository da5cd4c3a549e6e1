"""A CFM without descriptors, and state directories without room: small scenarios."""

import os
from pathlib import Path

import pytest

from tests.integration.lab_run import run_lab, written
from tests.requirement import need_namespaces

pytestmark = pytest.mark.soak

MODEMS = 20


def test_strangers_take_no_descriptor_that_matters(environment: dict[str, str], tmp_path: Path) -> None:
    steps = [
        {"stop": ["cfm-1"]},
        {"descriptors": {"names": ["cfm-1"], "limit": 512}},
        {"start": ["cfm-1"]},
        {"wait_ready": 30},
        {"crowd": {"at": "cfm-1", "strangers": 620}},
        {"says": {"names": ["cfm-1"], "degraded": "nobody new connects to the hand-off port"}},
        {"boot": None},
        {"end_crowd": "cfm-1"},
        {"boot": None},
    ]
    expected = {"boots": 2, "door_shuts": {"min": 1}, "strangers": {"min": 620}}
    path = written(tmp_path, "no-descriptors", steps=steps, expect=expected, boot_window_s=0.5)
    report = run_lab(environment, path, MODEMS)
    assert (report["local_unanswered"], report["http_unanswered"]) == (0, 0)
    assert min(report["local_answered"], report["http_answered"]) > 0
    assert report["minter_connections_lost"] == 0


def test_settings_are_applied_and_a_role_moves_on_full_disks(
    environment: dict[str, str], tmp_path: Path
) -> None:
    need_namespaces(os.environ)  # whoever may make one may mount
    steps = [
        {"stop": "all"},
        {"small_disks": {"names": "all", "kib": 512}},
        {"start": "all"},
        {"wait_ready": 30},
        {"fill": "all"},
        {"apply": None},
        {"says": {"names": "all", "degraded": "its copy of the settings"}},
        {"boot": None},
        {"room": ["cfm-2", "dhcp-1", "dhcp-2", "mps-1"]},
        {"pause": 1.5},
        {"kill_primary": None},
        {"says": {"names": ["cfm-1"], "degraded": "a disk for its fence"}},
        {"boot": None},
        {"room": ["cfm-1"]},
        {"settings_kept": 20},
        {"boot": None},
    ]
    expected = {"boots": 3, "disks_filled": 5, "applied": 1, "settings_kept": 1, "takeovers": 1}
    path = written(tmp_path, "disk-full", steps=steps, expect=expected, boot_window_s=0.5)
    report = run_lab(environment, path, MODEMS)
    assert (report["generation"], report["overlap_ms"], report["stale_effects"]) == (2, 0, 0)
