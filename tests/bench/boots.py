"""CPU per boot of a plant in full storm, against CPU per session of a bare TFTP loop under the same plant."""

from pathlib import Path

from services.lab.baseline.comparison import bare_cpu_per_session, cpu_per_boot
from services.lab.orchestrator import Watcher
from services.lab.plant.plants import plant_name
from services.lab.run import running
from services.lab.script.script import Script
from services.lab.site.journal import read_journal
from tests.bench.figure import Figure, alternate, ratios

BOOTS = 10_000
IN_FLIGHT = 2000
ALTERNATIONS = 7
SETTINGS = Path(__file__).parents[2] / "deploy/settings/lab.yaml"


def boot_figures() -> list[Figure]:
    """Whole runs of the lab in alternation with the bare loop."""
    sizes: list[int] = []
    boots, bare, stateless = alternate(
        lambda: _cpu_per_boot(sizes),
        lambda: bare_cpu_per_session("rfc1350", max(sizes), BOOTS, IN_FLIGHT),
        lambda: bare_cpu_per_session("stateless", max(sizes), BOOTS, IN_FLIGHT),
        rounds=ALTERNATIONS,
    )
    return [
        Figure(
            "cpu_per_boot_vs_bare_tftp",
            ratios(boots, bare),
            "≤ 2.0",
            f"CPU of sidecars and CFM per boot / of a bare RFC 1350 loop per session, {BOOTS} boots each",
        ),
        Figure(
            "cpu_per_boot_vs_stateless_tftp",
            ratios(boots, stateless),
            "",
            "the same / a loop that answers datagrams and remembers nothing",
        ),
        Figure("cpu_per_boot_ms", [one * 1e3 for one in boots], "", "CPU of sidecars and CFM per boot, ms"),
        Figure(
            "cpu_bare_tftp_ms",
            [one * 1e3 for one in bare],
            "",
            "CPU of the bare RFC 1350 loop per session, ms",
        ),
    ]


def _cpu_per_boot(sizes: list[int]) -> float:
    scenario = Script(
        name="bench", modems=BOOTS, cfms=1, in_flight_max=IN_FLIGHT, deadline_s=120, settings=SETTINGS
    )
    with running(scenario, "bus", "embedded", Watcher()) as lab:
        report = lab.run()
        events = read_journal(lab.site.journal(plant_name(1)))
        sizes += [event["bytes"] for event in events if event["event"] == "completed"]
    assert report["failed"] == 0, report
    assert report["ledger"]["clean"], report
    return cpu_per_boot(report)
