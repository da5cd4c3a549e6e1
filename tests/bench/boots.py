"""CPU per boot of a plant in full storm, against CPU per session of a bare TFTP loop under the same plant.

Both runs have the same modems, the same host stand-in and the same pace. In the second one the host is told
the same server and a name of no meaning for every device, and there the bare loop serves one constant file to
all. It is an adapter's file, because an adapter accepts what another one would; its size is that of the cable
modems' files in the first run.
"""

import json
import tempfile
from ipaddress import IPv4Address
from pathlib import Path

from services.docsis.template import compile_template
from services.lab.journal import read_journal
from services.lab.processes import Process, stop_all, wait_until
from services.lab.run import running
from services.lab.scenario import Scenario
from services.lab.site import HOST_ADDRESS, POOLS, RELAY_ADDRESS, free_port
from tests.bench.figure import Figure, alternate, ratios

BOOTS = 10_000
IN_FLIGHT = 400
ALTERNATIONS = 7
SERVER = "127.0.0.11"
MARKER = "constant"
SETTINGS = Path(__file__).parents[2] / "deploy/settings/lab.yaml"


def boot_figures() -> list[Figure]:
    """Whole runs of the lab in alternation with the bare loop."""
    sizes: list[int] = []
    boots, bare, stateless = alternate(
        lambda: _cpu_per_boot(sizes),
        lambda: _cpu_per_session("rfc1350", max(sizes)),
        lambda: _cpu_per_session("stateless", max(sizes)),
        rounds=ALTERNATIONS,
    )
    return [
        Figure(
            "cpu_per_boot_vs_bare_tftp",
            ratios(boots, bare),
            "≤ 2.5",
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
    scenario = Scenario(
        name="bench", modems=BOOTS, cfms=1, in_flight_max=IN_FLIGHT, deadline_s=120, settings=SETTINGS
    )
    with running(scenario, "bus", "embedded", lambda _: None) as lab:
        report = lab.finish(lab.boot(lambda _done, _total: None))
        events = read_journal(lab.site.journal("plant"))
        sizes += [event["bytes"] for event in events if event["event"] == "completed"]
    assert report["failed"] == 0, report
    assert report["ledger"]["clean"], report
    return float(sum(report["cpu_s"][group] for group in ("dhcp", "mps", "cfm"))) / BOOTS


def _cpu_per_session(kind: str, size_bytes: int) -> float:
    processes: list[Process] = []
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "file").write_bytes(_constant_file(size_bytes))
        try:
            bare = _start_bare_plant(kind, directory, processes)
            before = bare.cpu_s()
            processes[-1].say("go")
            totals: list[dict[str, object]] = []

            def is_done() -> bool:
                totals.extend(processes[-1].lines(0.1))
                return bool(totals) and "done" in totals[-1]

            wait_until(is_done, 120, "the plant of the bare loop", [bare])
            assert totals[-1]["online"] == BOOTS, totals[-1]
            return (bare.cpu_s() - before) / BOOTS
        finally:
            stop_all(processes)


def _start_bare_plant(kind: str, directory: Path, processes: list[Process]) -> Process:
    """Bare loop, constant sidecar, host and plant, in this order."""
    socket, tftp_port = directory / "mps.sock", free_port([SERVER])
    host, relay = (
        [HOST_ADDRESS["mps"], free_port([HOST_ADDRESS["mps"]])],
        [RELAY_ADDRESS, free_port([RELAY_ADDRESS])],
    )
    (directory / "secret").write_text("unused\n")
    (directory / "host.json").write_text(
        json.dumps({
            "service": "mps",
            "listen": host,
            "socket": str(socket),
            "journal": str(directory / "host.jsonl"),
            "pool": POOLS["mps"],
            "settings": [{"match": "pktc", "class": "constant"}],
        })
    )  # fmt: skip
    (directory / "plant.json").write_text(
        json.dumps({
            "modems": BOOTS,
            "mtas": BOOTS,
            "in_flight_max": IN_FLIGHT,
            "deadline_s": 120,
            "relay": relay,
            "dhcp": host,
            "mps": host,
            "tftp_port": tftp_port,
            "secret_file": str(directory / "secret"),
            "journal": str(directory / "plant.jsonl"),
            "mta_marker": MARKER,
        })
    )  # fmt: skip
    for module, *arguments in (
        ("tests.bench.bare_tftp", kind, directory / "file", SERVER, tftp_port),
        ("tests.bench.constant_sidecar", socket, SERVER),
        ("services.lab.host", directory / "host.json"),
        ("services.lab.plant", directory / "plant.json"),
    ):
        words = ["-m", module, *map(str, arguments)]
        process = Process(module, "bare", words, directory)
        processes.append(process)
        while not any("ready" in line for line in process.lines(1.0)):
            process.check()
    return processes[0]


def _constant_file(size_bytes: int) -> bytes:
    """A valid adapter's file of exactly this size, with `MARKER` in it."""
    for padding in range(size_bytes):
        text = MARKER + "x" * padding
        body = [{"snmp_set": {"oid": "1.3.6.1.2.1.1.6.0", "string": text}}]
        template = compile_template({"kind": "mta", "hash": "na", "body": body})
        file = template.build(b"", address=IPv4Address(0).packed, timestamp_s=0, secret=b"")
        if len(file) == size_bytes:
            return file
    raise AssertionError(f"no adapter's file has {size_bytes} bytes")
