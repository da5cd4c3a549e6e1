"""The insider of a run: a process with the rights of one CFM, and the count of its forgeries at both ends."""

import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

import yaml

from bus.fleet.trust import REASONS
from services.lab.faults.insider.forgery import UNPROVEN_RECORD
from services.lab.faults.insider.insider import ACKS
from services.lab.network.addresses import INSIDER_ADDRESS
from services.lab.network.run_network import free_endpoints
from services.lab.site.lab import Answers, Lab, Part
from services.lab.site.processes import Process, ask
from services.lab.site.scenario import InsiderPlan
from services.lab.site.scrape import scraped
from services.lab.site.site import INSIDER, Instance

COUNTED_S = 15.0  # an instance that is busy with modems reads the last forgeries some seconds later
PAGE_S = 1.1  # a page is kept for a second
IMPOSTOR = "impostor"
DATAGRAMS = {
    "unproven": "unanswered",
    "impostor": IMPOSTOR,
    "stranger": "stranger",
    "late": "late",
    "replayed": "replayed",
}
"""Why a datagram is refused for its speaker, and what the report calls that."""
OF_THE_NODE = ("fleet", "transport", "kafka", "multicast")


class Insiders(Part):
    """He forges from the first boot on until the last one is over. The report has in `sent` his forgeries by
    kind, in `counted` those that every instance refused, by reason, and in `missed` the most that one
    instance did not count; `told_elsewhere` devices were told a server that is no CFM of ours, `halted`
    sidecars stand in HALT, and `foreign_generations` instances have settings in force that are not ours.
    """

    def __init__(self, plan: InsiderPlan) -> None:
        self._plan = plan
        self._process: Process | None = None
        self._told: dict[str, Any] = {}
        self._before: dict[str, Counter[str]] = {}
        self._figures: dict[str, Any] = {}
        self._generation = 0

    def begin(self, lab: Lab) -> None:
        """Start him, and read what was counted before."""
        self._generation = max(one["generation"] for one in lab.instances.answers())
        self._process = lab.ready_module("insider", "lab", "faults.insider.program", _config(lab, self._plan))
        self._before = {one.name: counted(one) for one in lab.site.instances.values()}

    def boot(self, lab: Lab) -> None:
        """Forge."""
        self._running.say("go")

    def finish(self, lab: Lab, plant: Answers) -> None:
        """End it, and wait until all instances have counted what they were sent."""
        self._running.say("end")
        lab.wait_for(self._untold, COUNTED_S)
        deadline = time.monotonic() + COUNTED_S
        found = self._since(lab)
        while (missed := self._missed(lab.site.mode, found)) and time.monotonic() < deadline:
            time.sleep(PAGE_S)
            found = self._since(lab)
        ours = {cfm.address for cfm in lab.site.cfms()}
        answers = lab.instances.answers(earlier=False)
        states = [str(one["failover"].get("state", "")) for one in answers]
        self._figures = {
            "sent": self._told["sent"],
            "counted": _summed(found),
            "missed": missed,
            "told_elsewhere": sum(
                event["event"] == "leased" and event["server"] not in ours for event in plant
            ),
            "halted": sum(state.startswith("halt") for state in states),
            "foreign_generations": sum(one["generation"] != self._generation for one in answers),
        }

    def report(self, lab: Lab, answers: Answers) -> Mapping[str, Any]:
        """His figures."""
        return {"insider": self._figures}

    @property
    def _running(self) -> Process:
        assert self._process is not None
        self._process.check()
        return self._process

    def _untold(self) -> str:
        for line in self._running.lines(0.0):
            self._told |= line
        return "" if "sent" in self._told else "the insider does not say what he sent"

    def _missed(self, mode: str, counted_by: Mapping[str, Counter[str]]) -> int:
        """The most that one instance has not counted. Acks are counted by all minters together, and in a
        group a datagram may be refused before anybody sees what is in it.
        """
        found = [*counted_by.values()]
        reasons: Mapping[str, int] = self._told["reasons"]
        acks = sum(counts[ACKS] for counts in found)
        missed = max(0, reasons[ACKS] - acks)
        others = {reason: sent for reason, sent in reasons.items() if reason != ACKS}
        if mode == "bus":
            return missed + sum(
                max(0, *(sent - counts[reason] for counts in found if reason in counts))
                for reason, sent in others.items()
            )
        refusals = {*REASONS, *DATAGRAMS.values()} - {IMPOSTOR}  # whose answers to nonces come on top
        fewest = min(sum(counts[one] for one in refusals) for counts in found)
        return missed + max(0, sum(others.values()) - fewest)

    def _since(self, lab: Lab) -> dict[str, Counter[str]]:
        now = {one.name: counted(one) for one in lab.site.instances.values()}
        for name, counts in now.items():
            counts.subtract(self._before[name])
        return now


