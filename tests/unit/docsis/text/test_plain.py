"""Definitions in plain words: the same file, without names that only its writer knows."""

from pathlib import Path
from typing import Any

import pytest

from bus.config.yaml_file import read_yaml
from services.docsis.errors import DocsisError
from services.docsis.mib.names import BUILT_IN, Object
from services.docsis.mib.syntax import IndexPart, syntax
from services.docsis.text.body import compile_item
from services.docsis.text.plain import named, plain, with_unknown
from services.docsis.tlvs.rows.tlv_row import ValueKind
from services.docsis.tlvs.tlv_table import TABLE

OWN = BUILT_IN.with_objects(
    [
        Object("OWN-MIB", "ownRoot", "1.3.6.1.4.1.32473"),
        Object("OWN-MIB", "ownMode", "1.3.6.1.4.1.32473.1", syntax("integer slow(1) fast(2)"), ()),
        Object("OWN-MIB", "ownBits", "1.3.6.1.4.1.32473.2", syntax("bits a(0) b(9)"), ()),
        Object("OWN-MIB", "ownName", "1.3.6.1.4.1.32473.3.1.2", syntax("octets"), [IndexPart("implied")]),
    ]
)
SETTINGS = Path(__file__).parents[4] / "deploy/settings"


def entry(item: dict[str, Any]) -> Any:
    """One entry of a body in plain words, in which everything is known."""
    found, unknown = plain({"kind": "cm", "body": [item]}, OWN)
    assert unknown == []
    return found["body"][0]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({"oid": "ownMode.0", "integer": "fast"}, {"oid": "enterprises.32473.1.0", "integer": 2}),
        ({"oid": "ownMode.0", "integer": "fast(2)"}, {"oid": "enterprises.32473.1.0", "integer": 2}),
        ({"oid": "1.3.6.1.4.1.32473.1.0", "integer": "fast"}, {"oid": "1.3.6.1.4.1.32473.1.0", "integer": 2}),
        ({"oid": "ownMode.0", "integer": "${mode}"}, {"oid": "enterprises.32473.1.0", "integer": "${mode}"}),
        ({"oid": "ownBits.0", "bits": "a, b"}, {"oid": "enterprises.32473.2.0", "hex": "8040"}),
        ({"oid": "ownName.'ab'", "string": "x"}, {"oid": "enterprises.32473.3.1.2.97.98", "string": "x"}),
        (
            {"oid": "sysObjectID.0", "object_id": "ownRoot.7"},
            {"oid": "sysObjectID.0", "object_id": "enterprises.32473.7"},
        ),
        (
            {"oid": "docsDevNmAccessStatus.1", "integer": "active"},
            {"oid": "docsDevNmAccessStatus.1", "integer": 1},
        ),
        ({"oid": "IF-MIB::ifAdminStatus.1", "integer": 2}, {"oid": "ifAdminStatus.1", "integer": 2}),
        (
            {"oid": "PKTC-MTA-MIB::pktcMtaDevEnabled.0", "integer": 1},
            {"oid": "pktcMtaDevEnabled.0", "integer": 1},
        ),
        (
            {"oid": "PKTC-IETF-MTA-MIB::pktcMtaDevEnabled.0", "integer": 1},
            {"oid": "PKTC-IETF-MTA-MIB::pktcMtaDevEnabled.0", "integer": 1},
        ),
        ({"oid": "1.3.6.1.2.1.1.6.0", "string": "fast"}, {"oid": "1.3.6.1.2.1.1.6.0", "string": "fast"}),
        ({"oid": ".1.3.6.1.2.1.1.6.0", "string": "x"}, {"oid": ".1.3.6.1.2.1.1.6.0", "string": "x"}),
    ],
)
def test_varbinds(written: dict[str, Any], expected: dict[str, Any]) -> None:
    assert entry({"snmp_set": written}) == {"snmp_set": expected}
    assert entry({"snmp_set": expected}) == {"snmp_set": expected}


