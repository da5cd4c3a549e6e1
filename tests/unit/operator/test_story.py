"""The story of a boot: every moment in its order, also those that no event is about."""

from typing import Any

import pytest

from services.operator.trace.story import Boot, ToldEvent, is_told, tell

DEVICE, FILEID = "001a.2c00.0001", "5f0c000000000001"


def event(kind: str, at: float, **more: Any) -> dict[str, Any]:
    return {"event": kind, "device": DEVICE, "fileid": FILEID, "at": at, **more}


def acked(at: float, **changes: Any) -> ToldEvent:
    said: dict[str, Any] = {"class": "data", "sealed": "full", "cfm": "cfm-1", "tried": ["cfm-1"]}
    said |= {"next_server": "10.0.0.11", "handoff_ms": 2.5, **changes}
    return ToldEvent("dhcp-1", event("fileid.acked" if said["cfm"] else "fileid.unacked", at, **said))


def completed(at: float, **changes: Any) -> ToldEvent:
    said: dict[str, Any] = {
        "how": "row",
        "took_ms": 12.0,
        "waited_ms": 0.0,
        "bytes": 300,
        "blocks": 1,
        "retransmits": 0,
    }
    return ToldEvent("cfm-1", event("download.completed", at, **{**said, "port": 4000, **changes}))


def refused(at: float, reason: str, **more: Any) -> ToldEvent:
    return ToldEvent("cfm-1", event("read.refused", at, reason=reason, **more))


def lines(boot: Boot) -> list[tuple[float, str, str, str]]:
    return [(one.ms, one.instance, one.what, one.reason) for one in boot.moments]


def test_a_boot_without_trouble() -> None:
    (boot,) = tell([completed(1000.512), acked(1000.0025)])
    assert (boot.fileid, boot.device) == (FILEID, DEVICE)
    assert lines(boot) == [
        (0.0, "dhcp-1", "minted", "class data, sealed full"),
        (2.5, "dhcp-1", "acked by cfm-1", "next server 10.0.0.11"),
        (500.0, "cfm-1", "read", "from port 4000"),
        (500.0, "cfm-1", "served", "row: its row was here"),
        (512.0, "cfm-1", "last block acknowledged", "300 bytes in 1 block"),
    ]


def test_an_early_read_waited_for_its_row() -> None:
    (boot,) = tell([acked(1000.0), completed(1000.2, how="parked", took_ms=150.0, waited_ms=120.0)])
    assert lines(boot)[2:4] == [
        (52.5, "cfm-1", "read", "from port 4000"),
        (172.5, "cfm-1", "served", "parked: its row came after 120 ms"),
    ]


@pytest.mark.parametrize(
    ("told", "what", "reason"),
    [
        (acked(1.0, tried=["cfm-2", "cfm-1"]), "acked by cfm-1", "no ack from cfm-2; next server 10.0.0.11"),
        (acked(1.0, cfm="", tried=["cfm-2"]), "not acked", "no ack from cfm-2; next server 10.0.0.11"),
        (acked(1.0, cfm="", tried=[], next_server=None), "not acked", "no server to name: try again"),
        (completed(1.0, blocks=3, retransmits=2), "last block acknowledged",
         "300 bytes in 3 blocks, 2 sent again"),
        (completed(1.0, blocks=None, port=None), "done", "300 bytes, by another TFTP server"),
        (refused(1.0, "address", address="10.0.0.8"), "read refused",
         "address: the name is another device's, asked by 10.0.0.8"),
        (refused(1.0, "netascii", address="10.0.0.7"), "read refused",
         "netascii: it was asked for as text, which it is not: use octet (binary) mode, asked by 10.0.0.7"),
        (refused(1.0, "tired"), "read refused", "tired: tired"),
        (ToldEvent("cfm-1", event("fileid.expired", 1.0)), "expired", "nobody read it"),
        (ToldEvent("cfm-1", event("download.abandoned", 1.0, reason="retransmits exhausted", took_ms=5.0)),
         "abandoned", "retransmits exhausted"),
        (ToldEvent("cfm-1", event("download.eaten", 1.0)), "download.eaten", ""),
        (ToldEvent("cfm-1", event("download.completed", 1.0, took_ms=None)), "download.completed", ""),
    ],
)  # fmt: skip
def test_what_went_wrong_has_its_reason(told: ToldEvent, what: str, reason: str) -> None:
    (boot,) = tell([told])
    assert lines(boot)[-1][2:] == (what, reason)


