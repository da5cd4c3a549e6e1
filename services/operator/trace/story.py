"""The story of a boot, told from its audit events: from the mint to the last block, with its reasons.

An event says when something was over and how long it took; the story also has the moments before. Times are
those of the instances' own clocks, so between two machines a few ms may be missing or too much.
"""

from collections.abc import Callable, Iterable, Iterator
from operator import attrgetter
from typing import Any, NamedTuple


class ToldEvent(NamedTuple):
    """An event and the instance that told it."""

    instance: str
    event: dict[str, Any]


class Moment(NamedTuple):
    """Something that happened, at this Unix time; `ms` is since the mint, or since the first moment known."""

    at: float
    instance: str
    what: str
    reason: str
    ms: float = 0.0


class Boot(NamedTuple):
    """What became of one FileID, in the order of time."""

    fileid: str
    device: str
    moments: list[Moment]


_HOW = {
    "row": "its row was here",
    "parked": "its row came",
    "pulled": "its row was pulled",
    "sealed": "from the name itself",
}
_REFUSED = {
    "address": "the name is another device's",
    "netascii": "it was asked for as text, which it is not: use octet (binary) mode",
    "age": "the name is older than 60 s, or from the future",
    "spent": "the download was completed before",
    "parked_full": "too many reads wait",
    "given_full": "too many reads of names without a seal wait",
    "share_parked": "too many reads of this device, or of this address, wait",
    "share_opens": "its address asked with too many forged names",
    "share_running": "this device has too many downloads at once",
    "share_builds": "this device begins downloads faster than one a second",
    "late": "no row came in 4 s",
    "no_template": "its settings are not here yet",
    "bad_values": "its values do not fit its settings",
}


def is_told(event: dict[str, Any]) -> bool:
    """Whether an event has what every one of them must have."""
    texts = all(isinstance(event.get(name), str) for name in ("event", "device", "fileid"))
    return texts and isinstance(event.get("at"), int | float)


def tell(found: Iterable[ToldEvent]) -> list[Boot]:
    """The boots that these events are about, oldest first; an event that came twice is told once."""
    events: dict[str, list[ToldEvent]] = {}
    for told in found:
        known = events.setdefault(told.event["fileid"], [])
        if told not in known:
            known.append(told)
    boots = [_boot(fileid, known) for fileid, known in events.items()]
    return sorted(boots, key=lambda boot: boot.moments[0].at)


def _boot(fileid: str, known: list[ToldEvent]) -> Boot:
    moments = sorted((one for told in known for one in _moments(told)), key=attrgetter("at"))
    leased = [one for one in moments if one.what == "leased"]  # told once for each CFM that has the row
    moments = [one for one in moments if one.what != "leased" or one is leased[0]]
    start = next((one.at for one in moments if one.what == "minted"), moments[0].at)
    timed = [one._replace(ms=round((one.at - start) * 1000, 1)) for one in moments]
    return Boot(fileid, known[0].event["device"], timed)


def _moments(told: ToldEvent) -> Iterator[Moment]:
    instance, event = told
    tellers: dict[str, Callable[[dict[str, Any]], Iterator[tuple[float, str, str]]]] = {
        "fileid.acked": _handed_off,
        "fileid.unacked": _handed_off,
        "lease.acked": _leased,
        "lease.unacked": _leased,
        "lease.refused": _not_offered,
        "device.moved": _moved,
        "fileid.expired": _expired,
        "download.completed": _completed,
        "download.abandoned": _abandoned,
        "read.refused": _refused,
    }
    try:
        moments = list(tellers.get(event["event"], _unknown)(event))
    except (KeyError, TypeError):
        moments = list(_unknown(event))
    for before_ms, what, reason in moments:
        yield Moment(event["at"] - before_ms / 1000, instance, what, reason)


def _handed_off(event: dict[str, Any]) -> Iterator[tuple[float, str, str]]:
    yield event["handoff_ms"], "minted", f"class {event['class']}, sealed {event['sealed']}"
    server = f"next server {event['next_server']}" if event["next_server"] else "no server to name: try again"
    others = [name for name in event["tried"] if name != event["cfm"]]
    without = [f"no ack from {', '.join(others)}"] if others else []
    what = f"acked by {event['cfm']}" if event["cfm"] else "not acked"
    yield 0.0, what, "; ".join([*without, server])


def _leased(event: dict[str, Any]) -> Iterator[tuple[float, str, str]]:
    yield event["handoff_ms"], "leased", f"class {event['class']}, by a server that does not ask"
    yield 0.0, f"acked by {event['cfm']}" if event["cfm"] else "not acked by a CFM of its file", ""


def _not_offered(event: dict[str, Any]) -> Iterator[tuple[float, str, str]]:
    yield 0.0, "leased, without a row", event["reason"]


def _moved(event: dict[str, Any]) -> Iterator[tuple[float, str, str]]:
    yield 0.0, "behind another modem", f"remote id {event['behind']}, before {event['was_behind']}"


def _asked(event: dict[str, Any]) -> tuple[float, str, str]:
    return event["took_ms"], "read", f"from port {event['port']}" if event.get("port") else ""


def _completed(event: dict[str, Any]) -> Iterator[tuple[float, str, str]]:
    yield _asked(event)
    waited_ms = event["waited_ms"]
    waited = f" after {waited_ms:g} ms" if waited_ms else ""
    yield event["took_ms"] - waited_ms, "served", f"{event['how']}: {_HOW[event['how']]}{waited}"
    if event["blocks"] is None:
        yield 0.0, "done", f"{event['bytes']} bytes, by another TFTP server"
        return
    again = f", {event['retransmits']} sent again" if event["retransmits"] else ""
    blocks = f"{event['blocks']} block{'s' if event['blocks'] != 1 else ''}"
    yield 0.0, "last block acknowledged", f"{event['bytes']} bytes in {blocks}{again}"


def _abandoned(event: dict[str, Any]) -> Iterator[tuple[float, str, str]]:
    yield _asked(event)
    yield 0.0, "abandoned", event["reason"]


def _expired(_: dict[str, Any]) -> Iterator[tuple[float, str, str]]:
    yield 0.0, "expired", "nobody read it"


def _unknown(event: dict[str, Any]) -> Iterator[tuple[float, str, str]]:
    """An event of a later version."""
    yield 0.0, event["event"], ""


def _refused(event: dict[str, Any]) -> Iterator[tuple[float, str, str]]:
    reason = event["reason"]
    address = f", asked by {event['address']}" if "address" in event else ""
    yield 0.0, "read refused", f"{reason}: {_REFUSED.get(reason, reason)}{address}"
