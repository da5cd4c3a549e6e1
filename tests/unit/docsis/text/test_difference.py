"""What a modem would notice between two definitions of a class."""

from collections.abc import Mapping
from typing import Any

import pytest

from services.docsis.errors import DocsisError
from services.docsis.text.difference import Difference, differences

COLOURS = {"customer": {"kind": "uint32"}, "cpe_max": {"kind": "uint8", "default": 4}}
LOCATION = "1.3.6.1.2.1.1.6.0"


def flow(reference: int, *more: Mapping[str, Any]) -> dict[str, Any]:
    return {"upstream_service_flow": [{"reference": reference}, *more]}


def snmp(oid: str, text: str) -> dict[str, Any]:
    return {"snmp_set": {"oid": oid, "string": text}}


def between(old: list[Any], new: list[Any], **placeholders: Any) -> list[Difference]:
    """What differs between two bodies with the same placeholders."""
    first, second = ({"kind": "cm", "placeholders": placeholders, "body": body} for body in (old, new))
    return differences(first, second)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ([{"max_cpe": 4}], [{"max_cpe": 4}]),
        ([{"max_cpe": 4}], [{"tlv": 18, "hex": "04"}]),
        ([{"max_cpe": 4}, {"network_access": 1}], [{"network_access": 1}, {"max_cpe": 4}]),
        (
            [flow(1, {"max_sustained_rate": "2 Mbit/s"}, {"traffic_priority": 1})],
            [flow(1, {"traffic_priority": 1}, {"max_sustained_rate": 2_000_000})],
        ),
        ([flow(1), flow(2), flow(3)], [flow(1), flow(3), flow(2)]),
        (
            [snmp(LOCATION, "a"), snmp("1.3.6.1.2.1.1.4.0", "b")],
            [snmp("1.3.6.1.2.1.1.4.0", "b"), snmp(LOCATION, "a")],
        ),
    ],
)
def test_what_a_modem_does_not_notice_is_no_difference(old: list[Any], new: list[Any]) -> None:
    assert between(old, new) == []


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ([{"max_cpe": 4}], [{"max_cpe": 5}], ("body.max_cpe", 4, 5)),
        ([{"max_cpe": 4}], [{"max_cpe": 4}, {"network_access": 1}], ("body.network_access", None, 1)),
        ([{"max_cpe": 4}, {"network_access": 0}], [{"max_cpe": 4}], ("body.network_access", 0, None)),
        (
            [flow(1), flow(3, {"max_sustained_rate": "2 Mbit/s"})],
            [flow(1), flow(3, {"max_sustained_rate": "3 Mbit/s"})],
            ("body.upstream_service_flow(3).max_sustained_rate", "2 Mbit/s", "3 Mbit/s"),
        ),
        ([flow(1), flow(2)], [flow(2), flow(1)], ("body.upstream_service_flow: primary", "1", "2")),
        ([flow(1)], [flow(1), flow(2)], ("body.upstream_service_flow(2)", None, [{"reference": 2}])),
        ([{"tlv": 250, "hex": "01"}], [{"tlv": 250, "hex": "02"}],
         ("body.tlv 250", {"tlv": 250, "hex": "01"}, {"tlv": 250, "hex": "02"})),
        ([{"tlv": 250, "hex": "01"}, {"tlv": 250, "hex": "02"}], [{"tlv": 250, "hex": "02"}],
         ("body.tlv 250[0]", {"tlv": 250, "hex": "01"}, None)),
        ([{"tlv": 83, "hex": "01"}], [{"dtp_mode": 2}],
         ("body.dtp_mode", {"tlv": 83, "hex": "01"}, 2)),
    ],
)  # fmt: skip
def test_what_it_notices_is_named_by_its_path(old: list[Any], new: list[Any], found: tuple[Any, ...]) -> None:
    assert between(old, new) == [Difference(*found)]


def test_order_counts_where_entries_have_no_name_of_their_own() -> None:
    first, second = {"tlv": 250, "hex": "01"}, {"tlv": 250, "hex": "02"}
    assert len(between([first, second], [second, first])) == 2


def test_a_varbind_is_named_by_its_object() -> None:
    (one,) = between([snmp(LOCATION, "a"), {"max_cpe": 1}], [{"max_cpe": 1}, snmp(LOCATION, "b")])
    assert one.path == "body.snmp_set(sysLocation.0)"
    assert (one.old, one.new) == ({"string": "a"}, {"string": "b"})


@pytest.mark.parametrize(
    ("old", "new", "count"),
    [
        ([{"max_cpe": "${cpe_max}"}], [{"max_cpe": "${cpe_max}"}], 0),
        ([{"max_cpe": "${cpe_max}"}], [{"max_cpe": 4}], 1),
        ([{"network_access": "${cpe_max}"}], [{"network_access": "${other}"}], 1),
        ([snmp(LOCATION, "${cpe_max}-${other}")], [snmp(LOCATION, "${other}-${cpe_max}")], 1),
        ([snmp(LOCATION, "customer ${other}")], [snmp(LOCATION, "customer ${other}")], 0),
    ],
)
def test_placeholders_are_compared_by_what_they_do(old: list[Any], new: list[Any], count: int) -> None:
    assert len(between(old, new, cpe_max={"kind": "uint8"}, other={"kind": "uint8"})) == count


def test_a_placeholder_moved_in_the_signature_is_one_difference() -> None:
    body = [{"max_cpe": "${cpe_max}"}, snmp(LOCATION, "${customer}")]
    turned = dict(reversed(COLOURS.items()))
    first, second = ({"kind": "cm", "placeholders": one, "body": body} for one in (COLOURS, turned))
    signatures = "cm(customer:uint32,cpe_max:uint8)", "cm(cpe_max:uint8,customer:uint32)"
    assert differences(first, second) == [Difference("placeholders", *signatures)]


def test_a_default_is_noticed_by_whoever_has_no_value() -> None:
    body = [{"max_cpe": "${cpe_max}"}]
    old, new, none = (
        {"kind": "cm", "placeholders": {"cpe_max": {"kind": "uint8", **default}}, "body": body}
        for default in ({"default": 4}, {"default": 5}, {})
    )
    assert differences(old, new) == [Difference("placeholders.cpe_max.default", 4, 5)]
    assert differences(old, none) == [Difference("placeholders.cpe_max.default", 4, None)]
    assert differences(none, none) == []


def test_another_kind_of_file_is_all_there_is_to_say() -> None:
    modem = {"kind": "cm", "body": [{"max_cpe": 4}]}
    adapter = {"kind": "mta", "hash": "na", "body": [snmp(LOCATION, "a")]}
    assert differences(modem, adapter) == [Difference("kind", "cm", "mta")]
    assert differences(adapter, adapter | {"hash": "eu"}) == [Difference("hash", "na", "eu")]


def test_a_text_that_no_trial_fits_is_compared_as_written() -> None:
    long = snmp(LOCATION, "${text}" * 30)
    assert between([long], [long], text={"kind": "string"}) == []
    assert len(between([long], [snmp(LOCATION, "${text}" * 29)], text={"kind": "string"})) == 1


def test_a_wrong_definition_cannot_be_compared() -> None:
    with pytest.raises(DocsisError):
        between([{"max_cpe": 4}], [{"max_cpe": 999}])
