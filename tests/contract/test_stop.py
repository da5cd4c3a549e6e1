"""The contract of every transport, its ends: a peer that goes, and a stop that leaves nothing behind."""

import os
import threading
import time

from bus.envelope import Envelope
from bus.errors import UnavailableError
from tests.contract.harness import Harness

CLOSE_S = 6.0  # a flush of 1 s, and threads that are joined, on a machine that runs two more of these


def close(harness: Harness) -> None:
    """Close, within the time that a stop may take."""
    closing = threading.Thread(target=harness.close, daemon=True)
    closing.start()
    closing.join(CLOSE_S)
    assert not closing.is_alive(), f"{harness.name} did not close within {CLOSE_S} s"


def footprint() -> tuple[set[str], dict[str, str]]:
    """The threads of this process, also those of C, and its file descriptors with what they are."""
    descriptors = {}
    for number in os.listdir("/proc/self/fd"):
        try:
            descriptors[number] = os.readlink(f"/proc/self/fd/{number}")
        except FileNotFoundError:
            pass  # the one that listed them
    return set(os.listdir("/proc/self/task")), descriptors


def wait_until_gone(before: tuple[set[str], dict[str, str]]) -> None:
    """Fail unless nothing is left that was not there before."""
    deadline = time.monotonic() + CLOSE_S
    while footprint() != before and time.monotonic() < deadline:
        pass  # a thread that was joined stays listed for a moment
    assert footprint() == before


def test_a_peer_that_is_gone_is_reported(shut: Harness) -> None:
    shut.delivery_s = 1.0
    shut.open()
    shut.meet()
    shut.break_peer()
    accepted: list[Envelope] = []
    refusals: list[UnavailableError] = []

    def is_reported() -> bool:
        envelope = shut.some(1)[0]
        try:
            shut.send(envelope)
            accepted.append(envelope)
        except UnavailableError as error:
            refusals.append(error)
        return bool(refusals or shut.undelivered)

    shut.until(is_reported, "the report of an unreachable peer")
    if shut.confirms:
        shut.until(lambda: len(shut.undelivered) >= len(accepted), "every message to come back")
        assert sorted(shut.undelivered) == sorted(accepted)
    close(shut)


def test_a_clean_stop_leaves_nothing_and_another_instance_starts_at_once(shut: Harness) -> None:
    before = footprint()
    for _ in range(2):
        shut.open()
        sent = shut.some(3)
        assert shut.exchange(sent) == [shut.expected(one) for one in sent]
        close(shut)
        wait_until_gone(before)


def test_a_stop_does_not_wait_for_a_peer_that_is_gone(shut: Harness) -> None:
    before = footprint()
    shut.open()
    shut.meet()
    shut.break_peer()
    for envelope in shut.some(10):
        try:
            shut.send(envelope)
        except UnavailableError:
            break
    close(shut)
    wait_until_gone(before)
