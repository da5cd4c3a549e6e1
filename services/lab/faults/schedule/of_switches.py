"""Events of a schedule that are no faults: switches of the transport, and what operators do meanwhile; and
the fault of a process that is killed in the midst of a switch.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle, product
from typing import Any

from services.lab.site.journal import boottime_s
from services.lab.site.lab import Lab
from services.lab.site.processes import ask
from services.lab.site.readiness import not_ready

ASK_S = 1.0
ANSWER_S_MAX = 15.0
HALTED_S = 20.0  # without a step: it will not go on by itself
DOWN_S = 1.0
STEPS = ("hear", "send", "parity", "freeze", "begin", "move")


class Switches:
    """The switches of a run. Each is ordered at another sidecar, to the mode that is not in force."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._turns: Iterator[str] = cycle(one.name for one in lab.site.minters())
        self.at = ""
        self.plan: dict[str, Any] = {}
        self._began_at = 0.0
        self._last_era = 0

    def status(self, name: str) -> dict[str, Any] | None:
        """What this instance says of the transport; None if it does not answer."""
        return ask(self._lab.site.instances[name].admin_socket, {"op": "transport.status"}, ASK_S)

    def next_at(self) -> str | None:
        """The sidecar at which the next order is given, once everybody stands by one mode."""
        return None if self.differ() else next(self._turns)

    def differ(self) -> str:
        """Who stands elsewhere, or is in a switch, in a few words; empty if nobody is."""
        seen = {name: self.status(name) for name in self._lab.instances.up()}
        for name, one in seen.items():
            if one is None:
                return f"{name} does not answer"
            if not one["is_over"]:
                return f"{name} is at step {one['step']}"
        modes = {one["mode"] for one in seen.values() if one is not None}
        eras = {one["era"] for one in seen.values() if one is not None}
        return "" if len(modes) == len(eras) == 1 else f"modes {sorted(modes)}, eras {sorted(eras)}"

    def order(self, at: str) -> bool:
        """Give the order; whether it was taken."""
        status = self.status(at) or {"mode": ""}
        to = "bus" if status["mode"] == "multicast" else "multicast"
        socket = self._lab.site.instances[at].admin_socket
        answer = ask(socket, {"op": "transport.switch", "verb": "switch", "to": to}, ASK_S) or {}
        self.at, self.plan, self._began_at = at, answer, boottime_s()
        if "plan" not in answer:
            self._lab.count("switches_refused")
        return "plan" in answer

    def close(self, at: str) -> bool:
        """Close the former column; whether the order was taken."""
        socket = self._lab.site.instances[at].admin_socket
        answer = ask(socket, {"op": "transport.switch", "verb": "finish"}, ASK_S) or {}
        return "plan" in answer

    def both_heard(self) -> str:
        """Who hears both columns still."""
        for name in self._lab.instances.up():
            status = self.status(name)
            if status is None or len(status["hears"]) > 1:
                return f"{name} hears both columns"
        return ""

    def note_done(self) -> None:
        """Everybody is there: count it, and look at what came by which column."""
        lab, era = self._lab, int(self.plan["era"])
        lab.count("switches")
        lab.longest("switch_s_max", boottime_s() - self._began_at)
        lab.count("eras_increasing", int(era > self._last_era))
        self._last_era = era
        if not self.plan["quick"]:
            lab.count("parities_green")
            self._note_parity()

    def _note_parity(self) -> None:
        """The fewest messages that any instance got from any peer by both columns: of beats, and of rows or
        greetings.
        """
        for name in self._lab.instances.up():
            socket = self._lab.site.instances[name].admin_socket
            found = ask(socket, {"op": "transport.parity"}, ASK_S) or {"peers": {}}
            for classes in found["peers"].values():
                for traffic, one in classes.items():
                    figure = f"parity_min_{traffic}"
                    least = self._lab.figures.get(figure, one["both"])
                    self._lab.figures[figure] = min(least, one["both"])


class SwitchOver:
    """Switch to the other mode, and wait until everybody is there."""

    costs_role = False

    def __init__(self, lab: Lab, switches: Switches) -> None:
        self._switches = switches
        self._is_ordered = False

    def victim(self) -> str | None:
        """The sidecar at which it is ordered."""
        return self._switches.next_at()

    def begin(self, victim: str) -> None:
        """Order it."""
        self._is_ordered = self._switches.order(victim)

    def end(self, victim: str) -> None:
        """It ends by itself."""

    def lacks(self, victim: str) -> str:
        """Everybody must be there."""
        if not self._is_ordered:
            self._is_ordered = self._switches.order(victim)
            return "the order is not taken"
        if text := self._switches.differ():
            return text
        self._switches.note_done()
        return ""


