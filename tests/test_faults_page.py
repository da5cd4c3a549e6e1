"""The page of faults: none of the simulated ones is left out, and what it names is there."""

from typing import Any, get_args

from services.lab.site.scenario import OF_SWITCHES, FaultKind
from tests.docs_pages import faults
from tests.docs_pages.pages import DOCS

SCENARIOS = DOCS.parent / "deploy/scenarios"


def test_every_simulated_fault_has_a_twin_or_a_reason() -> None:
    assert faults.simulated() == [*faults.TWINS]
    for twin in faults.TWINS.values():
        assert twin.kinds or twin.scenarios or twin.why
        assert all((SCENARIOS / name).exists() for name in twin.scenarios)


def test_every_kind_of_a_schedule_is_the_twin_of_a_fault() -> None:
    named = {kind for twin in faults.TWINS.values() for kind in twin.kinds}
    assert named == {*get_args(FaultKind)} - OF_SWITCHES - {"apply-settings"}


def test_a_report_is_reduced_to_what_the_page_says() -> None:
    report: dict[str, Any] = {
        "online": 3,
        "failed": 0,
        "boots": 3,
        "duration_s": 9.6,
        "faults": [
            {"kind": "kill-host", "recovered_s": 1.0},
            {"kind": "kill-host", "recovered_s": None},
            {"kind": "host-spins", "recovered_s": None},
        ],
    }
    found = faults.reduced(report)
    assert found["figures"] == {"failed": 0}
    assert found["boots_took_s"] == 10
    assert found["kinds"]["kill-host"] == {
        "done": 2,
        "recovered": 1,
        "recovered_s_p50": 1.0,
        "recovered_s_max": 1.0,
    }
    assert found["kinds"]["host-spins"]["recovered"] == 0
