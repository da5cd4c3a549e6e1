"""Instances with texts and labels: the numbers that net-snmp makes of them, and what has no numbers."""

import pytest

from services.docsis.errors import DocsisError
from services.docsis.mib.index import instance_numbers
from services.docsis.mib.names import BUILT_IN, object_name, object_oid
from services.docsis.mib.objects_syntax import INDICES, SYNTAXES
from services.docsis.mib.syntax import IndexPart

EXAMPLE_NET = "69.88.65.77.80.76.69.46.78.69.84"


@pytest.mark.parametrize("quote", ["'", '"'])
def test_a_realm_is_named_by_its_text_with_the_length_before_it(quote: str) -> None:
    oid = object_oid(f"pktcMtaDevRealmOrgName.{quote}EXAMPLE.NET{quote}")
    assert oid == f"1.3.6.1.4.1.4491.2.2.1.1.3.16.1.4.11.{EXAMPLE_NET}"
    assert object_name(oid) == f"pktcMtaDevRealmOrgName.11.{EXAMPLE_NET}"


# What snmptranslate of net-snmp 5.9.3 says to such indices. It takes single quotes for implied and fixed
# texts only and double ones for the others.
@pytest.mark.parametrize(
    ("instance", "index", "numbers"),
    [
        (".'ab'", [IndexPart("implied")], ".97.98"),
        ('."ab"', [IndexPart("text")], ".2.97.98"),
        (".'abc'", [IndexPart("fixed", 3)], ".97.98.99"),
        ('.5."ab"', [IndexPart("number"), IndexPart("text")], ".5.2.97.98"),
        (".'ab'", None, ".97.98"),
        ('."ab"', None, ".2.97.98"),
        ('.5."ab".7', None, ".5.2.97.98.7"),
    ],
)
def test_as_net_snmp(instance: str, index: list[IndexPart] | None, numbers: str) -> None:
    assert instance_numbers(instance, index, "x") == numbers


@pytest.mark.parametrize(
    ("instance", "index", "numbers"),
    [
        ('."ab"', [IndexPart("implied")], ".97.98"),
        (".'ab'", [IndexPart("text")], ".2.97.98"),
        ('."".1', [IndexPart("text"), IndexPart("number")], ".0.1"),
        ('."é"', [IndexPart("text")], ".2.195.169"),
        (r'."a\"b"', [IndexPart("text")], ".3.97.34.98"),
        (r".'a\'\\'", [IndexPart("implied")], ".97.39.92"),
        ('."a.b"', [IndexPart("text")], ".3.97.46.98"),
        ('."a\'b"', [IndexPart("text")], ".3.97.39.98"),
        ('.192.0.2.1."a"', [IndexPart("address"), IndexPart("text")], ".192.0.2.1.1.97"),
        ('.2.97.98."c"', [IndexPart("text"), IndexPart("text")], ".2.97.98.1.99"),
        ('.2.1.3."c"', [IndexPart("identifier"), IndexPart("text")], ".2.1.3.1.99"),
        ('.97.98."c"', [IndexPart("fixed", 2), IndexPart("text")], ".97.98.1.99"),
        (".on.3", [IndexPart("number", labels={"on": 1}), IndexPart("number")], ".1.3"),
        (".on(1)", [IndexPart("number", labels={"on": 1})], ".1"),
        (".'a'.5", [IndexPart("fixed", 1)], ".97.5"),
        (".7", [IndexPart("text")], ".7"),
        ("", [IndexPart("text")], ""),
        (".1.2.3", [], ".1.2.3"),
    ],
)
def test_the_index_decides_the_form(instance: str, index: list[IndexPart], numbers: str) -> None:
    assert instance_numbers(instance, index, "x") == numbers


@pytest.mark.parametrize(
    ("instance", "index", "reason"),
    [
        (".'ab'", [IndexPart("fixed", 3)], "takes a text of 3 bytes there"),
        (".'ab'", [IndexPart("number")], "takes a number there"),
        (".'ab'", [IndexPart("address")], "takes an address such as 192.0.2.1 there"),
        (".'ab'", [IndexPart("identifier")], "takes the length of an identifier and its numbers there"),
        (".'ab'", [IndexPart("implied_identifier")], "takes the numbers of an identifier there"),
        (".'ab'", [], "'ab' follows the whole index of x"),
        (".1.'ab'", [IndexPart("number")], "'ab' follows the whole index of x"),
        (".on", [IndexPart("number")], "'on' is no label in the index of x: write its number"),
        (".off", [IndexPart("number", labels={"on": 1})], "no label in the index of x; there are on(1)"),
        (".on(2)", [IndexPart("number", labels={"on": 1})], "there are on(1)"),
        (".on", None, "write its number"),
        (".'ab", None, "is no instance of x"),
        (".", None, "is no instance of x"),
        (".0\n", None, "is no instance of x"),
        ("..0", None, "is no instance of x"),
        (".'a'b", None, "is no instance of x"),
        (".-1", None, "is no instance of x"),
        ("." + "1" * 11, None, "is no instance of x"),
    ],
)
def test_what_has_no_numbers_is_refused(instance: str, index: list[IndexPart] | None, reason: str) -> None:
    with pytest.raises(DocsisError) as caught:
        instance_numbers(instance, index, "x")
    assert reason in caught.value.reason


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ('vacmGroupName.3."initial"', "1.3.6.1.6.3.16.1.2.1.3.3.7.105.110.105.116.105.97.108"),
        ('vacmAccessReadViewName."g"."".3.noAuthNoPriv', "1.3.6.1.6.3.16.1.4.1.5.1.103.0.3.1"),
        ("snmpTargetAddrTAddress.'ab'", "1.3.6.1.6.3.12.1.2.1.3.97.98"),
        ("snmpCommunityStatus.'ab'", "1.3.6.1.6.3.18.1.1.1.8.97.98"),
        ("SNMP-NOTIFICATION-MIB::snmpNotifyTag.'ab'", "1.3.6.1.6.3.13.1.1.1.2.97.98"),
        ("docsDevEvReporting.emergency", "1.3.6.1.2.1.69.1.5.7.1.2.1"),
        ("docsDevCpeInetRowStatus.ipv4.4.192.0.2.1", "1.3.6.1.2.1.69.1.7.4.1.4.1.4.192.0.2.1"),
    ],
)
def test_the_tables_of_the_field(name: str, numbers: str) -> None:
    assert object_oid(name) == numbers


def test_every_syntax_is_of_an_object_and_every_index_of_a_table() -> None:
    assert {(one.module, one.name) for one in BUILT_IN} >= SYNTAXES.keys()
    assert {one.oid.rpartition(".")[0] for one in BUILT_IN if one.syntax} >= INDICES.keys()


def test_every_row_status_stands_in_a_table_with_an_index() -> None:
    found = [one for one in BUILT_IN if one.syntax and "createAndGo" in one.syntax.labels]
    assert len(found) >= 20
    assert [str(one) for one in found if not one.instances] == []
