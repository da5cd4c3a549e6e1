"""Each rule of the judge has a good file and one that a single change has made from it."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from services.docsis.judge.finding import CONFIRMATIONS
from services.docsis.judge.rules import RULES, judge, silence_problems
from services.docsis.text.template import compile_template

Body = list[dict[str, Any]]

UGS = [
    {"scheduling_type": 6},
    {"unsolicited_grant_size": 232},
    {"nominal_grant_interval": "20 ms"},
    {"tolerated_grant_jitter": "800 us"},
    {"grants_per_interval": 1},
]
GOOD: Body = [
    {"network_access": 1},
    {"max_cpe": 8},
    {"downstream_frequency": "603 MHz"},
    {
        "upstream_service_flow": [
            {"reference": 1},
            {"qos_parameter_set_type": 7},
            {"max_sustained_rate": "20 Mbit/s"},
            {"max_traffic_burst": 3044},
            {"min_reserved_rate": "1 Mbit/s"},
            {"peak_traffic_rate": "30 Mbit/s"},
            {"aggregate_service_flow_reference": 7},
        ]
    },
    {"upstream_service_flow": [{"reference": 3}, {"qos_parameter_set_type": 7}, *UGS]},
    {
        "downstream_service_flow": [
            {"reference": 2},
            {"qos_parameter_set_type": 7},
            {"metro_ethernet_service_profile_reference": 5},
        ]
    },
    {
        "upstream_packet_classifier": [
            {"reference": 1},
            {"service_flow_reference": 3},
            {"ipv4": [{"protocol": 17}, {"source_port_start": 5060}, {"source_port_end": 5061}]},
        ]
    },
    {"payload_header_suppression": [{"classifier_reference": 1}, {"service_flow_reference": 3}]},
    {
        "upstream_aggregate_service_flow": [
            {"reference": 7},
            {"low_latency": [{"low_latency_service_flow_reference": 3}]},
        ]
    },
    {"metro_ethernet_service_profile": [{"reference": 5}]},
    {"mac_address_learning_control": [{"control": 1}]},
    {"vendor_specific": [{"vendor_id": "ffffff"}, {"cm_load_balancing_policy_id": 7}]},
    {
        "vendor_specific": [
            {"vendor_id": "ffffff"},
            {"extended_cmts_mic": [{"hmac_type": 1}, {"bitmap": "10"}]},
        ]
    },
    {"vendor_specific": [{"vendor_id": "00000c"}, {"tlv": 11, "hex": "0102"}]},
    {"vendor_specific": "08030011ee0a02beef"},
    {"vendor_specific": "080300000c060100"},
    {"vendor_specific": [{"vendor_id": "00000c"}, {"tlv": 6, "hex": "0101"}, {"tlv": 5, "hex": "01"}]},
    {"management_event_control": 1},
    {"management_event_control": 2},
    {"vendor_specific": [{"vendor_id": "0011ee"}, {"tlv": 10, "hex": "beef"}]},
    {"snmp_set": {"oid": "sysContact.0", "string": "noc"}},
    {"snmp_set": {"oid": "docsDevNmAccessControl.1", "integer": 3}},
]


def entries(body: Body, name: str) -> list[Any]:
    """What stands under this name at the top, in order."""
    return [entry[name] for entry in body if name in entry]


def put(group: list[Any], **setting: object) -> None:
    """Give a setting of a group another value, or add it."""
    (name,) = setting
    for entry in group:
        if name in entry:
            entry[name] = setting[name]
            return
    group.append(dict(setting))


def drop(body: list[Any], name: str) -> None:
    """Take a setting away, all of it."""
    body[:] = [entry for entry in body if name not in entry]


def up(body: Body) -> list[Any]:
    return entries(body, "upstream_service_flow")[0]  # type: ignore[no-any-return]


def down(body: Body) -> list[Any]:
    return entries(body, "downstream_service_flow")[0]  # type: ignore[no-any-return]


def granted(body: Body) -> list[Any]:
    return entries(body, "upstream_service_flow")[1]  # type: ignore[no-any-return]


def classifier(body: Body) -> list[Any]:
    return entries(body, "upstream_packet_classifier")[0]  # type: ignore[no-any-return]


def suppression(body: Body) -> list[Any]:
    return entries(body, "payload_header_suppression")[0]  # type: ignore[no-any-return]


def extended_mic(body: Body) -> list[Any]:
    return entries(body, "vendor_specific")[1][1]["extended_cmts_mic"]  # type: ignore[no-any-return]


def without_network_access(body: Body) -> None:
    drop(body, "network_access")
    put(extended_mic(body), bitmap="000020")  # max_cpe, for what it covered is gone


def without_flows(body: Body) -> None:
    for name in ("upstream_service_flow", "downstream_service_flow", "upstream_packet_classifier"):
        drop(body, name)
    for name in ("payload_header_suppression", "upstream_aggregate_service_flow"):
        drop(body, name)


CHANGES: dict[str, list[Callable[[Body], object]]] = {
    "missing-network-access": [
        without_network_access,
    ],
    "missing-service-flow": [without_flows, lambda body: drop(body, "downstream_service_flow")],
    "contradicting-setting": [
        lambda body: body.append({"max_cpe": 9}),
        lambda body: up(body).append({"max_traffic_burst": 4096}),
        lambda body: body.append({"tlv": 18, "hex": "01"}),
    ],
    "repeated-setting": [
        lambda body: body.append({"max_cpe": 8}),
        lambda body: classifier(body).append({"service_flow_reference": 3}),
    ],
    "duplicate-reference": [
        lambda body: put(down(body), reference=1),
        lambda body: body.append(
            {"downstream_packet_classifier": [{"reference": 1}, {"service_flow_reference": 2}]}
        ),
        lambda body: body.append({"tlv": 24, "hex": "01020001060107"}),
        lambda body: body.append({"metro_ethernet_service_profile": [{"reference": 5}]}),
    ],
    "missing-reference": [
        lambda body: body.append({"upstream_service_flow": [{"qos_parameter_set_type": 7}]}),
        lambda body: body.append({"downstream_packet_classifier": [{"reference": 4}]}),
        lambda body: body.append({"upstream_drop_packet_classifier": [{"rule_priority": 1}]}),
        lambda body: body.append({"payload_header_suppression": [{"index": 1}]}),
        lambda body: body.append({"upstream_enhanced_hqos_asf": [{"traffic_priority": 1}]}),
    ],
    "classifier-without-flow": [lambda body: put(classifier(body), service_flow_reference=99)],
    "classifier-of-other-direction": [
        lambda body: body.append(
            {"downstream_packet_classifier": [{"reference": 2}, {"service_flow_reference": 1}]}
        ),
    ],
    "suppression-without-classifier": [lambda body: put(suppression(body), classifier_reference=9)],
    "suppression-without-flow": [
        lambda body: put(suppression(body), service_flow_reference=99),
    ],
    "suppression-of-another-flow": [lambda body: put(suppression(body), service_flow_reference=1)],
    "flow-without-aggregate": [
        lambda body: put(up(body), aggregate_service_flow_reference=8),
        lambda body: put(down(body), aggregate_service_flow_reference=7),
    ],
    "aggregate-without-flow": [
        lambda body: put(
            entries(body, "upstream_aggregate_service_flow")[0],
            low_latency=[{"low_latency_service_flow_reference": 2}],
        ),
        lambda body: body.append(
            {
                "downstream_enhanced_hqos_asf": [
                    {"reference": 1},
                    {"intra_asf_scheduling": [{"service_flow_reference": 1}]},
                ]
            }
        ),
    ],
    "flow-without-profile": [
        lambda body: put(down(body), metro_ethernet_service_profile_reference=6),
    ],
    "scheduling-without-parameters": [
        lambda body: drop(granted(body), "unsolicited_grant_size"),
        lambda body: put(up(body), scheduling_type=4),
    ],
    "no-parameter-set-type": [
        lambda body: body.append({"downstream_service_flow": [{"reference": 9}]}),
    ],
    "inactive-primary-flow": [lambda body: put(down(body), qos_parameter_set_type=3)],
    "burst-below-a-frame": [lambda body: put(up(body), max_traffic_burst=1521)],
    "peak-below-sustained-rate": [lambda body: put(up(body), peak_traffic_rate="10 Mbit/s")],
    "reserved-above-sustained-rate": [lambda body: put(up(body), min_reserved_rate="21 Mbit/s")],
    "empty-range": [
        lambda body: put(classifier(body)[2]["ipv4"], source_port_start=5062),
        lambda body: put(classifier(body)[2]["ipv4"], tos_range_and_mask="b8a0ff"),
    ],
    "value-not-allowed": [
        lambda body: put(up(body), multiplier_to_number_of_bytes_requested=9),
        lambda body: put(up(body), qos_parameter_set_type=255),
        lambda body: put(up(body), application_identifier="01"),
        lambda body: put(body, downstream_frequency=603_000_001),
    ],
    "bytes-outside-table": [
        lambda body: body.append({"tlv": 29, "hex": "02"}),
        lambda body: body.append({"tlv": 39, "hex": "0001"}),
        lambda body: up(body).append({"tlv": 7, "hex": "ff"}),
    ],
    "group-without-settings": [
        lambda body: put(body, mac_address_learning_control="ff"),
        lambda body: put(body, qos_framework_for_docsis="ff"),
        lambda body: put(body, uni_control="0103"),
    ],
    "extension-without-vendor": [
        lambda body: body.append({"vendor_specific": [{"cm_load_balancing_policy_id": 7}]}),
        lambda body: body.append({"tlv": 43, "hex": "0104000000070803ffffff"}),
        lambda body: classifier(body).append({"vendor_specific": "010101"}),
    ],
    "name-of-another-vendor": [
        lambda body: entries(body, "vendor_specific")[2].append({"cm_load_balancing_policy_id": 7}),
        lambda body: entries(body, "vendor_specific")[5].append({"service_type_identifier": "gold"}),
    ],
    "extended-mic-in-company": [
        lambda body: entries(body, "vendor_specific")[1].append({"cm_load_balancing_priority": 7}),
        lambda body: body.append(deepcopy(body[12])),
    ],
    "extended-mic-without-bitmap": [lambda body: drop(extended_mic(body), "bitmap")],
    "extended-mic-of-unknown-type": [
        lambda body: put(extended_mic(body), hmac_type=2),
        lambda body: drop(extended_mic(body), "hmac_type"),
    ],
    "extended-mic-of-unknown-order": [
        lambda body: put(extended_mic(body), bitmap="100020"),
        lambda body: put(extended_mic(body), bitmap="00000080"),
        lambda body: put(extended_mic(body), bitmap="100010"),
    ],
    "object-set-twice": [
        lambda body: body.append({"snmp_set": {"oid": "1.3.6.1.2.1.1.4.0", "string": "night"}}),
    ],
    "object-repeated": [
        lambda body: body.append({"snmp_set": {"oid": "1.3.6.1.2.1.1.4.0", "string": "noc"}}),
    ],
    "object-unlike-its-mib": [
        lambda body: body.append({"snmp_set": {"oid": "docsDevNmAccessStatus.1", "string": "active"}}),
        lambda body: body.append({"snmp_set": {"oid": "docsDevNmAccessStatus.1", "integer": 9}}),
    ],
    "object-without-instance": [
        lambda body: body.append({"snmp_set": {"oid": "sysName", "string": "noc"}}),
        lambda body: body.append({"snmp_set": {"oid": "sysName.1", "string": "noc"}}),
        lambda body: body.append({"snmp_set": {"oid": "docsDevNmAccessStatus", "integer": 1}}),
    ],
}

DOCUMENTS: dict[str, list[Callable[[Body], object]]] = {
    "class-of-service-and-flows": [lambda body: body.append({"class_of_service": [{"class_id": 1}]})],
}
"""What the codec itself refuses in a class, so that only a document can hold it."""

CASES = [
    pytest.param(code, change, document, id=f"{code}-{number}")
    for document, table in ((False, CHANGES), (True, DOCUMENTS))
    for code, changes in table.items()
    for number, change in enumerate(changes)
]


def definition(change: Callable[[Body], object] = lambda body: None) -> dict[str, Any]:
    body = deepcopy(GOOD)
    change(body)
    return {"kind": "cm", "body": body}


def codes(found: dict[str, Any], *, document: bool = False) -> list[str]:
    return sorted({finding.rule.code for finding in judge(found, document=document)})


@pytest.mark.parametrize("document", [False, True], ids=["class", "document"])
def test_the_good_file_breaks_no_rule(document: bool) -> None:
    assert judge(definition(), document=document) == []


@pytest.mark.parametrize(("code", "change", "document"), CASES)
def test_one_change_breaks_one_rule(code: str, change: Callable[[Body], object], document: bool) -> None:
    assert codes(definition(change), document=document) == [code]


def test_every_rule_has_a_file_that_breaks_it() -> None:
    assert sorted(rule.code for rule in RULES) == sorted({*CHANGES, *DOCUMENTS, "mixed-mib-families"})


def test_an_adapters_objects_are_of_one_family() -> None:
    """F2 of the cases, a good file and one that its hash alone has made from it."""
    body = [{"snmp_set": {"oid": "pktcMtaDevEnabled.0", "integer": 1}}]
    assert judge({"kind": "mta", "hash": "na", "body": body}) == []
    (finding,) = judge({"kind": "mta", "hash": "ietf", "body": body})
    assert (finding.path, finding.rule.code) == ("body[0].snmp_set", "mixed-mib-families")
    assert "of the PacketCable MIBs of CableLabs (na)" in finding.reason
    assert judge({"kind": "mta", "hash": "ietf", "body": body}, silenced=["mixed-mib-families"]) == []


@pytest.mark.parametrize(("code", "change", "document"), CASES)
def test_what_it_points_at_is_written_there(
    code: str, change: Callable[[Body], object], document: bool
) -> None:
    found = definition(change)
    for finding in judge(found, document=document):
        place: Any = found
        for step in finding.path.replace("[", ".").replace("]", "").split("."):
            place = place[int(step) if step.isdigit() else step]


def test_a_rule_has_one_code_and_an_answer_that_is_known() -> None:
    assert len({rule.code for rule in RULES}) == len(RULES)
    assert {rule.confirmation for rule in RULES} <= {None, *CONFIRMATIONS}
    assert all(rule.confirmation is None for rule in RULES if not rule.is_error)


@pytest.mark.parametrize(("code", "change", "document"), [case for case in CASES if not case.values[2]])
def test_what_it_finds_does_not_keep_a_class_from_being_built(
    code: str, change: Callable[[Body], object], document: bool
) -> None:
    built = compile_template(definition(change)).build(b"", address=bytes(4), timestamp_s=0, secret=b"s")
    assert built.endswith(b"\xff") or b"\xff\0" in built


def test_a_warning_is_silenced_by_its_code_and_an_error_by_nothing() -> None:
    def both(body: Body) -> None:
        put(up(body), max_traffic_burst=100)
        put(down(body), reference=1)

    silenced = judge(definition(both), silenced=["burst-below-a-frame", "duplicate-reference"])
    assert [finding.rule.code for finding in silenced] == ["duplicate-reference"]


def test_only_a_warning_that_there_is_can_be_silenced() -> None:
    assert silence_problems(["empty-range"], "silence") == []
    reasons = [str(one) for one in silence_problems(["empty-rage", "duplicate-reference"], "silence")]
    assert reasons[0].startswith("silence[0]: there is no warning 'empty-rage'; there are repeated-setting, ")
    assert reasons[1] == "silence[1]: duplicate-reference is an error, which nothing silences"
    assert str(silence_problems("empty-range", "silence")[0]).startswith("silence: must list codes")
    assert str(silence_problems([["x"]], "silence")[0]) == (
        "silence[0]: must be the code of a warning, not ['x']"
    )


def test_an_unknown_value_decides_nothing_and_a_known_one_does() -> None:
    found = definition(lambda body: put(classifier(body), service_flow_reference="${flow}"))
    found["placeholders"] = {"flow": {"kind": "uint16"}}
    assert judge(found) == []
    assert [finding.rule.code for finding in judge(found, {"flow": 99})] == ["classifier-without-flow"]
    assert codes(definition()) == []
    found["placeholders"] = {"flow": {"kind": "uint16", "default": 2}}
    assert codes(found) == ["classifier-of-other-direction", "suppression-of-another-flow"]


def test_a_reference_that_is_unknown_may_be_the_one_that_is_meant() -> None:
    def change(body: Body) -> None:
        put(granted(body), reference="${flow}")

    found = definition(change) | {"placeholders": {"flow": {"kind": "uint16"}}}
    assert judge(found) == []


def test_a_flow_without_a_reference_is_nobodys_target() -> None:
    def change(body: Body) -> None:
        body.append({"downstream_service_flow": [{"qos_parameter_set_type": 7}]})
        put(classifier(body), service_flow_reference=9)

    assert codes(definition(change)) == ["classifier-without-flow", "missing-reference"]


def test_bytes_of_another_width_refer_to_nothing() -> None:
    def change(body: Body) -> None:
        drop(up(body), "aggregate_service_flow_reference")
        up(body).append({"tlv": 36, "hex": "010101"})

    assert codes(definition(change)) == ["bytes-outside-table"]


def test_an_extended_mic_that_differs_between_devices_is_nobodys() -> None:
    found = definition(lambda body: put(extended_mic(body), hmac_type="${h}"))
    found["placeholders"] = {"h": {"kind": "uint8", "default": 1}}
    assert codes(found) == ["extended-mic-of-unknown-type"]
    assert codes(found, document=True) == []


def test_flows_may_come_of_the_profile_of_an_aggregate() -> None:
    profile = [{"reference": 1}, {"qos_profile_name": "gold"}]
    body = [{"network_access": 1}, {"upstream_aggregate_service_flow": profile}]
    assert codes({"kind": "cm", "body": body}) == ["missing-service-flow"]
    assert codes({"kind": "cm", "body": [*body, {"downstream_aggregate_service_flow": profile[1:]}]}) == [
        "missing-reference"
    ]


def test_a_file_of_somebody_else_may_hold_several_hashes() -> None:
    hashes = [{"snmp_set": {"oid": "pktcMtaDevProvConfigHash.0", "hex": digit * 40}} for digit in "12"]
    assert judge({"kind": "mta", "hash": "none", "body": hashes}, document=True) == []


def test_warnings_do_not_hide_an_error() -> None:
    def change(body: Body) -> None:
        body += [{"max_cpe": 8}] * 200
        put(down(body), reference=1)

    found = judge(definition(change))
    assert (found[0].rule.code, len(found)) == ("duplicate-reference", 101)


def test_a_file_that_nobody_signs_need_not_be_whole() -> None:
    found = {"kind": "cm", "mic": "none", "body": [{"max_cpe": 8}]}
    assert judge(found, document=True) == []
    assert codes({**found, "body": [{"max_cpe": 8}, {"max_cpe": 9}]}, document=True) == [
        "contradicting-setting"
    ]


def test_an_adapters_file_needs_no_flows() -> None:
    found = {
        "kind": "mta",
        "hash": "na",
        "body": [{"snmp_set": {"oid": "pktcMtaDevEnabled.0", "integer": 1}}],
    }
    assert judge(found) == []


def test_a_definition_that_does_not_compile_is_not_judged() -> None:
    assert judge({"kind": "cm", "body": [{"max_cpe": 300}]}) == []
    assert judge("nothing") == []


def test_the_number_of_findings_is_bounded() -> None:
    found = definition(lambda body: body.extend([{"max_cpe": 9}] * 500))
    assert len(judge(found)) == 100


def test_the_cases_that_were_found_in_the_field() -> None:
    """F1, F3, F4 and F7 of the cases."""
    flow = [{"reference": 1}, {"qos_parameter_set_type": 7}]
    dup = {
        "kind": "cm",
        "body": [
            {"network_access": 1},
            {"network_access": 0},
            {"upstream_service_flow": flow},
            {"upstream_service_flow": flow},
            {"downstream_service_flow": flow},
            {"upstream_packet_classifier": [{"reference": 1}, {"service_flow_reference": 99}]},
        ],
    }
    assert [str(finding) for finding in judge(dup)] == [
        "body[1].network_access: contradicts an earlier network_access (contradicting-setting)",
        "body[3].upstream_service_flow[0].reference: 1 is the reference of an earlier upstream_service_flow "
        "(duplicate-reference; CMTS: 18, duplicate reference ID or index in message)",
        "body[4].downstream_service_flow[0].reference: 1 is the reference of an earlier "
        "upstream_service_flow (duplicate-reference; CMTS: 18, duplicate reference ID or index in message)",
        "body[5].upstream_packet_classifier[1].service_flow_reference: there is no service flow 99 "
        "(classifier-without-flow; CMTS: 201, major classifier error)",
    ]
    assert codes({"kind": "cm", "body": [{"max_cpe": 8}]}) == [
        "missing-network-access",
        "missing-service-flow",
    ]
