"""The minters of these tests as a CFM sees them: dhcp-1 and dhcp-2 give out names, mps-1 does not."""

from bus.envelope import number_of
from fileid.given import Given
from fileid.seal import KEY_BYTES, Opener, SealKey
from fileid.sender import Sender, Senders

WALL_MS = 1_700_000_000_000
KEYS = [
    SealKey(5, number_of("dhcp-1"), bytes(range(KEY_BYTES))),
    SealKey(6, number_of("mps-1"), bytes(KEY_BYTES)),
]
GIVEN = Given(["{device}.cm", "modem.cm"])
_SENDERS = Senders(Opener(KEYS), GIVEN, [number_of("dhcp-1"), number_of("dhcp-2")])


def sender(name: str = "dhcp-1", sent_ms: int = WALL_MS) -> Sender:
    """The minter of this name, which sends at this moment of its clock."""
    return _SENDERS.find(number_of(name).to_bytes(4), sent_ms)
