"""An instance that is started on a catalogue that a CMTS would reject says so, and serves it as before."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.lab_run import SCENARIOS, run_lab
from tests.unit.docsis.judge.test_rules import CHANGES, GOOD

pytestmark = pytest.mark.soak

LAB_SETTINGS = SCENARIOS.parent / "settings" / "lab.yaml"
SAID = {"degraded": "settings that every CMTS takes (classes.wrong-0.body"}
EVERYBODY = ["dhcp-1", "mps-1", "cfm-1", "cfm-2"]


def settings() -> dict[str, Any]:
    """The lab's catalogue, and a class for every mistake that the judge knows."""
    found: dict[str, Any] = yaml.safe_load(LAB_SETTINGS.read_text())
    changes = [change for every in CHANGES.values() for change in every]
    for number, change in enumerate(changes):
        body = deepcopy(GOOD)
        change(body)
        found["classes"][f"wrong-{number}"] = {"kind": "cm", "body": body}
    return found


def test_it_warns_and_serves_from_the_topic_and_from_the_disk(
    environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "settings.yaml").write_text(yaml.safe_dump(settings()))
    scenario = {
        "name": "judged",
        "modems": 12,
        "mtas": 2,
        "cfms": 2,
        "boot_window_s": 1,
        "deadline_s": 60,
        "settings": str(tmp_path / "settings.yaml"),
        "steps": [
            {"says": {"names": EVERYBODY, **SAID}},
            {"boot": None},
            {"stop": EVERYBODY},
            {"mode": "multicast"},  # without a topic: what they have is the copy on the disk
            {"start": EVERYBODY},
            {"says": {"names": EVERYBODY, **SAID}},
            {"boot": None},
        ],
        "expect": {"boots": 2, "reasons_said": 8},
    }
    path = tmp_path / "judged.yaml"
    path.write_text(yaml.safe_dump(scenario))
    run_lab(environment, path, 12)
