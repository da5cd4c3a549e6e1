"""Assembly of a CFM's machine: its parts, and which of them know each other."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from bus.envelope import Stamp, number_of
from bus.errors import DecodeError
from bus.fleet.trust import Believing
from bus.telemetry.keeping import Subject
from fileid.doubts import Doubts
from fileid.given import Given
from fileid.reads import Reads
from fileid.row import largest_frame
from fileid.seal import Opener
from fileid.sender import Senders
from fileid.shares import Network
from fileid.table import Table
from heartbeat.liveness.roster import Roster
from heartbeat.roles.granted.grants import StorePromises
from heartbeat.roles.log.fence import Fence, StoreFence
from services.cfm.building import Builder
from services.cfm.edges import CfmEffect
from services.cfm.machine import Cfm
from services.cfm.parts import Parts
from services.cfm.reading.audit_events import Journal
from services.cfm.serving import Serving
from services.cfm.taking import Taking, judge
from services.cfm.voting import Voting
from services.instance.about import About
from services.instance.frame import Frame
from services.instance.switching import Switching
from services.settings.catalogue import StoreCatalogue
from services.settings.held import HeldSettings
from services.settings.history import StoreHistory
from services.settings.record import CatalogueRecord
from services.settings.vault import Vault
from services.tftp.server_core import TftpServer


def assemble(
    *,
    stamp: Stamp,
    trust: Believing,
    minters: Iterable[str],
    opener: Opener,
    table: Table,
    tftp: TftpServer,
    fence: Fence | None = None,
    voting: Voting | None = None,
    endpoints: Callable[[], Mapping[str, str]],
    capacity: int,
    secret: bytes,
    vault: Vault,
    proxies: Sequence[Network] = (),
    given: Given | None = None,
    givers: Iterable[str] = (),
    catalogue: CatalogueRecord | None = None,
    history: Iterable[CatalogueRecord] = (),
    services: Mapping[str, str] | None = None,
    about: About | None = None,
    switching: Switching | None = None,
    data_bytes_max: Callable[[], int] = largest_frame,
    receive_buffer_bytes: int = 0,
) -> Cfm:
    """One CFM's machine. `trust` decides whose messages count, its beats announce `endpoints`, `secret` signs
    the CMTS MIC, from `proxies` a name alone is believed, and `given` are the names that the DHCP servers of
    the minters `givers` give out. `history` are former catalogues, the `vault` opens their secrets,
    `services` has the service of every instance, and `about` is what its beats tell of it;
    `switching` changes its columns. Without a `fence`
    every minter's rows count. With `voting` it has a vote on the holder of each role.
    """
    fence = fence or Fence({}, writers=None)
    held = HeldSettings(vault, history, catalogue)
    builder = Builder(secret, held)
    frame: Frame[CfmEffect] = Frame(
        stamp,
        "cfm",
        trust=trust,
        counts=("undecodable",),
        keeps={
            StoreFence: Subject("fence", fence.record, fence.stored),
            StorePromises: _promises(voting),
            StoreCatalogue: Subject("settings", held.copy, held.stored),
            StoreHistory: Subject("history", held.history.store),
        },
        about=about,
        switching=switching,
    )
    given, giving = given or Given(), [*map(number_of, givers)]
    senders, doubts = Senders(opener, given, giving), Doubts()
    taking = Taking(stamp, minters, table, senders, fence, doubts, data_bytes_max, frame.wall_s)
    reads = Reads(
        table,
        opener,
        proxies=proxies,
        given=given,
        givers=giving,
        judge=partial(judge, fence, taking.minters),
        doubts=doubts,
    )
    journal = Journal(frame.audit, reads.find, reads.shares, frame.wall_s)
    serving = Serving(
        reads=reads, table=table, tftp=tftp, builder=builder, journal=journal, wall_s=frame.wall_s
    )
    if catalogue is not None:
        try:
            builder.adopt(catalogue)
        except DecodeError:  # kept by another version of ours, or its key is gone; the topic has a better one
            frame.counts["undecodable"] += 1
    return Cfm(
        Parts(
            frame=frame,
            roster=Roster(services or {}, own=stamp.instance),
            taking=taking,
            table=table,
            fence=fence,
            reads=reads,
            doubts=doubts,
            opener=opener,
            serving=serving,
            tftp=tftp,
            builder=builder,
            journal=journal,
            voting=voting,
            endpoints=endpoints,
            capacity=capacity,
            receive_buffer_bytes=receive_buffer_bytes,
        )
    )


def _promises(voting: Voting | None) -> Subject:
    """The promises to keep; without a vote there are none, and the metrics say so."""
    return (
        Subject("promises", lambda: None)
        if voting is None
        else Subject("promises", voting.record, voting.stored)
    )
