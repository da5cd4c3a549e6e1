"""How far the model goes: `SMALL` in every test run, `LARGE` with `make model`."""

from typing import NamedTuple


class Left(NamedTuple):
    """How often something may still happen."""

    restart: int = 0
    bury: int = 0
    release: int = 0
    promote: int = 0
    repeat: int = 0
    retain: int = 0
    cut: int = 0


class Bounds(NamedTuple):
    """How far a model goes. `records` is how many are never lost, with those of `lead_in`, from whose end on
    everything is explored; `#n` in it says which of the ways, the first being that nothing is lost. With
    `stalls` a node may let time pass and not do what is due. With `twins` the nodes are processes of one
    instance, as after a machine was cloned, and hear nothing of each other but the log. `must` says which
    actions are taken within these bounds, and whether the role changes hands ("takeover").
    """

    name: str
    nodes: int = 2
    acceptors: int = 0
    records: int = 4
    ticks: int = 12
    left: Left = Left()
    drifts: bool = False
    stalls: bool = False
    twins: bool = False
    lead_in: tuple[str, ...] = ()
    must: frozenset[str] = frozenset()


_BOTH = ("begin 0", "begin 1", "append 0", "append 0")
"""Nobody holds the role, and the probes of both are in the log."""

_HELD = ("begin 0", "append 0", "read 0", "append 0", "read 0", "begin 1", "read 1", "read 1")
"""Node 0 is active since this moment, and node 1 knows."""

_HELD_AWAKE = (
    *("begin 0", "wake 0", "append 0", "read 0", "wake 0", "append 0", "read 0", "wake 0"),
    *("begin 1", "read 1", "read 1"),
)
"""The same where a node may stall."""

_SILENT = (
    *_HELD,
    *("time 1", "append 0", "read 1"),
    *("time 1 #1", "time 1 #1", "time 1 #2", "append 0", "read 1"),
)
"""Node 0 has not read its first renewal, its others are lost, and node 1's probe is back."""

_PROMOTED = (*_HELD, "promote 1", "append 0", "read 1")
"""Node 1 claims without waiting for silence."""

_CLAIMED = _HELD[:3]
"""Node 0's claim is on its way."""

_RACE = frozenset({"append", "read", "time"})
_TAKEOVER = _RACE | {"takeover"}

SMALL = (
    Bounds("race", records=4, ticks=4, lead_in=_BOTH, must=_RACE),
    Bounds("takeover", records=4, ticks=9, lead_in=_HELD, must=_TAKEOVER),
    Bounds("late claim", records=3, ticks=7, lead_in=_CLAIMED, must=_RACE),
    Bounds("slow reader", records=5, ticks=7, drifts=True, lead_in=_SILENT, must=_TAKEOVER),
    Bounds(
        "release",
        records=5,
        ticks=2,
        left=Left(release=1, promote=1),
        lead_in=_HELD,
        must=_TAKEOVER | {"release", "promote"},
    ),
    Bounds(
        "restart",
        records=3,
        ticks=1,
        left=Left(restart=1, repeat=1),
        lead_in=_HELD[:1],
        must=_RACE | {"restart", "repeat", "begin"},
    ),
    Bounds(
        "burial",
        records=5,
        ticks=2,
        left=Left(bury=1),
        lead_in=_HELD,
        must=_TAKEOVER | {"bury"},
    ),
    Bounds(
        "fence",
        acceptors=1,
        records=5,
        ticks=0,
        left=Left(release=1, restart=1),
        lead_in=_HELD,
        must=_TAKEOVER - {"time"} | {"row", "acceptor begin", "acceptor read", "acceptor restart"},
    ),
    Bounds(
        "retention",
        acceptors=1,
        records=4,
        ticks=1,
        left=Left(restart=1, retain=3),
        lead_in=_HELD,
        must=_RACE | {"retain", "lose", "acceptor lose"},
    ),
    Bounds(
        "cut",
        nodes=1,
        acceptors=1,
        records=4,
        ticks=1,
        left=Left(restart=1, cut=1),
        must=_RACE | {"cut", "row"},
    ),
    Bounds(
        "promotion",
        records=5,
        ticks=7,
        left=Left(promote=1),
        lead_in=_PROMOTED,
        must=_TAKEOVER,
    ),
    Bounds("twins", records=4, ticks=9, twins=True, lead_in=_HELD, must=_TAKEOVER),
)

LARGE = (
    Bounds("race", records=5, ticks=5, drifts=True, lead_in=_BOTH, must=_RACE),
    Bounds("race of three", nodes=3, records=4, ticks=3, lead_in=_BOTH, must=_RACE),
    Bounds("takeover", records=5, ticks=9, lead_in=_HELD, must=_TAKEOVER),
    Bounds("takeover by another clock", records=4, ticks=10, drifts=True, lead_in=_HELD, must=_TAKEOVER),
    Bounds("stalls", records=4, ticks=7, stalls=True, lead_in=_HELD_AWAKE, must=_TAKEOVER | {"wake"}),
    Bounds("late claim", records=4, ticks=7, lead_in=_CLAIMED, must=_RACE),
    Bounds("slow reader", records=6, ticks=5, drifts=True, lead_in=_SILENT, must=_TAKEOVER),
    Bounds("restart", records=3, ticks=2, left=Left(restart=1, repeat=1), must=_RACE | {"restart", "repeat"}),
    Bounds(
        "burial", records=6, ticks=3, left=Left(bury=1, restart=1), lead_in=_HELD, must=_TAKEOVER | {"bury"}
    ),
    Bounds("two acceptors", acceptors=2, records=5, ticks=0, left=Left(release=1), lead_in=_HELD),
    Bounds("fence", acceptors=1, records=5, ticks=1, left=Left(release=1, restart=1), lead_in=_HELD),
    Bounds("retention", acceptors=1, records=4, ticks=2, left=Left(restart=1, retain=4), lead_in=_HELD),
    Bounds("cut", nodes=1, acceptors=1, records=4, ticks=2, left=Left(restart=1, cut=2)),
    Bounds("promotion", records=5, ticks=8, left=Left(promote=1), lead_in=_PROMOTED, must=_TAKEOVER),
    Bounds("twins", records=5, ticks=9, twins=True, lead_in=_HELD, must=_TAKEOVER),
)
