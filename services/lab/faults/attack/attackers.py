"""The attackers of a run: processes of their own, with names minted for them as bait."""

import json
import secrets
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

from bus.device import device_text
from bus.errors import UnavailableError
from bus.fleet.fleet import load_fleet, load_seal_keys
from fileid.row import pack
from fileid.seal import KEY_BYTES, Opener, Sealer, SealKey
from services.lab.books.audit_tap import AuditTap
from services.lab.network.addresses import (
    ABUSE_NETWORK,
    BAIT_NETWORK,
    POOLS,
    RELAY_ADDRESS,
    STRANGERS_NETWORK,
)
from services.lab.site.lab import Answers, Lab, Part
from services.lab.site.processes import Process, ask, wait_until
from services.lab.site.scenario import AttackPlan
from services.lab.site.site import Instance, Site

BAITS = 100
ATTACKERS = 64  # strangers, and as many neighbours of modems
SHARED_NAMES = ("residential.cm", "business.cm")
AGE_MS = 600_000  # of expired names
END_S = 30.0
_ABUSES = ("read.refused", "download.abandoned")

Minted = tuple[str, str, str]


class Attackers(Part):
    """They flood the CFMs from the first boot on, and report their totals at the end. `audit` tells how much
    of the audit stream is about reads that failed.
    """

    def __init__(self, plan: AttackPlan) -> None:
        self._plan = plan
        self._processes: list[Process] = []
        self._totals: dict[str, Any] = {}
        self._ended = 0
        self._tap: AuditTap | None = None

    def config(self, site: Site, one: Instance) -> Mapping[str, Mapping[str, Any]]:
        """CFMs that know names of classes of service."""
        return {"cfm": {"kea_names": [*SHARED_NAMES]}} if one.service == "cfm" else {}

    def begin(self, lab: Lab) -> None:
        """Have names minted, and start."""
        plan = self._plan
        config = attack_config(lab.site, plan)
        self._processes = [lab.ready_module("attack", "lab", "faults.attack.program", config)]
        if plan.pages_per_s:
            places = [cfm.http for cfm in lab.site.cfms()]
            flood = {"rate_per_s": plan.pages_per_s, "duration_s": plan.duration_s, "places": places}
            self._processes.append(lab.ready_module("pages", "lab", "faults.attack.page_flood", flood))
        if lab.brokers.bootstrap:
            self._tap = AuditTap(lab.brokers.settings)

    def boot(self, lab: Lab) -> None:
        """Attack."""
        for process in self._processes:
            process.say("go")

    def tick(self, lab: Lab) -> None:
        """Keep what came to the audit stream."""
        if self._tap is not None:
            self._tap.take()

    def finish(self, lab: Lab, plant: Answers) -> None:
        """Wait for their totals."""
        wait_until(self._is_over, END_S, "the end of the attack", [])

    def report(self, lab: Lab, answers: Answers) -> Mapping[str, Any]:
        """Their totals."""
        if self._tap is None:
            return {"attack": self._totals}
        self._tap.take()
        with self._tap:
            audit = _audited(self._tap.events(), self._plan.duration_s)
        return {"attack": self._totals | {"audit": audit}}

    def _is_over(self) -> bool:
        for process in self._processes:
            for line in process.lines(0.1):
                self._ended += "done" in line
                self._totals |= {key: value for key, value in line.items() if key != "done"}
        return self._ended == len(self._processes)


def _audited(events: Iterator[Mapping[str, Any]], duration_s: float) -> dict[str, float]:
    """The events about reads that failed, and what they are a second over the time of the attack."""
    abuses = [event for event in events if event["event"] in _ABUSES]
    size_bytes = sum(len(json.dumps(event)) for event in abuses)
    return {
        "events": len(abuses),
        "events_per_s": round(len(abuses) / duration_s, 1),
        "bytes_per_s": round(size_bytes / duration_s),
    }


def attack_config(site: Site, plan: AttackPlan) -> dict[str, Any]:
    """The configuration of the attackers, with names minted for them; `UnavailableError` if refused."""
    baits = [*_minted(site, BAIT_NETWORK, 1, BAITS)]
    pool = IPv4Network(POOLS["dhcp"])
    networks = max(1, site.scenario.modems // 256)
    neighbours = [str(pool[256 * (at % networks) + 1 + at]) for at in range(ATTACKERS)]
    return {
        "rate_per_s": plan.rate_per_s,
        "duration_s": plan.duration_s,
        "restarts_per_s": plan.restarts_per_s,
        "seed": site.scenario.seed,
        "baits": baits,
        "expired": [*_expired(site, baits)],
        "restarted": [*_minted(site, ABUSE_NETWORK, 1, plan.restarted)],
        "endless": [*_minted(site, ABUSE_NETWORK, 1 + plan.restarted, plan.endless)],
        "shared": SHARED_NAMES,
        "servers": [cfm.address for cfm in site.cfms()],
        "tftp_port": site.tftp_port,
        "strangers": [f"{STRANGERS_NETWORK}.{number}" for number in range(1, ATTACKERS + 1)],
        "neighbours": [RELAY_ADDRESS] if site.scenario.proxied else neighbours,
        "behind_proxy": site.scenario.proxied,
    }


def _minted(site: Site, network: str, first: int, count: int) -> Iterator[Minted]:
    """Names for so many addresses of a network."""
    for number in range(first, first + count):
        owner = f"{network}.{number}"
        answer = mint(site.instances["dhcp-1"].socket, owner)
        yield answer["file"], owner, answer["next_server"]


def _expired(site: Site, baits: list[Minted]) -> Iterator[Minted]:
    """The same names, as they would be if they had been minted long ago."""
    keys = site.directory / "keys"
    fleet = load_fleet(keys / "fleet.yaml")
    key = SealKey.of(*load_seal_keys(keys / "seal" / "dhcp-1.key", fleet, KEY_BYTES)[0])
    opener, sealer = Opener([key]), Sealer(key)
    for name, owner, server in baits:
        fields = opener.open(name.encode()).fields()
        old = fields._replace(minted_ms=fields.minted_ms - AGE_MS, serial=secrets.token_bytes(8))
        yield sealer.seal(pack(old), name.partition(".")[2]).name.decode(), owner, server


def mint(sidecar: Path, address: str) -> dict[str, Any]:
    """The answer to `fileid.create` for a device at this address; `UnavailableError` if refused."""
    request = {
        "op": "fileid.create",
        "device": device_text(b"\2\0" + IPv4Address(address).packed),
        "address": address,
        "settings": {"class": "residential", "customer": 1},
    }
    answer = ask(sidecar, request)
    if answer is None or not answer.get("acked"):
        raise UnavailableError(f"{sidecar} did not mint for {address}: {answer}")
    return answer
