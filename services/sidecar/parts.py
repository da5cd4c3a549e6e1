"""The parts of a sidecar's machine."""

from typing import NamedTuple

from services.instance.frame import Frame
from services.sidecar.creating import Creating
from services.sidecar.edges import MinterEffect
from services.sidecar.leasing import Leasing
from services.sidecar.offering import Offering
from services.sidecar.peers import Peers
from services.sidecar.role.authority import Authority


class Parts(NamedTuple):
    """The parts of one minter, each given to those that need it."""

    frame: Frame[MinterEffect]
    authority: Authority
    peers: Peers
    offering: Offering
    creating: Creating
    leasing: Leasing
    default_next_server: str | None
