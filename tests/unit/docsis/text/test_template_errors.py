"""Wrong definitions: each error names the path of what is wrong."""

import pytest

from services.docsis.errors import PROBLEMS_MAX, DocsisError, Misnamed
from services.docsis.text.template import compile_template, problems

EVERY_KIND: dict[str, object] = {
    "small": {"kind": "uint8"},
    "middle": {"kind": "uint16"},
    "large": {"kind": "uint32"},
    "line": {"kind": "string"},
    "server": {"kind": "ipv4"},
}


def refused(definition: object) -> DocsisError:
    with pytest.raises(DocsisError) as caught:
        compile_template(definition)  # type: ignore[arg-type]
    return caught.value


FLOW = "upstream_service_flow"


@pytest.mark.parametrize(
    ("entry", "path"),
    [
        ("network_access", "body[1]"),
        ({}, "body[1]"),
        ({"netwrk_access": 1}, "body[1]"),
        ({7: 1}, "body[1]"),
        ({"network_access": 1, "max_cpe": 1}, "body[1]"),
        ({"network_access": 2}, "body[1].network_access"),
        ({"network_access": True}, "body[1].network_access"),
        ({"network_access": None}, "body[1].network_access"),
        ({"max_cpe": "4"}, "body[1].max_cpe"),
        ({"max_cpe": "${none}"}, "body[1].max_cpe"),
        ({"max_cpe": "${middle}"}, "body[1].max_cpe"),
        ({"max_cpe": "${line}"}, "body[1].max_cpe"),
        ({"max_cpe": "${server}"}, "body[1].max_cpe"),
        ({"max_cpe": "1${small}"}, "body[1].max_cpe"),
        ({"software_upgrade_server": 3221225985}, "body[1].software_upgrade_server"),
        ({"software_upgrade_server": "${large}"}, "body[1].software_upgrade_server"),
        ({"software_upgrade_filename": ""}, "body[1].software_upgrade_filename"),
        ({"software_upgrade_filename": 1}, "body[1].software_upgrade_filename"),
        ({"software_upgrade_filename": "a\0"}, "body[1].software_upgrade_filename"),
        ({"software_upgrade_filename": "${none}.bin"}, "body[1].software_upgrade_filename"),
        ({"vendor_specific": "08 03"}, "body[1].vendor_specific"),
        ({"vendor_specific": 803}, "body[1].vendor_specific"),
        ({"vendor_specific": ""}, "body[1].vendor_specific"),
        ({"vendor_specific": "${line}"}, "body[1].vendor_specific"),
        ({"subscriber_management_control": "0004"}, "body[1].subscriber_management_control"),
        ({"subscriber_management_filters": [1, 2, 3]}, "body[1].subscriber_management_filters"),
        ({"subscriber_management_filters": [1, 2, 3, "x"]}, "body[1].subscriber_management_filters[3]"),
        ({"subscriber_management_filters": 1}, "body[1].subscriber_management_filters"),
        ({FLOW: []}, f"body[1].{FLOW}"),
        ({FLOW: {"reference": 1}}, f"body[1].{FLOW}"),
        ({FLOW: [{"reference": 0}]}, f"body[1].{FLOW}[0].reference"),
        ({FLOW: [{"reference": 1}, {"refernce": 1}]}, f"body[1].{FLOW}[1]"),
        ({FLOW: [{"max_downstream_latency": 1}]}, f"body[1].{FLOW}[0]"),
        ({FLOW: [{"max_sustained_rate": "fast"}]}, f"body[1].{FLOW}[0].max_sustained_rate"),
        ({FLOW: [{"max_sustained_rate": "5 Gbit/s"}]}, f"body[1].{FLOW}[0].max_sustained_rate"),
        ({FLOW: [{"max_sustained_rate": "0.5 bit/s"}]}, f"body[1].{FLOW}[0].max_sustained_rate"),
        ({FLOW: [{"max_sustained_rate": "20 mbit/s"}]}, f"body[1].{FLOW}[0].max_sustained_rate"),
        ({FLOW: [{"service_class_name": "x" * 16}]}, f"body[1].{FLOW}[0].service_class_name"),
        ({FLOW: [{"service_class_name": "ë"}]}, f"body[1].{FLOW}[0].service_class_name"),
        ({FLOW: [{"request_transmission_policy": "00"}]}, f"body[1].{FLOW}[0].request_transmission_policy"),
        ({FLOW: [{"tlv": 43, "hex": "00" * 250}, {"reference": 1}]}, f"body[1].{FLOW}"),
        (
            {"upstream_packet_classifier": [{"ipv4": [{"protocol": 258}]}]},
            "body[1].upstream_packet_classifier[0].ipv4[0].protocol",
        ),
        (
            {"upstream_packet_classifier": [{"ethernet": [{"source_mac": "00:1a"}]}]},
            "body[1].upstream_packet_classifier[0].ethernet[0].source_mac",
        ),
        ({"snmp_set": "1.3.6.1"}, "body[1].snmp_set"),
        ({"snmp_set": {"oid": "1.3.6.1"}}, "body[1].snmp_set"),
        ({"snmp_set": {"integer": 1, "string": "x"}}, "body[1].snmp_set"),
        ({"snmp_set": {"oid": "1.3.6.1", "float": 1}}, "body[1].snmp_set"),
        ({"snmp_set": {"oid": 1.3, "integer": 1}}, "body[1].snmp_set.oid"),
        ({"snmp_set": {"oid": "1." + "9" * 5000, "integer": 1}}, "body[1].snmp_set.oid"),
        ({"snmp_set": {"oid": "1.3.6.1", "integer": 2**31}}, "body[1].snmp_set.integer"),
        ({"snmp_set": {"oid": "1.3.6.1", "gauge32": -1}}, "body[1].snmp_set.gauge32"),
        ({"snmp_set": {"oid": "1.3.6.1", "ipaddress": "::1"}}, "body[1].snmp_set.ipaddress"),
        ({"snmp_set": {"oid": "1.3.6.1", "timeticks": "${line}"}}, "body[1].snmp_set.timeticks"),
        ({"snmp_set": {"oid": "1.3.6.1", "object_id": "x"}}, "body[1].snmp_set.object_id"),
        ({"tlv": 43}, "body[1]"),
        ({"tlv": 43, "hex": "00", "max_cpe": 1}, "body[1]"),
        ({"tlv": "43", "hex": "00"}, "body[1].tlv"),
        ({"tlv": True, "hex": "00"}, "body[1].tlv"),
        ({"tlv": 300, "hex": "00"}, "body[1].tlv"),
        ({"tlv": 43, "hex": "0"}, "body[1].hex"),
        ({"tlv": 43, "hex": ""}, "body[1].hex"),
        ({"tlv": 43, "hex": "00" * 255}, "body[1].hex"),
        *[({"tlv": ours, "hex": "00"}, "body[1].tlv") for ours in (0, 6, 7, 19, 20, 59, 255)],
        ({"tftp_server_timestamp": 1}, "body[1].tftp_server_timestamp"),
        ({"pad": 1}, "body[1]"),
    ],
)
def test_an_error_names_its_path(entry: object, path: str) -> None:
    body = [{"network_access": 1}, entry]
    error = refused({"kind": "cm", "placeholders": EVERY_KIND, "body": body})
    assert error.path == path
    assert str(error) == f"{path}: {error.reason}"


