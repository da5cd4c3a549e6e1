"""The largest beat: it goes into one datagram of the group, and into one segment of Ethernet over the bus."""

import json
from typing import Any

import pytest

from bus.contract import decode, encode
from bus.routes import Column
from bus.runtime.carriers import GROUP_KEYS_MAX
from bus.switch.standing import Plan, Step, SwitchStanding
from bus.wire.datagram import DATA_BYTES_MAX
from heartbeat.liveness.beat import (
    LISTED_MAX,
    Beat,
    KeyIds,
    Load,
    LogPosition,
    RoleState,
    seals_of,
)

SEGMENT_BYTES = 1_400
OFFSET_MAX = 2**63 - 1
SITE, NAME = "s" * 63, "n" * 63
ADDRESS = "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"
LARGEST = Beat(
    service="cfm",
    load=Load(in_flight=999_999, p99_ms=1_234_567.890123456, capacity=999_999),
    draining=False,
    generation=2**32 - 1,
    sealed="ffff",
    endpoints={
        "fileid": f"udp://[{ADDRESS}]:65535",
        "fileid.tcp": f"tcp://[{ADDRESS}]:65535",
        "fileid.udp": f"udp://[{ADDRESS}]:65535",
        "tftp": ADDRESS,
    },
    leaves=False,
    namesake="yielded",
    log=LogPosition(position=OFFSET_MAX, mark=OFFSET_MAX, digest="f" * 64),
    verdict="not ready",
    reason="r" * 40,
    version="v" * 32,
    transport="multicast",
    keys=KeyIds(fleet="f" * 8, seals=seals_of(range(256)), group="ff" * GROUP_KEYS_MAX, settings="ffff"),
    switch=SwitchStanding(
        can=[*Column],
        hears=[*Column],
        leads=Column.MULTICAST,
        era=0xFFFF,
        plan=Plan(id="f" * 16, era=0xFFFF, by=NAME, leads=Column.MULTICAST, to="multicast", quick=False),
        step=Step.FINISH,
        dropped="f" * 16,
        lacks="l" * 60,
    ),
)


@pytest.mark.parametrize(
    "beat",
    [
        LARGEST,
        LARGEST.model_copy(
            update={"keys": LARGEST.keys.model_copy(update={"seal": "ff" * LISTED_MAX, "seals": ""})}
        ),
        LARGEST.model_copy(
            update={
                "service": "dhcp",
                "endpoints": {},
                "keys": LARGEST.keys.model_copy(update={"seal": "ffff", "seals": ""}),
                "standing": RoleState(role=f"dhcp/{SITE}", state="suspended", era=0xFFFF, epoch=OFFSET_MAX),
            }
        ),
    ],
    ids=["cfm", "cfm whose keys are listed", "minter"],
)
def test_a_beat_with_every_field_at_its_largest_fits(beat: Beat) -> None:
    data = encode(beat)
    assert decode(Beat, data) == beat
    assert len(data) < DATA_BYTES_MAX < SEGMENT_BYTES


def test_what_a_release_before_says_of_many_keys_is_read() -> None:
    """It has no bitmap, and lists them all."""
    ids = [f"{at:02x}" for at in range(256)]
    said = encode(LARGEST).replace(b'"seal":""', f'"seal":"{"".join(ids)}"'.encode())
    said = said.replace(f'"seals":"{LARGEST.keys.seals}",'.encode(), b"")
    assert decode(Beat, said).keys.seal_ids() == ids == LARGEST.keys.seal_ids()


@pytest.mark.parametrize("ids", [[0], [255], [7, 8, 64], [*range(1, 256, 2)]])
def test_a_bitmap_has_the_ids_that_it_is_made_of(ids: list[int]) -> None:
    assert [int(one, 16) for one in KeyIds(seals=seals_of(ids)).seal_ids()] == ids


@pytest.mark.parametrize("later", [{"leads": "pigeons"}, {"step": 99}, {"hears": ["bus", "pigeons"]}])
def test_what_a_later_release_says_of_a_switch_leaves_the_rest_of_its_beat(later: dict[str, Any]) -> None:
    told = json.loads(encode(LARGEST))
    told["switch"] |= later
    heard = decode(Beat, json.dumps(told).encode())
    assert (heard.switch, heard.load) == (None, LARGEST.load)
