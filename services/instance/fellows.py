"""The other instances as every service looks at them: their clocks, and their keys beside ours.

Beats name the ids of keys, so either end of a rotation that did not reach everybody can say who is behind,
before a name does not open.
"""

from collections.abc import Collection, Iterator

from bus.fleet.fleet import MINTERS
from bus.reason import Reason
from heartbeat.liveness.beat import KeyIds, each_id
from heartbeat.liveness.roster import SKEW_S_MAX, Roster


def fellow_facts(roster: Roster, unreached: Collection[str] = ()) -> dict[str, str]:
    """The state of every other instance, in words; `unreached` are alive, and no connection to them is."""
    found = {}
    for name, state in roster.states().items():
        told = "forgotten" if state is None else str(state)
        found[f"peer {name}"] = f"peer {name}: {told}{', and not reached' if name in unreached else ''}"
    return found


def fellow_reasons(roster: Roster, service: str, keys: KeyIds) -> list[Reason]:
    """What is out of order between an instance of this `service` with these `keys` and the others."""
    return [
        *_clocks(roster),
        *_incarnations(roster),
        *_fleet_files(roster, keys),
        *_seals(roster, service, keys),
        *_group(roster, keys),
        *_settings(roster, service, keys),
    ]


def _clocks(roster: Roster) -> Iterator[Reason]:
    for name, skew_s in roster.skewed().items():
        if abs(skew_s) > SKEW_S_MAX:
            yield Reason("clock-off", f"the clock of {name} is more than {SKEW_S_MAX:g} s off ours")


def _incarnations(roster: Roster) -> Iterator[Reason]:
    for name in roster.ahead():
        text = f"{name} says an incarnation that is to come: its clock was wrong, or another has its key"
        yield Reason("incarnation-ahead", text)


def _fleet_files(roster: Roster, keys: KeyIds) -> Iterator[Reason]:
    others = [peer.name for peer in roster.others() if peer.beat.keys.fleet not in ("", keys.fleet)]
    if keys.fleet and others:
        yield _behind(f"the fleet file of {', '.join(sorted(others))} is another one than ours")


def _seals(roster: Roster, service: str, keys: KeyIds) -> Iterator[Reason]:
    """A name opens if its CFM has the key that its minter uses."""
    ours = keys.seal_ids()
    for peer in roster.others():
        theirs = peer.beat.keys.seal_ids()
        if not ours or not theirs:
            continue
        is_to_open = service == "cfm" and peer.beat.service in MINTERS
        is_to_seal = service in MINTERS and peer.beat.service == "cfm"
        if is_to_open and theirs[0] not in ours:
            yield _behind(f"{peer.name} seals with key {int(theirs[0], 16)}, which we do not have")
        if is_to_seal and ours[0] not in theirs:
            yield _behind(f"we seal with key {int(ours[0], 16)}, which {peer.name} does not have")


def _group(roster: Roster, keys: KeyIds) -> Iterator[Reason]:
    """Who lacks our key hears nothing of us; that we hear him is how we know."""
    for peer in roster.others():
        theirs = peer.beat.keys.group
        if keys.group and theirs and keys.group[:2] not in each_id(theirs):
            yield _behind(
                f"{peer.name} does not have the group's key {int(keys.group[:2], 16)}, which we use"
            )


def _settings(roster: Roster, service: str, keys: KeyIds) -> Iterator[Reason]:
    """Settings open if who reads them has the key that a minter seals them with."""
    for peer in roster.others():
        theirs = peer.beat.keys.settings
        if theirs and peer.beat.service in MINTERS and theirs[:2] not in each_id(keys.settings):
            yield _behind(f"{peer.name} seals settings with key {int(theirs[:2], 16)}, which we do not have")
        if keys.settings and service in MINTERS and keys.settings[:2] not in each_id(theirs):
            ours = int(keys.settings[:2], 16)
            yield _behind(f"we seal settings with key {ours}, which {peer.name} does not have")


def _behind(text: str) -> Reason:
    return Reason("keys-behind", text)
