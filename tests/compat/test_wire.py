"""What either release writes, the other reads, and it means the same to both."""

from typing import Any

import pytest

from tests.compat.baseline import BaselineTree
from tests.compat.programs import wiring

OF_REPLICAS = "provbus.config."
"""So begin the messages by which members of a group fetch the settings from each other. They are a machine's
own (`bus.transport.multicast.replica`), and no program could write or read one without it.
"""


@pytest.fixture(scope="module")
def written(baseline: BaselineTree) -> dict[str, dict[str, str]]:
    """All messages, as either release writes them."""
    (theirs,) = baseline.answers("wiring", [{"write": True}])
    return {"ours": wiring.write(), "theirs": theirs}


def test_the_baseline_reads_the_same_in_our_messages_as_in_its_own(
    baseline: BaselineTree, written: dict[str, dict[str, str]]
) -> None:
    theirs, ours = baseline.answers("wiring", [{"read": written["theirs"]}, {"read": written["ours"]}])
    assert theirs.keys() <= ours.keys()
    assert {kind: ours[kind] for kind in theirs} == theirs


def test_we_read_in_a_message_of_the_baseline_all_that_it_reads_itself(
    baseline: BaselineTree, written: dict[str, dict[str, str]]
) -> None:
    (theirs,) = baseline.answers("wiring", [{"read": written["theirs"]}])
    ours = wiring.read(written["theirs"])
    assert {kind: unsaid(theirs[kind], ours[kind]) for kind in theirs} == dict.fromkeys(theirs, "")


def test_every_type_of_the_baseline_is_written_and_proven_as_its_class_is(baseline: BaselineTree) -> None:
    (wanted,) = baseline.answers("wiring", [{"types": True}])
    read = wiring.read(wiring.write())
    said = {
        one["type"]: one
        for kind, one in read.items()
        if kind.startswith(("topic", "datagram", "cfm", "dhcp"))
    }
    assert [one for one in wanted if one not in said and not one.startswith(OF_REPLICAS)] == []
    signed = {name.split(".")[1] for name, one in said.items() if one["signed"]}
    certified = {name.split(".")[1] for name, one in said.items() if one["writer"]}
    assert (signed, certified) == ({"heartbeat", "failover", "config"}, {"failover"})
    sealed, opened = said["provbus.config.catalogue.v1"]["data"]
    assert (sealed, "a secret" in str(opened)) == ("09", True)


@pytest.mark.parametrize(
    ("less", "more", "said"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, ""),
        ({"a": {"b": [1, {"c": 2}]}}, {"a": {"b": [1, {"c": 2, "d": 3}]}}, ""),
        ({"a": 1, "b": 2}, {"a": 1}, "b: None is not 2"),
        ({"a": {"b": 1}}, {"a": {"b": 2}}, "a.b: 2 is not 1"),
        ({"a": [1, 2]}, {"a": [1]}, "a: [1] is not [1, 2]"),
        ({"a": True}, {"a": 1}, "a: 1 is not True"),
    ],
)
def test_what_is_left_unsaid_is_found(less: Any, more: Any, said: str) -> None:
    assert unsaid(less, more) == said


def unsaid(less: Any, more: Any, place: str = "") -> str:
    """What stands in the one and not in the other, which may have more fields; empty if nothing does."""
    if isinstance(less, dict) and isinstance(more, dict):
        found = (unsaid(one, more.get(key), f"{place}.{key}".lstrip(".")) for key, one in less.items())
    elif isinstance(less, list) and isinstance(more, list) and len(less) == len(more):
        found = (unsaid(*both, f"{place}[{at}]") for at, both in enumerate(zip(less, more, strict=True)))
    else:
        is_same = less == more and isinstance(less, bool) == isinstance(more, bool)
        return "" if is_same else f"{place}: {more} is not {less}"
    return next(filter(None, found), "")
