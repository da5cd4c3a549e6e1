"""The messages that arrive at a CFM's machine, and the effects that leave it."""

from typing import TypeAlias

from bus.effects import Effect
from bus.messages import Arriving
from services.tftp.effects import Datagram
from services.tftp.sockets import Wakeup

CfmArriving: TypeAlias = Arriving | Wakeup
"""Also datagrams that came to the sockets of the TFTP server."""
CfmEffect: TypeAlias = Effect | Datagram
"""Also datagrams that leave by them."""
