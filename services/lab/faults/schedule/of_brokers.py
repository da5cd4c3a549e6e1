"""Faults of brokers: killed, standing still, or without room. The primary must keep its role through those.

To start a broker takes seconds, so that is done in a thread, and the lab goes on to read its plant's lines. A
question for the leaders takes a moment, or, while nobody answers, up to 2 s of the lab's time.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event, Thread

from bus.routes import route
from services.brokers.properties import NODES
from services.brokers.state import data_path
from services.lab.faults.kafka.remake import leader_of
from services.lab.network.small_disk import fill, make_room
from services.lab.site.lab import Lab

WATCH_EVERY_S = 0.05

Choice = Callable[[int], Sequence[int]]
"""Chooses the brokers to hit, by the number of the one that leads the role log."""


def leader(number: int) -> list[int]:
    """The leader."""
    return [number]


def follower(number: int) -> list[int]:
    """A follower: the next one after the leader."""
    return [number % NODES + 1]


def two(number: int) -> list[int]:
    """The leader and a follower."""
    return [number, *follower(number)]


def everybody(_: int) -> list[int]:
    """All."""
    return [*range(1, NODES + 1)]


class OfBrokers:
    """The brokers that are hit, chosen when it is done. It costs no role."""

    costs_role = False

    def __init__(self, lab: Lab, choose: Choice) -> None:
        self.lab = lab
        self.choose = choose
        self._worker: Thread | None = None
        self.failed = ""

    def victim(self) -> str | None:
        """The numbers of the chosen brokers; None while nobody leads."""
        self.failed = ""
        number = led_by(self.lab)
        return None if number is None else " ".join(map(str, self.choose(number)))

    def lacks(self, victim: str) -> str:
        """All run, and all partitions have all copies in sync."""
        if self.is_busy():
            return f"broker {victim} is being seen to"
        if self.failed:
            return self.failed
        living = self.lab.brokers.own().living()
        return self.lab.brokers.out_of_sync() if len(living) == NODES else f"of the brokers {living} run"

    def is_busy(self) -> bool:
        """Whether something is under way in the background."""
        return self._worker is not None and self._worker.is_alive()

    def in_background(self, work: Callable[[], None]) -> None:
        """Do this in a thread, after what is under way there; a failure is what is missing then."""
        former = self._worker

        def run() -> None:
            if former is not None:
                former.join()
            try:
                work()
            except Exception as error:
                self.failed = str(error) or type(error).__name__

        self._worker = Thread(target=run, name="broker-fault")
        self._worker.start()


class KillBrokers(OfBrokers):
    """Kill -9, and start them again with their data. Where the leader alone is killed, `leader_back_s_max` is
    the longest time until the role log had another one.
    """

    def __init__(self, lab: Lab, choose: Choice) -> None:
        super().__init__(lab, choose)
        self._ended = Event()

    def begin(self, victim: str) -> None:
        """Kill them."""
        killed, since = numbers(victim), time.monotonic()
        self.lab.brokers.own().kill(killed)
        self.lab.count("broker_kills", len(killed))
        if self.choose is leader:
            self._ended = Event()
            Thread(target=self._watch, args=(killed[0], since, self._ended), daemon=True).start()

    def end(self, victim: str) -> None:
        """Start them again."""
        self._ended.set()
        self.in_background(lambda: self.lab.brokers.own().start(numbers(victim)))

    def _watch(self, killed: int, since: float, ended: Event) -> None:
        while not ended.wait(WATCH_EVERY_S):
            if led_by(self.lab) not in (None, killed):
                self.lab.longest("leader_back_s_max", time.monotonic() - since)
                return


class SuspendBrokers(OfBrokers):
    """SIGSTOP: they stand still, and their connections stay open."""

    def begin(self, victim: str) -> None:
        """Have them stand still."""
        self.lab.brokers.own().signal(numbers(victim), signal.SIGSTOP)

    def end(self, victim: str) -> None:
        """Let them go on."""
        self.lab.brokers.own().signal(numbers(victim), signal.SIGCONT)


class FillDisk(OfBrokers):
    """No room is left on their disks. At the end there is, and those that have ended are started again:
    `brokers_ended_for_room`.
    """

    def begin(self, victim: str) -> None:
        """Fill them, which takes a moment."""
        self.in_background(lambda: self._each(victim, fill))

    def end(self, victim: str) -> None:
        """Make room."""
        self.in_background(lambda: self._each(victim, make_room))

    def lacks(self, victim: str) -> str:
        """As of all brokers; those that are down are started, at whatever moment they ended."""
        if self.is_busy() or self.failed:
            return super().lacks(victim)
        own = self.lab.brokers.own()
        ended = [number for number in numbers(victim) if number not in own.living()]
        if ended:
            self.lab.count("brokers_ended_for_room", len(ended))
            self.in_background(lambda: own.start(ended))
        return super().lacks(victim)

    def _each(self, victim: str, do: Callable[[Path], None]) -> None:
        for number in numbers(victim):
            do(data_path(self.lab.brokers.own().directory, number))


def numbers(victim: str) -> list[int]:
    """The numbers of brokers in the name of a victim."""
    return [*map(int, victim.split())]


def led_by(lab: Lab) -> int | None:
    """The number of the broker that leads the role log; None if nobody does, or nobody says so."""
    topic = route("failover").topic
    assert topic is not None
    return leader_of(lab.brokers.settings, topic)
