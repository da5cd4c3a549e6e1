"""Assembly of a sidecar's machine: its parts, and which of them know each other."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from random import Random

from bus.envelope import Stamp
from bus.errors import DecodeError
from bus.fleet.trust import Believing
from bus.telemetry.keeping import Subject
from fileid.handoff import Budget
from fileid.lease import LeaseFile
from fileid.minted import Minted
from fileid.row import largest_frame
from fileid.seal import Sealer
from heartbeat.liveness.namesake import Namesake
from heartbeat.roles.holder import SoleHolder
from services.instance.about import About
from services.instance.frame import Frame
from services.instance.switching import Switching
from services.settings.catalogue import StoreCatalogue
from services.settings.held import HeldSettings
from services.settings.history import StoreHistory
from services.settings.record import CatalogueRecord
from services.settings.vault import Vault
from services.sidecar.answering import Answers
from services.sidecar.creating import Creating
from services.sidecar.edges import MinterEffect
from services.sidecar.leasing import Leasing
from services.sidecar.minter import Minter
from services.sidecar.minting import Mint
from services.sidecar.offering import Offering
from services.sidecar.parts import Parts
from services.sidecar.peers import Peers
from services.sidecar.role.authority import Authority
from services.sidecar.role.record import StoreFailover

COUNTS = ("created", "refused", "undecodable", "unknown_pulls", "disowned")


def assemble(
    *,
    service: str,
    stamp: Stamp,
    trust: Believing,
    services: Mapping[str, str],
    sealer: Sealer,
    budget: Budget,
    random: Random,
    random_bytes: Callable[[int], bytes],
    minted_max: int,
    pins: Mapping[str, Mapping[str, str]],
    vault: Vault,
    authority: Authority | None = None,
    namesake: Namesake | None = None,
    default_next_server: str | None = None,
    catalogue: CatalogueRecord | None = None,
    publish: CatalogueRecord | None = None,
    history: Iterable[CatalogueRecord] = (),
    files: Sequence[LeaseFile] = (),
    about: About | None = None,
    switching: Switching | None = None,
    data_bytes_max: Callable[[], int] = largest_frame,
    schemes: Callable[[], Sequence[str]] = lambda: ("tcp",),
) -> Minter:
    """One sidecar's machine. `service` is dhcp or mps; `trust` decides whose messages count;
    `random_bytes(n)` makes the serials; a DHCP server that does not ask gives out `files`; without an
    `authority` it always may act; CFMs are connected to at endpoints of these `schemes`, at the addresses
    that `pins` has; `history` are former catalogues; the `vault` seals and opens their secrets; `about` is
    what its beats tell of it, and `switching` changes its columns.
    """
    namesake = namesake or Namesake(stamp.incarnation)
    authority = authority or Authority(stamp, SoleHolder(), namesake=namesake)
    held = HeldSettings(vault, history, catalogue)
    frame: Frame[MinterEffect] = Frame(
        stamp,
        service,
        trust=trust,
        counts=COUNTS,
        keeps={
            StoreFailover: Subject("failover", authority.record, authority.stored),
            StoreCatalogue: Subject("settings", held.copy, held.stored),
            StoreHistory: Subject("history", held.history.store),
        },
        namesake=namesake,
        about=about,
        switching=switching,
    )
    offering = Offering(stamp, publish, frame.wall_s, held, trust.is_current, trust.refused)
    peers = Peers(
        stamp, services, pins, random, schemes, frame.wall_s, lambda: offering.generation, authority.claims
    )
    minted = Minted(minted_max)
    answers = Answers(
        peers=peers, audit=frame.audit, token=authority.token, default_next_server=default_next_server
    )
    creating = Creating(
        stamp=stamp,
        budget=budget,
        peers=peers,
        mint=Mint(stamp.instance, sealer, offering, random_bytes),
        minted=minted,
        answers=answers,
        counts=frame.counts,
        data_bytes_max=data_bytes_max,
    )
    leasing = Leasing(
        stamp=stamp,
        files=files,
        offering=offering,
        minted=minted,
        audit=frame.audit,
        away=peers.unreachable,
        data_bytes_max=data_bytes_max,
    )
    if catalogue is not None:
        try:
            offering.adopt(catalogue)
        except DecodeError:  # kept by another version of ours, or its key is gone; the topic has a better one
            frame.counts["undecodable"] += 1
    return Minter(Parts(frame, authority, peers, offering, creating, leasing, default_next_server))