@pytest.mark.parametrize(
    ("definition", "path"),
    [
        (None, ""),
        ({}, "kind"),
        ({"kind": "cmts"}, "kind"),
        ({"kind": ["cm"]}, "kind"),
        ({"kind": "cm"}, "body"),
        ({"kind": "cm", "body": []}, "body"),
        ({"kind": "cm", "body": {"max_cpe": 1}}, "body"),
        ({"kind": "cm", "body": [{"max_cpe": 1}], "hash": "na"}, "hash"),
        ({"kind": "cm", "body": [{"max_cpe": 1}], "palceholders": {}}, "palceholders"),
        ({"kind": "cm", "body": [{"max_cpe": 1}] * 32_769}, "body"),
        ({"kind": "cm", "body": [{"tlv": 43, "hex": "00" * 254}] * 256}, "body"),
        ({"kind": "cm", "body": [{"tlv": 4, "hex": "010101"}, {"tlv": 25, "hex": "010101"}]}, "body"),
        ({"kind": "mta", "body": [{"tlv": 43, "hex": "00"}]}, "hash"),
        ({"kind": "cm", "tail": "ff", "body": [{"max_cpe": 1}]}, "tail"),
        ({"kind": "cm", "mic": "none", "body": [{"max_cpe": 1}]}, "mic"),
        ({"kind": "mta", "hash": "xx", "body": [{"tlv": 43, "hex": "00"}]}, "hash"),
        ({"kind": "mta", "hash": ["na"], "body": [{"tlv": 43, "hex": "00"}]}, "hash"),
        ({"kind": "mta", "hash": "na", "body": [{"max_cpe": 1}]}, "body[0]"),
        ({"kind": "mta", "hash": "na", "body": [{"tlv": 254, "hex": "01"}]}, "body[0].tlv"),
        (
            {
                "kind": "mta",
                "hash": "na",
                "body": [{"snmp_set": {"oid": "1.3.6.1.4.1.4491.2.2.1.1.2.7.0", "hex": "00"}}],
            },
            "body[0].snmp_set.oid",
        ),
        (
            {
                "kind": "cm",
                "placeholders": {"a": {"kind": "uint8", "default": 2}},
                "body": [{"network_access": "${a}"}],
            },
            "placeholders.a.default",
        ),
        (
            {"kind": "cm", "body": [{"class_of_service": [{"class_id": 1}]}, {FLOW: [{"reference": 1}]}]},
            "body",
        ),
    ],
)
def test_an_error_of_the_whole_names_its_part(definition: object, path: str) -> None:
    assert refused(definition).path == path


