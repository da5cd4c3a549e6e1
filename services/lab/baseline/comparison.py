"""The least cost of a boot: CPU per session of a bare TFTP loop, under the plant of the lab.

The plant, the host's stand-in and the pace are those of a run through provbus. But the host is told the same
server and a meaningless name for every device, and at that server a bare loop serves one constant file to
all. It is an adapter's file, because every adapter accepts the same file; its size is that of the cable
modems' files in the run it is compared with.
"""

import json
import tempfile
from collections.abc import Callable, Mapping
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from bus.errors import UnavailableError
from services.docsis.text.template import compile_template
from services.lab.network.addresses import HOST_ADDRESS, POOLS, RELAY_ADDRESS
from services.lab.network.run_network import free_port
from services.lab.plant.plants import plant_name
from services.lab.site.journal import read_journal
from services.lab.site.processes import Process, stop_all, wait_until
from services.lab.site.site import Site

SERVER = "127.0.0.11"
MARKER = "constant"
DEADLINE_S = 120.0
SERVICES = ("dhcp", "mps", "cfm")


def compare(site: Site, report: Mapping[str, Any], say: Callable[[str], None]) -> dict[str, float]:
    """The report's figures of CPU per boot against the loop, if the scenario asks for them."""
    scenario = site.scenario
    if not scenario.bare_tftp:
        return {}
    say("the same plant against a bare TFTP loop")
    plant = read_journal(site.journal(plant_name(1)))
    size_bytes = max(event["bytes"] for event in plant if event["event"] == "completed")
    ours_s = cpu_per_boot(report)
    bare_s = bare_cpu_per_session("rfc1350", size_bytes, scenario.modems, scenario.in_flight_max)
    if not bare_s:  # below the resolution of the kernel's clock
        raise UnavailableError(f"{scenario.modems} modems are too few to measure a bare TFTP loop by")
    return {
        "cpu_per_boot_ms": round(ours_s * 1000, 4),
        "cpu_bare_tftp_ms": round(bare_s * 1000, 4),
        "cpu_per_boot_vs_bare_tftp": round(ours_s / bare_s, 3),
    }


def cpu_per_boot(report: Mapping[str, Any]) -> float:
    """CPU of sidecars and CFMs per device that came online in a run, in s."""
    cpu_s = sum(float(report["cpu_s"][group]) for group in SERVICES)
    return cpu_s / max(1, int(report["online"]))


def bare_cpu_per_session(kind: str, size_bytes: int, sessions: int, in_flight_max: int) -> float:
    """CPU in s of a bare loop per session of such a file; `kind` is one of `bare_tftp`."""
    processes: list[Process] = []
    with tempfile.TemporaryDirectory(prefix="provbus-bare-") as name:
        directory = Path(name)
        (directory / "file").write_bytes(_constant_file(size_bytes))
        try:
            bare = _start(kind, directory, processes, sessions, in_flight_max)
            before = bare.cpu_s()
            processes[-1].say("go")
            totals: list[dict[str, Any]] = []

            def is_done() -> bool:
                totals.extend(processes[-1].lines(0.1))
                return bool(totals) and "done" in totals[-1]

            wait_until(is_done, DEADLINE_S, "the plant of the bare loop", [bare])
            return (bare.cpu_s() - before) / max(1, int(totals[-1]["online"]))
        finally:
            stop_all(processes)


def _start(
    kind: str, directory: Path, processes: list[Process], sessions: int, in_flight_max: int
) -> Process:
    """Bare loop, constant sidecar, host and plant, in this order; returns the loop."""
    tftp_port, relay_port = free_port([SERVER]), free_port([RELAY_ADDRESS])
    host = [HOST_ADDRESS["mps-1"], free_port([HOST_ADDRESS["mps-1"]])]
    (directory / "secret").write_text("unused\n")
    (directory / "secret").chmod(0o600)
    files = {
        "host": {
            "service": "mps",
            "listen": host,
            "socket": str(directory / "mps.sock"),
            "journal": str(directory / "host.jsonl"),
            "pool": POOLS["mps"],
            "settings": [{"match": "pktc", "class": "constant"}],
        },
        "plant": {
            "modems": sessions,
            "mtas": sessions,
            "in_flight_max": in_flight_max,
            "deadline_s": DEADLINE_S,
            "relays": [[RELAY_ADDRESS, relay_port]],
            "dhcp": host,
            "mps": host,
            "tftp_port": tftp_port,
            "secret_file": str(directory / "secret"),
            "journal": str(directory / "plant.jsonl"),
            "mta_marker": MARKER,
        },
    }
    for name, data in files.items():
        (directory / f"{name}.json").write_text(json.dumps(data))
    for module, *arguments in (
        ("baseline.bare_tftp", kind, directory / "file", SERVER, tftp_port),
        ("baseline.constant_sidecar", directory / "mps.sock", SERVER),
        ("hosts.process", directory / "host.json"),
        ("plant.process", directory / "plant.json"),
    ):
        process = Process(module, "bare", ["-m", f"services.lab.{module}", *map(str, arguments)], directory)
        processes.append(process)
        while not process.is_ready(1.0):
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
