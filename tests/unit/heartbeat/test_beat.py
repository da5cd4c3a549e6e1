"""The largest beat: it goes into one datagram of the group, and into one segment of Ethernet over the bus."""

import pytest

from bus.contract import decode, encode
from bus.runtime.carriers import GROUP_KEYS_MAX
from bus.wire.datagram import DATA_BYTES_MAX
from heartbeat.liveness.beat import Beat, KeyIds, Load, LogPosition, RoleState

SEGMENT_BYTES = 1_400
OFFSET_MAX = 2**63 - 1
SITE = "s" * 63
ADDRESS = "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"
KEYS = KeyIds(fleet="f" * 8, seal="ff" * 256, group="ff" * GROUP_KEYS_MAX)
LOG = LogPosition(position=OFFSET_MAX, mark=OFFSET_MAX, digest="f" * 64)
LARGEST = Beat(
    service="cfm",
    load=Load(in_flight=999_999, p99_ms=1_234_567.890123456, capacity=999_999),
    draining=False,
    generation=2**32 - 1,
    endpoints={"fileid": f"udp://[{ADDRESS}]:65535", "tftp": ADDRESS},
    leaves=False,
    namesake="yielded",
    verdict="not ready",
    reason="r" * 40,
    version="v" * 32,
    transport="multicast",
    keys=KEYS,
)


@pytest.mark.parametrize(
    ("beat", "bytes_max"),
    [
        (LARGEST, DATA_BYTES_MAX),
        (LARGEST.model_copy(update={"log": LOG, "transport": "bus"}), SEGMENT_BYTES),
        (
            LARGEST.model_copy(
                update={
                    "service": "dhcp",
                    "log": LOG,
                    "endpoints": {},
                    "keys": KEYS.model_copy(update={"seal": "ffff"}),
                    "standing": RoleState(
                        role=f"dhcp/{SITE}", state="suspended", era=0xFFFF, epoch=OFFSET_MAX
                    ),
                }
            ),
            DATA_BYTES_MAX,
        ),
    ],
    ids=["cfm over multicast", "cfm over the bus", "minter"],
)
def test_a_beat_with_every_field_at_its_largest_fits(beat: Beat, bytes_max: int) -> None:
    data = encode(beat)
    assert decode(Beat, data) == beat
    assert len(data) < bytes_max
