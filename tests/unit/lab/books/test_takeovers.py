"""The books of an election: each figure, made to be other than zero by one thing that goes wrong."""

from __future__ import annotations

from typing import Any

import pytest

from services.lab.books.takeovers import NEVER_S, Takeovers, account_takeovers, fenced_after_s
from services.lab.site.journal import TakenDown

A, B = "dhcp-1", "dhcp-2"


def granted(at: float, epoch: int, era: int = 0) -> dict[str, Any]:
    return {"event": "authority", "at": at, "role": "dhcp/lab", "era": era, "epoch": epoch, "may_act": True}


def ended(at: float) -> dict[str, Any]:
    return {"event": "authority", "at": at, "role": "dhcp/lab", "era": 0, "epoch": -1, "may_act": False}


def effect(at: float, epoch: int, era: int = 0) -> dict[str, Any]:
    token = {"role": "dhcp/lab", "era": era, "epoch": epoch}
    return {"event": "effect", "at": at, **token, "device": "", "address": ""}


def figures(*kills: TakenDown, **journals: list[dict[str, Any]]) -> Takeovers:
    return account_takeovers(kills, {A: journals.get("a", []), B: journals.get("b", [])})


def test_one_host_alone_has_no_takeover() -> None:
    alone = figures(a=[granted(1.0, 5), effect(1.1, 5), effect(9.0, 5)])
    assert alone == Takeovers(0, 0.0, 0.0, 0.0, 0, 0, 0)


def test_a_takeover_lasts_from_the_kill_until_another_may_act() -> None:
    found = figures(
        TakenDown(2.0, A), a=[granted(1.0, 5), effect(1.5, 5)], b=[granted(2.25, 9), effect(3.0, 9)]
    )
    assert found == Takeovers(1, 0.25, 0.25, 0.0, 0, 1, 0)


def test_takeovers_go_to_and_fro() -> None:
    found = figures(
        TakenDown(2.0, A),
        TakenDown(5.0, B),
        a=[granted(1.0, 5), effect(1.5, 5), granted(5.5, 12), effect(5.6, 12)],
        b=[granted(2.25, 9), effect(3.0, 9)],
    )
    assert found == Takeovers(2, 0.25, 0.5, 0.0, 0, 2, 0)


def test_one_that_comes_only_after_the_next_kill_is_none() -> None:
    found = figures(TakenDown(2.0, A), TakenDown(3.0, A), a=[granted(1.0, 5)], b=[granted(4.0, 9)])
    assert (found.takeovers, found.takeover_p50_s) == (1, 1.0)


def test_the_killed_host_itself_takes_nothing_over() -> None:
    found = figures(TakenDown(2.0, A), a=[granted(1.0, 5), granted(4.0, 9)])
    assert (found.takeovers, found.epoch_changes, found.spurious_failovers) == (0, 1, 0)


def test_the_kill_of_a_standby_is_no_takeover() -> None:
    found = figures(TakenDown(2.0, B), a=[granted(1.0, 5), effect(2.5, 5)])
    assert found.takeovers == 0


@pytest.mark.parametrize(("last_at", "overlap_ms"), [(2.0, 0.0), (2.9, 0.0), (3.2, 200.0), (4.0, 1000.0)])
def test_effects_overlap_from_the_new_epochs_first_to_the_old_ones_last(
    last_at: float, overlap_ms: float
) -> None:
    found = figures(a=[effect(1.0, 5), effect(last_at, 5)], b=[effect(3.0, 9), effect(4.0, 9)])
    assert found.overlap_ms == overlap_ms


def test_three_epochs_overlap_by_pairs() -> None:
    found = figures(
        a=[effect(1.0, 5), effect(4.0, 5), effect(3.5, 12), effect(6.0, 12)],
        b=[effect(3.0, 9), effect(3.75, 9)],
    )
    assert found.overlap_ms == 1000 * (0.75 + 0.5 + 0.25)


