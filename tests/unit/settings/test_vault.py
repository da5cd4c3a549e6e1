"""Secret values of a catalogue: sealed where they travel, opened where a key is, masked for people."""

import json
from typing import Any

import pytest

from bus.contract import encode
from bus.errors import DecodeError
from services.settings.catalogue import Classes, Problem, parse, record, version
from services.settings.record import CatalogueRecord
from services.settings.secret_values import MASK, Mask, mask_problems, masked
from services.settings.vault import KEY_BYTES, KeyGoneError, NoKeyError, Vault, sealed_with

OLD, NEW = (1, bytes(range(KEY_BYTES))), (2, bytes(range(1, KEY_BYTES + 1)))
SECRETS = ("c0mmunity", "l1ne-w0rd", "d3fault")
CLASSES: Classes = {
    "data": {
        "kind": "cm",
        "placeholders": {
            "password": {"kind": "string", "default": "d3fault"},
            "customer": {"kind": "uint32"},
        },
        "body": [
            {"network_access": 1},
            {"snmp_set": {"oid": "docsDevNmAccessCommunity.1", "string": "c0mmunity"}},
            {"snmp_set": {"oid": "1.3.6.1.2.1.1.6.0", "string": "${customer} ${password}"}},
        ],
    }
}
RULES = [{"mac": "00:1a:2c:00:00:01", "class": "data", "values": {"customer": 7, "password": "l1ne-w0rd"}}]
OPEN: Classes = {"data": {"kind": "cm", "body": [{"network_access": 1}]}}


@pytest.fixture
def found() -> CatalogueRecord:
    return Vault([OLD]).make(CLASSES, 3, RULES)


def test_no_secret_travels_open_and_everything_else_does(found: CatalogueRecord) -> None:
    written = encode(Vault([OLD]).seal(found)).decode()
    assert [secret for secret in (*SECRETS, found.salt) if secret in written] == []
    assert "docsDevNmAccessCommunity.1" in written
    assert '"customer":7' in written


def test_what_was_sealed_opens_as_it_was(found: CatalogueRecord) -> None:
    written = parse(encode(Vault([OLD]).seal(found)))
    assert Vault([OLD]).open(written) == found
    assert (found.classes, found.lookup) == (CLASSES, RULES)


def test_the_version_is_that_of_the_open_values_whatever_the_key(found: CatalogueRecord) -> None:
    under_both = [Vault([key, OLD]).seal(found) for key in (OLD, NEW)]
    assert [version(one) for one in under_both] == [version(found)] * 2
    assert [sealed_with(one) for one in under_both] == [{1}, {2}]
    assert under_both[0].classes != under_both[1].classes


def test_minters_with_one_key_write_the_same_bytes(found: CatalogueRecord) -> None:
    again = Vault([OLD]).make(CLASSES, 3, RULES)
    assert encode(Vault([OLD]).seal(again)) == encode(Vault([OLD]).seal(found))


def test_the_digest_says_nothing_to_who_tries_secrets_out(found: CatalogueRecord) -> None:
    assert record(CLASSES, 3, RULES).digest != found.digest
    assert len(found.salt) == 32


def test_who_has_not_the_key_is_told_which_one_is_missing(found: CatalogueRecord) -> None:
    written = Vault([NEW]).seal(found)
    with pytest.raises(KeyGoneError, match="generation 3 is sealed with settings key 2, which is not here"):
        Vault([OLD]).open(written)
    assert Vault([OLD, NEW]).open(written) == found


def test_without_a_key_nothing_secret_is_made_or_sealed(found: CatalogueRecord) -> None:
    with pytest.raises(NoKeyError):
        Vault().make(CLASSES, 3, RULES)
    with pytest.raises(NoKeyError):
        Vault().seal(found)
    with pytest.raises(NoKeyError):
        Vault().seal(record(CLASSES, 3, RULES))


def test_what_has_no_secrets_needs_no_key_and_is_written_as_ever() -> None:
    made = Vault().make(OPEN, 3, ())
    assert made == record(OPEN, 3) == Vault().seal(made) == Vault().open(made)
    assert sealed_with(made) == frozenset()


def test_what_an_earlier_build_wrote_open_is_read_and_sealed_from_then_on() -> None:
    former = record(CLASSES, 3, RULES)
    assert Vault([OLD]).open(parse(encode(former))) == former
    written = parse(encode(Vault([OLD]).seal(former)))
    assert sealed_with(written) == {1}
    assert Vault([OLD]).open(written) == former


def _tampered(written: CatalogueRecord, change: Any) -> CatalogueRecord:
    data = json.loads(encode(written))
    change(data)
    return parse(json.dumps(data).encode())


def _move(data: Any) -> None:
    body = data["classes"]["data"]["body"]
    body[2]["snmp_set"]["string"] = body[1]["snmp_set"]["string"]


def _garble(data: Any) -> None:
    data["lookup"][0]["values"]["password"] = {"sealed": "AAAAAAAAAAAAAAAAAAAAAAAA"}


def _add(data: Any) -> None:
    data["classes"]["data"]["body"].append({"max_cpe": 4})


def _unsalt(data: Any) -> None:
    data["salt"] = ""


@pytest.mark.parametrize("change", [_move, _garble, _add, _unsalt])
def test_what_was_changed_on_its_way_does_not_open(found: CatalogueRecord, change: Any) -> None:
    with pytest.raises(DecodeError, match=r"is not sealed for it|does not match its digest"):
        Vault([OLD]).open(_tampered(Vault([OLD]).seal(found), change))


@pytest.mark.parametrize("sealed", ["zz", "1", "+1", "0001"])
def test_a_record_that_names_no_key_is_undecodable(found: CatalogueRecord, sealed: str) -> None:
    written = json.loads(encode(Vault([OLD]).seal(found))) | {"sealed": sealed}
    with pytest.raises(DecodeError):
        parse(json.dumps(written).encode())


def test_what_is_sealed_in_an_open_record_is_no_value(found: CatalogueRecord) -> None:
    written = Vault([OLD]).seal(found).model_copy(update={"sealed": ""})
    with pytest.raises(DecodeError, match="does not match its digest"):
        Vault([OLD]).open(written)


def test_people_see_masks() -> None:
    classes, lookup = masked(CLASSES, RULES)
    shown = json.dumps([classes, lookup])
    assert [secret for secret in SECRETS if secret in shown] == []
    assert lookup == [{**RULES[0], "values": {"customer": 7, "password": MASK}}]
    assert classes["data"]["body"][1] == {"snmp_set": {"oid": "docsDevNmAccessCommunity.1", "string": MASK}}
    assert CLASSES["data"]["body"][1]["snmp_set"]["string"] == "c0mmunity"


def test_a_mask_is_no_value() -> None:
    assert [one.path for one in mask_problems(*masked(CLASSES, RULES))] == [
        "classes.data.placeholders.password.default",
        "classes.data.body[1].snmp_set.string",
        "lookup[0].values.password",
    ]
    assert mask_problems(CLASSES, RULES) == []


def test_a_message_about_a_secret_does_not_show_it() -> None:
    hides = Mask.of((CLASSES, RULES))
    told = [Problem("", f"must be hex, not {secret!r}") for secret in (*SECRETS, "harmless")]
    assert [one.reason for one in hides.problems(told)] == [
        *(["must be hex, not '********'"] * 3),
        "must be hex, not 'harmless'",
    ]
    assert hides.value({"values.password": "l1ne-w0rd", "n": [7, "d3fault"]}) == {
        "values.password": MASK,
        "n": [7, MASK],
    }