def _summed(found: Mapping[str, Counter[str]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for counts in found.values():
        total.update(counts)
    return {reason.replace("-", "_"): count for reason, count in sorted(total.items())}


def counted(one: Instance) -> Counter[str]:
    """The messages that an instance has refused, by reason. An ack for a frame that has ended is late: which
    CFM it came from does not matter any more.
    """
    found: Counter[str] = Counter()
    for (name, labels), value in scraped(one).items():
        label = dict(labels)
        if name == "provbus_unproven_total":
            found[label["reason"]] += int(value)
        elif name == "provbus_multicast_datagrams_total" and label["reason"] in DATAGRAMS:
            found[DATAGRAMS[label["reason"]]] += int(value)
        elif name == "provbus_role_records_unproven_total":
            found[UNPROVEN_RECORD] += int(value)
        elif name == "provbus_handoff_events_total" and label["event"] in ("unasked_acks", "late_acks"):
            found[ACKS] += int(value)
    return found


def _config(lab: Lab, plan: InsiderPlan) -> dict[str, Any]:
    """The configuration of the insider; he has the same as any CFM, and reads the role log as all do."""
    site = lab.site
    keys = site.directory / "keys"
    cfm = site.cfms()[0]
    node = {key: value for key, value in yaml.safe_load(cfm.config.read_text()).items() if key in OF_THE_NODE}
    node |= {
        "instance": INSIDER,
        "key": str(keys / "curve" / f"{INSIDER}.key"),
        "signing_key": str(keys / "sign" / f"{INSIDER}.key"),
        "state_directory": str(site.state_directory(INSIDER)),
        "local": {"socket": str(site.directory / f"{INSIDER}.sock")},
    }
    node["multicast"]["address"] = INSIDER_ADDRESS
    path = site.directory / f"{INSIDER}.yaml"
    path.write_text(yaml.safe_dump(node))
    (listen,) = free_endpoints([INSIDER_ADDRESS])
    return {
        "node": str(path),
        "listen": listen,
        "catalogue": str(site.state_directory(cfm.name) / "catalogue.json"),
        "claims": [(role, claim["epoch"], claim["claim_id"]) for role, claim in _roles(lab, cfm).items()],
        "rate_per_s": plan.rate_per_s,
    }


def _roles(lab: Lab, cfm: Instance) -> Mapping[str, Any]:
    """The holders of the roles, in the words of a CFM, which may need a moment to hear of one. A group has no
    log for which to forge records.
    """
    found: dict[str, Any] = {}
    if lab.site.mode == "multicast":
        return found

    def untold() -> str:
        status = ask(cfm.socket, {"op": "status"}) or {"failover": {}}
        roles = status["failover"].get("roles", {})
        found.update({role: claim for role, claim in roles.items() if claim["holder"]})
        return "" if found else f"{cfm.name} tells of no holder of a role"

    lab.wait_for(untold, COUNTED_S)
    return found