def test_the_right_alone_overlaps_with_nothing() -> None:
    """Whoever may act and does nothing harms nobody."""
    found = figures(a=[effect(1.0, 5), effect(4.0, 5)], b=[granted(2.0, 9)])
    assert (found.overlap_ms, found.stale_effects) == (0.0, 0)


def test_an_effect_after_another_hosts_newer_one_is_stale() -> None:
    found = figures(
        a=[effect(1.0, 5), effect(3.1, 5), effect(3.2, 5)],
        b=[effect(3.0, 9)],
    )
    assert found.stale_effects == 2


def test_an_older_epoch_of_the_same_host_is_not_stale() -> None:
    assert figures(a=[effect(1.0, 9), effect(2.0, 5)]).stale_effects == 0


def test_an_epoch_change_without_a_kill_is_spurious() -> None:
    found = figures(a=[granted(1.0, 5), ended(2.0)], b=[granted(2.5, 9)])
    assert (found.epoch_changes, found.spurious_failovers) == (1, 1)


def test_a_kill_explains_one_change_only() -> None:
    found = figures(TakenDown(2.0, A), a=[granted(1.0, 5), granted(3.0, 12)], b=[granted(2.5, 9)])
    assert (found.epoch_changes, found.spurious_failovers) == (2, 1)


def test_the_kill_of_somebody_else_explains_nothing() -> None:
    found = figures(TakenDown(2.0, B), a=[granted(1.0, 5)], b=[granted(2.5, 9)])
    assert found.spurious_failovers == 1


def test_an_epoch_seen_by_its_effects_alone_counts() -> None:
    found = figures(a=[effect(1.0, 5)], b=[effect(2.0, 9)])
    assert (found.epoch_changes, found.spurious_failovers) == (1, 1)


def test_an_epoch_of_a_later_era_is_the_later_one() -> None:
    one, other = (
        [granted(1.0, 9), effect(1.5, 9)],
        [granted(3.0, 5, era=1), effect(3.5, 5, era=1), effect(4.5, 5, era=1)],
    )
    found = figures(TakenDown(2.0, A), a=one, b=other)
    assert (found.takeovers, found.epoch_changes, found.stale_effects, found.overlap_ms) == (1, 1, 0, 0.0)
    found = figures(TakenDown(2.0, A), a=[*one, effect(4.0, 9)], b=other)
    assert (found.stale_effects, found.overlap_ms) == (1, 500.0)


def test_epochs_are_counted_anew_in_a_fresh_cluster() -> None:
    journals = {A: [granted(1.0, 9), effect(1.5, 9)], B: [granted(3.0, 5), effect(3.5, 5)]}
    stops = [TakenDown(2.0, A), TakenDown(2.0, B)]
    found = account_takeovers([], journals, stops, fresh_at=[2.5])
    assert (found.epoch_changes, found.stale_effects, found.overlap_ms, found.spurious_failovers) == (
        1,
        0,
        0.0,
        0,
    )
    assert account_takeovers([], journals, stops).stale_effects == 1


def test_a_sidecar_that_was_taken_down_explains_a_change_of_epoch() -> None:
    journals = {A: [granted(1.0, 5)], B: [granted(3.0, 9)]}
    assert account_takeovers([], journals).spurious_failovers == 1
    assert account_takeovers([], journals, downs=[TakenDown(2.0, A)]).spurious_failovers == 0
    assert account_takeovers([], journals, downs=[TakenDown(2.0, B)]).spurious_failovers == 1


def test_who_woke_is_fenced_by_its_own_next_word() -> None:
    def word(at: float, may_act: bool) -> dict[str, Any]:
        return {"event": "authority", "at": at, "may_act": may_act}

    acts, yields = word(1.0, True), word(10.25, False)
    assert fenced_after_s([acts, {"event": "effect", "at": 9.0}, yields], 10.0) == 0.25
    assert fenced_after_s([acts, word(4.0, False), word(30.0, True)], 10.0) == 0.0
    assert fenced_after_s([acts], 10.0) == NEVER_S
    assert fenced_after_s([acts, word(11.0, True)], 10.0) == NEVER_S
