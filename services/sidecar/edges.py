"""The messages that arrive at a sidecar's machine, and the effects that leave it."""

from typing import TypeAlias

from bus.effects import Effect
from bus.messages import Arriving
from fileid.lease import ExcuseServer, Leased, LeasesRead, StorePosition

MinterArriving: TypeAlias = Arriving | Leased | LeasesRead
"""Also messages of the follower of a DHCP server."""
MinterEffect: TypeAlias = Effect | StorePosition | ExcuseServer
"""Also effects for that follower."""
