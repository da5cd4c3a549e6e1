"""The parts of a CFM's machine."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from fileid.doubts import Doubts
from fileid.reads import Reads
from fileid.seal import Opener
from fileid.table import Table
from heartbeat.liveness.roster import Roster
from heartbeat.roles.log.fence import Fence
from services.cfm.building import Builder
from services.cfm.edges import CfmEffect
from services.cfm.reading.audit_events import Journal
from services.cfm.serving import Serving
from services.cfm.taking import Taking
from services.cfm.voting import Voting
from services.instance.frame import Frame
from services.tftp.server_core import TftpServer


class Parts(NamedTuple):
    """The parts of one CFM, each given to those that need it. Its beats announce `endpoints`; `capacity`
    downloads at once are a full load. Without `voting` it has no vote.
    """

    frame: Frame[CfmEffect]
    roster: Roster
    taking: Taking
    table: Table
    fence: Fence
    reads: Reads
    doubts: Doubts
    opener: Opener
    serving: Serving
    tftp: TftpServer
    builder: Builder
    journal: Journal
    voting: Voting | None
    endpoints: Callable[[], Mapping[str, str]]
    capacity: int
    receive_buffer_bytes: int