def test_prefixes_and_identifiers_in_groups() -> None:
    assert entry({"snmp_write_access_control": {"oid": "ownRoot", "write": "deny"}}) == {
        "snmp_write_access_control": {"oid": "enterprises.32473", "write": "deny"}
    }
    assert entry(
        {"snmp_v3_notification_receiver": [{"filtering_parameters": "ownMode"}, {"retries": 1}]}
    ) == {"snmp_v3_notification_receiver": [{"filtering_parameters": "enterprises.32473.1"}, {"retries": 1}]}


def test_no_other_tlv_has_the_name_of_one_that_holds_a_name() -> None:
    """So a key says whether there is a name below it, wherever it stands."""
    kinds = {ValueKind.VARBIND, ValueKind.WRITE_CONTROL, ValueKind.OBJECT_ID}
    holding = {row.name for row in TABLE if row.kind in kinds}
    assert {row.name for row in TABLE if row.kind not in kinds} & holding == set()


@pytest.mark.parametrize(
    ("varbind", "path", "reason"),
    [
        ({"oid": "ownMdoe.0", "integer": 1}, "oid", "did you mean 'ownMode'?"),
        ({"oid": "ownMode.0", "integer": "quick"}, "integer", "there are slow(1), fast(2)"),
        ({"oid": "ownBits.0", "bits": "c"}, "bits", "there are a(0), b(9)"),
        ({"oid": "sysObjectID.0", "object_id": "ownRoto"}, "object_id", "did you mean 'ownRoot'?"),
    ],
)
def test_what_is_not_known_stays_and_is_named(varbind: dict[str, Any], path: str, reason: str) -> None:
    found, (error,) = plain({"kind": "cm", "body": [{"max_cpe": 1}, {"snmp_set": varbind}]}, OWN)
    assert found["body"][1]["snmp_set"][path] == varbind[path]
    assert error.path == f"body[1].snmp_set.{path}"
    assert reason in error.reason


def test_what_is_known_better_is_said_instead() -> None:
    errors = [DocsisError("body[0]", "a"), DocsisError("body[1]", "b")]
    assert [
        str(one) for one in with_unknown(errors, [DocsisError("body[1]", "c"), DocsisError("x", "d")])
    ] == [
        "body[0]: a",
        "body[1]: c",
    ]


@pytest.mark.parametrize(
    "definition",
    [
        None,
        [],
        {},
        {"body": None},
        {
            "body": [
                None,
                1,
                "x",
                [],
                {},
                {1: {"oid": 1}},
                {"snmp_set": None},
                {"snmp_set": {"oid": None, "a": 1}},
            ]
        },
        {"body": [{"snmp_set": {"oid": "1.3.6.1.2.1.1.6.0"}}, {"filtering_parameters": 7}]},
        {"body": [{"snmp_set": {"oid": "sysName.0", "bits": {}, "integer": []}}]},
        {"body": [{"upstream_service_flow": [[[[[[[[[[{"a": 1}]]]]]]]]]]}]},
    ],
)
def test_what_is_no_definition_is_left_to_the_compiler(definition: object) -> None:
    assert plain(definition, OWN)[0] == definition
    assert named(definition, OWN) == definition


def test_a_document_shows_names_that_only_its_reader_knows() -> None:
    body = [
        {"snmp_set": {"oid": "enterprises.32473.1.0", "integer": 2}},
        {"snmp_set": {"oid": "sysName.0", "string": "a"}},
        {"tlv": 43, "hex": "00"},
    ]
    found = named({"kind": "cm", "body": body}, OWN)
    assert found["body"][0] == {"snmp_set": {"oid": "ownMode.0", "integer": 2}}
    assert found["body"][1:] == body[1:]
    assert plain(found, OWN)[0]["body"] == body


@pytest.mark.parametrize("path", sorted(SETTINGS.glob("*.yaml")), ids=lambda path: path.name)
def test_the_plants_settings_are_plain_and_stay_the_same_bytes(path: Path) -> None:
    data, _ = read_yaml(path)
    for definition in data["classes"].values() if "classes" in data else [data]:
        found, unknown = plain(definition)
        assert unknown == []
        for before, after in zip(definition["body"], found["body"], strict=True):
            if "snmp_set" in before and "${" not in str(before):
                assert compile_item(before, "cm", ()) == compile_item(after, "cm", ())