def test_a_wrong_name_remembers_the_right_ones() -> None:
    reason = refused({"kind": "cm", "body": [{"netwrk_access": 1}]}).reason
    assert isinstance(reason, Misnamed)
    assert (reason.name, "network_access" in reason.known) == ("netwrk_access", True)
    assert reason == "there is no TLV 'netwrk_access' here; what has no name is written {tlv: N, hex: '...'}"


def test_every_problem_is_found_in_its_order() -> None:
    definition = {
        "kind": "cm",
        "colour": "blue",
        "placeholders": {"a": {"kind": "uint9"}, "b": {"kind": "uint8", "default": 300}},
        "body": [
            {"network_access": 2},
            {"max_cpe": 4},
            {FLOW: [{"reference": 0}, {"scheduling_type": 2}, {"max_sustained_rate": "fast"}]},
            {"tlv": 6, "hex": "00"},
        ],
    }
    found = problems(definition)
    assert [error.path for error in found] == [
        "colour",
        "placeholders.a.kind",
        "body[0].network_access",
        f"body[2].{FLOW}[0].reference",
        f"body[2].{FLOW}[2].max_sustained_rate",
        "body[3].tlv",
        "placeholders.b.default",
    ]
    assert str(refused(definition)) == str(found[0])


def test_problems_are_bounded() -> None:
    assert len(problems({"kind": "cm", "body": [{"max_cpe": -1}] * 1000})) == PROBLEMS_MAX
    nested = [{FLOW: [{"reference": 0}] * 1000}] * 1000
    assert len(problems({"kind": "cm", "body": nested})) == PROBLEMS_MAX


@pytest.mark.parametrize("definition", [None, [], {}, {"kind": "x"}])
def test_what_is_no_definition_is_one_problem(definition: object) -> None:
    assert len(problems(definition)) == 1


def test_a_right_definition_has_no_problems() -> None:
    assert problems({"kind": "cm", "body": [{"max_cpe": 1}]}) == []
