"""The attackers of a run: a process of their own, with names minted for them as bait."""

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

from bus.device import device_text
from bus.errors import UnavailableError
from services.lab.site.addresses import BAIT_NETWORK, POOLS, STRANGERS_NETWORK
from services.lab.site.lab import Answers, Lab, Part
from services.lab.site.processes import Process, ask, wait_until
from services.lab.site.scenario import AttackPlan
from services.lab.site.site import Site

BAITS = 100
ATTACKERS = 64  # strangers, and as many neighbours of modems
END_S = 30.0


class Attackers(Part):
    """They flood the CFMs from the first boot on, and report their totals at the end."""

    def __init__(self, plan: AttackPlan) -> None:
        self._plan = plan
        self._process: Process | None = None
        self._totals: dict[str, Any] = {}

    def begin(self, lab: Lab) -> None:
        """Have names minted, and start."""
        config = attack_config(lab.site, self._plan)
        self._process = lab.ready_module("attack", "lab", "faults.attack", config)

    def boot(self, lab: Lab) -> None:
        """Attack."""
        assert self._process is not None
        self._process.say("go")

    def finish(self, lab: Lab, plant: Answers) -> None:
        """Wait for their totals."""
        wait_until(self._is_over, END_S, "the end of the attack", [])

    def report(self, lab: Lab, answers: Answers) -> Mapping[str, Any]:
        """Their totals."""
        return {"attack": self._totals}

    def _is_over(self) -> bool:
        assert self._process is not None
        for line in self._process.lines(0.1):
            self._totals = {key: value for key, value in line.items() if key != "done"}
        return bool(self._totals)


def attack_config(site: Site, plan: AttackPlan) -> dict[str, Any]:
    """The configuration of the attackers, with names minted for them; `UnavailableError` if refused."""
    owners = [f"{BAIT_NETWORK}.{number}" for number in range(1, BAITS + 1)]
    baits = [mint(site.instances["dhcp-1"].socket, owner) for owner in owners]
    pool = IPv4Network(POOLS["dhcp"])
    networks = max(1, site.scenario.modems // 256)
    return {
        "rate_per_s": plan.rate_per_s,
        "duration_s": plan.duration_s,
        "seed": site.scenario.seed,
        "baits": [
            (bait["file"], owner, bait["next_server"]) for bait, owner in zip(baits, owners, strict=True)
        ],
        "servers": [cfm.address for cfm in site.cfms()],
        "tftp_port": site.tftp_port,
        "strangers": [f"{STRANGERS_NETWORK}.{number}" for number in range(1, ATTACKERS + 1)],
        "neighbours": [str(pool[256 * (at % networks) + 1 + at]) for at in range(ATTACKERS)],
    }


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