def test_without_a_mint_the_first_moment_counts() -> None:
    (boot,) = tell([refused(1002.0, "age"), refused(1000.0, "late")])
    assert [(one.ms, one.reason.partition(":")[0]) for one in boot.moments] == [
        (0.0, "late"),
        (2000.0, "age"),
    ]


def test_boots_are_told_one_after_the_other_and_nothing_twice() -> None:
    later = ToldEvent("dhcp-1", {**acked(2000.0).event, "fileid": "0" * 16})
    boots = tell([later, acked(1000.0), acked(1000.0)])
    assert [(boot.fileid, len(boot.moments)) for boot in boots] == [(FILEID, 2), ("0" * 16, 2)]


def leased(at: float, cfm: str, **changes: Any) -> ToldEvent:
    said: dict[str, Any] = {"class": "data", "cfm": cfm, "handoff_ms": 250.0, **changes}
    return ToldEvent("dhcp-1", event("lease.acked" if cfm else "lease.unacked", at, **said))


def test_a_boot_behind_a_server_that_does_not_ask() -> None:
    (boot,) = tell([completed(1000.512), leased(1000.25, "cfm-1")])
    assert lines(boot)[:3] == [
        (0.0, "dhcp-1", "leased", "class data, by a server that does not ask"),
        (250.0, "dhcp-1", "acked by cfm-1", ""),
        (500.0, "cfm-1", "read", "from port 4000"),
    ]


def test_each_cfm_of_the_file_has_its_moment() -> None:
    (boot,) = tell([leased(1000.25, "cfm-2"), leased(1010.0, "", handoff_ms=10_000.0)])
    assert [(one.ms, one.what) for one in boot.moments] == [
        (0.0, "leased"),
        (250.0, "acked by cfm-2"),
        (10_000.0, "not acked by a CFM of its file"),
    ]


def test_a_lease_without_a_row_has_its_reason() -> None:
    told = ToldEvent("dhcp-1", event("lease.refused", 1.0, fileid="", reason="no_settings"))
    (boot,) = tell([told])
    assert (boot.fileid, boot.device) == ("", DEVICE)
    assert lines(boot) == [(0.0, "dhcp-1", "leased, without a row", "no_settings")]


def test_a_device_that_shows_up_behind_two_modems_is_told() -> None:
    told = ToldEvent("dhcp-1", event("device.moved", 1.0, fileid="", was_behind="0a", behind="0b"))
    (boot,) = tell([told])
    assert lines(boot) == [(0.0, "dhcp-1", "behind another modem", "remote id 0b, before 0a")]


@pytest.mark.parametrize("missing", ["class", "cfm", "handoff_ms"])
def test_a_lease_that_is_told_otherwise_is_still_shown(missing: str) -> None:
    whole = leased(1.0, "cfm-1").event
    (boot,) = tell([ToldEvent("dhcp-1", {key: value for key, value in whole.items() if key != missing})])
    assert lines(boot) == [(0.0, "dhcp-1", "lease.acked", "")]


@pytest.mark.parametrize("name", ["event", "device", "fileid", "at"])
def test_what_every_event_has(name: str) -> None:
    whole = event("fileid.expired", 1.0)
    assert is_told(whole)
    assert not is_told(whole | {name: None})


def test_nothing_is_nothing() -> None:
    assert tell([]) == []
