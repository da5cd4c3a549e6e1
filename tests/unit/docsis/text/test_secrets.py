"""Which values of a definition are secret: by a mark, by the tables, by the name of a placeholder."""

from typing import Any

import pytest

from services.docsis.judge.rules import judge
from services.docsis.text.difference import differences
from services.docsis.text.secrets import Place, Secrets, secrets_of
from services.docsis.text.template import compile_template, problems

COMMUNITY = "1.3.6.1.2.1.69.1.2.1.4.1"


def modem(*body: Any, **placeholders: Any) -> dict[str, Any]:
    return {"kind": "cm", "placeholders": placeholders, "body": [*body]}


def varbind(oid: str, **value: Any) -> dict[str, Any]:
    return {"snmp_set": {"oid": oid, **value}}


@pytest.mark.parametrize(
    ("entry", "place"),
    [
        (varbind(COMMUNITY, string="hidden"), ("snmp_set", "string")),
        (varbind(f".{COMMUNITY}", hex="00"), ("snmp_set", "hex")),
        (varbind("docsDevNmAccessCommunity.1", string="hidden"), ("snmp_set", "string")),
        (varbind("snmpCommunityName.5", string="hidden"), ("snmp_set", "string")),
        (
            {"snmp_v1v2c_coexistence": [{"community_name": "a"}]},
            ("snmp_v1v2c_coexistence", 0, "community_name"),
        ),
        ({"snmp_v3_kickstart": [{"security_name": "a"}]}, ("snmp_v3_kickstart", 0, "security_name")),
        ({"snmp_v3_kickstart": [{"tlv": 2, "hex": "00ff"}]}, ("snmp_v3_kickstart", 0, "hex")),
        (
            {"erouter": [{"tr069_management_server": [{"password": "a"}]}]},
            ("erouter", 0, "tr069_management_server", 0, "password"),
        ),
        ({"tlv": 53, "hex": "0104"}, ("hex",)),
        ({"tlv": 34, "hex": "0104"}, ("hex",)),
        ({"tlv": 202, "hex": "0104"}, ("hex",)),
        ({"tlv": 11, "hex": "3016060c2b060102014501020104010406686964646e"}, None),
        ({"vendor_specific": "0803ffffff", "secret": True}, ("vendor_specific",)),
        ({"secret": True, "tlv": 18, "hex": "04"}, ("hex",)),
        ({**varbind("1.3.6.1.2.1.1.6.0", string="x"), "secret": True}, ("snmp_set", "string")),
        ({**varbind(COMMUNITY, string="public"), "secret": False}, None),
        (varbind("docsDevNmAccessControl.1", integer=3), None),
        (varbind(COMMUNITY, string="${x}"), None),
        ({"max_cpe": 4}, None),
        ("no mapping", None),
        ({"snmp_set": "no mapping"}, None),
        ({"toaster": 3}, None),
        ({"tlv": "x", "hex": 3}, None),
        (varbind("no.such.name", string="x"), None),
    ],
)
def test_a_value_is_secret_by_its_mark_or_by_the_tables(entry: Any, place: Place | None) -> None:
    assert secrets_of(modem(entry)).places == ((("body", 0, *place),) if place else ())


def test_a_varbind_in_hexadecimal_is_read_for_its_object() -> None:
    written = compile_template(modem({"network_access": 1}, varbind(COMMUNITY, string="hidden")))
    file = written.build(b"", address=bytes(4), timestamp_s=0, secret=b"x")
    length = file[4]
    raw = {"tlv": 11, "hex": file[5 : 5 + length].hex()}
    assert secrets_of(modem(raw)).places == (("body", 0, "hex"),)


@pytest.mark.parametrize(
    ("declared", "is_secret"),
    [
        ({"kind": "string", "secret": True}, True),
        ({"kind": "string", "secret": False}, False),
        ({"kind": "string"}, False),
    ],
)
def test_a_placeholder_is_secret_by_its_mark(declared: dict[str, Any], is_secret: bool) -> None:
    found = secrets_of(modem({"max_cpe": 1}, line=declared))
    assert found == Secrets((), frozenset({"line"} if is_secret else ()))


@pytest.mark.parametrize("name", ["password", "line1_password", "snmp_community", "psk"])
def test_a_placeholder_is_secret_by_its_name_unless_it_says_otherwise(name: str) -> None:
    found = secrets_of(modem({"max_cpe": 1}, **{name: {"kind": "string", "default": "x"}}))
    assert found == Secrets((("placeholders", name, "default"),), frozenset({name}))
    assert secrets_of(modem(**{name: {"kind": "string", "secret": False}})) == Secrets()


def test_a_placeholder_that_fills_a_secret_place_is_secret() -> None:
    found = secrets_of(modem(varbind(COMMUNITY, string="lab-${area}"), area={"kind": "string"}))
    assert found == Secrets((("body", 0, "snmp_set", "string"),), frozenset({"area"}))


@pytest.mark.parametrize(
    "definition", [None, 3, {}, {"kind": "cm"}, {"kind": "cm", "body": 4}, {"kind": "fax"}]
)
def test_what_cannot_be_understood_has_no_secret(definition: object) -> None:
    assert secrets_of(definition) == Secrets()


def test_a_mark_changes_no_byte_and_no_verdict() -> None:
    coexistence = [{"community_name": "a"}]
    body: list[dict[str, Any]] = [{"max_cpe": 4}, {"snmp_v1v2c_coexistence": coexistence}]
    marked = [{**one, "secret": True} for one in body]
    plain, hidden = modem(*body), modem(*marked)
    files = [
        compile_template(one).build(b"", address=bytes(4), timestamp_s=0, secret=b"x")
        for one in (plain, hidden)
    ]
    assert files[0] == files[1]
    assert differences(plain, hidden) == []
    assert judge(plain) == judge(hidden)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"max_cpe": 4, "secret": "yes"}, "body[0].secret: must be true or false"),
        ({"secret": True}, "body[0]: marks no TLV: `secret` stands beside one"),
    ],
)
def test_a_mark_is_true_or_false_and_stands_beside_a_tlv(entry: Any, said: str) -> None:
    assert [str(one) for one in problems(modem(entry))] == [said]


def test_the_mark_of_a_placeholder_is_true_or_false() -> None:
    wrong = modem({"max_cpe": "${n}"}, n={"kind": "uint8", "secret": 1})
    assert "placeholders.n.secret: must be true or false" in map(str, problems(wrong))