class CloseColumn:
    """Close the column that lingers, so that the next switch has to prove the new one."""

    costs_role = False

    def __init__(self, lab: Lab, switches: Switches) -> None:
        self._lab = lab
        self._switches = switches
        self._is_ordered = False

    def victim(self) -> str | None:
        """Any sidecar."""
        return self._switches.next_at()

    def begin(self, victim: str) -> None:
        """Order it."""
        self._is_ordered = self._switches.close(victim)

    def end(self, victim: str) -> None:
        """It ends by itself."""

    def lacks(self, victim: str) -> str:
        """Nobody may hear both columns. The order is refused while a beat of somebody is still to come; and
        one that was taken may have found no time for an answer, so it is not given for ever.
        """
        text = self._switches.both_heard()
        if not text:
            self._lab.count("switches_finished")
        elif not self._is_ordered:
            self._is_ordered = self._switches.close(victim)
        return text


class ApplyMeanwhile:
    """Apply a catalogue with one more class: it must be answered, and come in force everywhere."""

    costs_role = False

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._wanted = 0

    def victim(self) -> str | None:
        """The first sidecar that runs."""
        up = self._lab.instances.up()
        return next((one.name for one in self._lab.site.minters() if one.name in up), None)

    def begin(self, victim: str) -> None:
        """Apply."""
        self._wanted = 0
        self._apply(victim)

    def end(self, victim: str) -> None:
        """Settings stay."""

    def lacks(self, victim: str) -> str:
        """It must have been taken, and be in force at every instance."""
        if not self._wanted:
            self._apply(victim)
            return "not applied yet"
        for name in self._lab.instances.up():
            status = ask(self._lab.site.instances[name].socket, {"op": "status"}, ASK_S) or {}
            if status.get("generation", -1) < self._wanted:
                return f"{name} has generation {status.get('generation')}"
        self._lab.count("applied")
        return ""

    def _apply(self, victim: str) -> None:
        socket = self._lab.site.instances[victim].admin_socket
        known = ask(socket, {"op": "settings", "reveal": True}, ASK_S) or {}
        if not known.get("classes"):
            return
        classes = {name: one for name, one in known["classes"].items() if not name.startswith("lab-")}
        classes[f"lab-{known['generation']}"] = next(iter(classes.values()))
        began_at = boottime_s()
        request = {"op": "settings.apply", "lookup": known["lookup"], "classes": classes}
        answer = ask(socket, request, ANSWER_S_MAX) or {}
        self._lab.longest("apply_s_max", boottime_s() - began_at)
        self._wanted = int(answer.get("generation", 0))


class KillInSwitch:
    """Kill one process at one step of a switch, each of both in turn, and start it again. The switch must end
    by itself, or halt in dual; whoever holds a role goes on.
    """

    costs_role = False

    def __init__(self, lab: Lab, switches: Switches) -> None:
        self._lab = lab
        self._switches = switches
        self._wanted = cycle(product(STEPS, [*lab.site.instances]))
        self._step = self._whom = ""
        self._killed_at = self._since = 0.0
        self._is_ordered = self._is_up = False
        self._last = ""

    def victim(self) -> str | None:
        """The sidecar at which the switch is ordered."""
        return self._switches.next_at()

    def begin(self, victim: str) -> None:
        """Order a switch."""
        self._step, self._whom = next(self._wanted)
        self._killed_at, self._is_up = 0.0, False
        self._is_ordered = self._switches.order(victim)
        self._since, self._last = boottime_s(), ""

    def end(self, victim: str) -> None:
        """The process is killed and started while the switch is watched."""

    def lacks(self, victim: str) -> str:
        """Everybody stands by one mode again, and is ready."""
        now = boottime_s()
        if not self._is_ordered:
            self._is_ordered = self._switches.order(victim)
            return "the order is not taken"
        if not self._killed_at:
            status = self._switches.status(victim) or {"step": "", "is_over": True}
            if status["step"] == self._step or (status["is_over"] and now > self._since + ASK_S):
                self._kill(now)
            return f"step {status['step']}, not {self._step}"
        if not self._is_up:
            if now >= self._killed_at + DOWN_S:
                self._lab.instances.start([self._whom])
                self._is_up, self._since = True, now
            return f"{self._whom} is down"
        return self._ended(victim, now)

    def _kill(self, now: float) -> None:
        self._lab.instances.kill([self._whom])
        self._killed_at = now
        self._lab.count("kills_in_switches")

    def _ended(self, victim: str, now: float) -> str:
        up = self._lab.instances.up()
        unready = (not_ready(self._lab.site.instances[one]) for one in up)
        text = self._switches.differ() or next(filter(None, unready), "")
        if text:
            if text != self._last:
                self._last, self._since = text, now
            if now >= self._since + HALTED_S:
                self._lab.count("switches_halted")
                self._abort()
                self._since = now
            return text
        status = self._switches.status(victim)
        is_there = status is not None and status["mode"] == self._switches.plan["to"]
        self._lab.count("switches" if is_there else "switches_rolled_back")
        return ""

    def _abort(self) -> None:
        for one in self._lab.site.minters():
            ask(one.admin_socket, {"op": "transport.switch", "verb": "abort"}, ASK_S)
