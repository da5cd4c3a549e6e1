"""Which classes a device is in, as far as Kea's tests say it, and in which order Kea looks at them."""

from typing import Any

import pytest

from services.dhcp.kea.doctor.client_classes import KINDS, Classes, Membership, Vendor
from services.dhcp.kea.doctor.levels import Scope
from services.dhcp.kea.doctor.telling import Handing

DOCSIS = "substring(option[60].hex,0,6) == 'docsis'"
WHOLE = "option[60].hex == 'docsis3.1:'"
NORTH = "option[82].option[1].hex == 'north'"


def classes(**tests: str) -> Classes:
    return Classes({"client-classes": [{"name": name, "test": test} for name, test in tests.items()]})


def is_in(found: Classes, other: str, one: str = "one") -> bool | None:
    """Whether a device of class `one` is in the other."""
    found_one = found.get(one)
    assert found_one is not None
    return found.is_in(found.facts(found_one), other)


@pytest.mark.parametrize(
    ("one", "other", "answer"),
    [
        (DOCSIS, DOCSIS, True),
        (DOCSIS, f"( {DOCSIS.replace(',', ' , ')} )", True),
        (DOCSIS, "substring(option[60].text,0,6)=='docsis'", True),
        (DOCSIS, "substring(option[vendor-class-identifier].hex,0,6) == 0x646f63736973", True),
        (DOCSIS, "substring(option[60].hex,0,3) == 'doc'", True),
        (DOCSIS, "substring(option[60].hex,0,7) == 'docsis3'", None),
        (DOCSIS, "substring(option[60].hex,0,4) == 'pktc'", False),
        (DOCSIS, "substring(option[60].hex,0,4) == 'docsis'", None),  # never true: not judged
        (DOCSIS, "substring(option[60].hex,2,4) == 'csis'", None),
        (DOCSIS, WHOLE, None),
        (DOCSIS, "option[60].hex == 'doc'", False),
        (DOCSIS, "substring(option[60].hex,0,all) == 'pktc'", False),
        (WHOLE, DOCSIS, True),
        (WHOLE, "option[60].hex == 'docsis3.0:'", False),
        (WHOLE, "substring(option[60].hex,0,11) == 'docsis3.1:x'", False),
        (DOCSIS, NORTH, None),
        (f"{DOCSIS} and {NORTH}", DOCSIS, True),
        (f"{DOCSIS} and {NORTH}", f"{NORTH} and ({DOCSIS})", True),
        (DOCSIS, f"{DOCSIS} and {NORTH}", None),
        (DOCSIS, f"({DOCSIS}) or ({NORTH})", None),
        (f"{DOCSIS} and {NORTH} or {NORTH}", DOCSIS, None),
        (DOCSIS, "member('one')", True),
        (DOCSIS, "not member('one')", False),
        (DOCSIS, f"member('one') and {NORTH}", None),
        (DOCSIS, f"not (member('one')) and {NORTH}", False),
        (DOCSIS, "not member('nobody')", None),
        ("option[60].hex == 'a and b'", "option[60].hex == 'a and b'", True),
        (DOCSIS, "member('KNOWN')", None),
        (DOCSIS, "member('ALL')", True),
        (WHOLE, "member('VENDOR_CLASS_docsis3.1:')", True),
        (WHOLE, "member('VENDOR_CLASS_docsis3.0:')", False),
    ],
)
def test_a_device_of_one_class_is_in_another(one: str, other: str, answer: bool | None) -> None:
    assert is_in(classes(one=one, other=other), "other") is answer


def test_what_follows_by_way_of_another_class() -> None:
    found = classes(docsis=DOCSIS, gold=f"member('docsis') and {NORTH}", one="member('gold')")
    assert is_in(found, "docsis") is True
    assert is_in(found, "gold") is True
    assert is_in(classes(docsis=DOCSIS, one="not member('docsis')"), "docsis") is False
    assert is_in(classes(docsis=DOCSIS, other=DOCSIS, one="not member('docsis')"), "other") is not True


def test_a_class_that_is_evaluated_late_says_nothing_of_one_before() -> None:
    late = {"name": "late", "test": DOCSIS, "only-if-required": True}
    found = Classes({"client-classes": [late, {"name": "one", "test": "member('late')"}]})
    assert found.is_in(KINDS["cm"], "late") is True
    assert found.is_in(KINDS["cm"], "one") is None


def test_classes_that_ask_for_each_other_have_an_end() -> None:
    found = classes(one="member('other')", other="member('one')")
    assert is_in(found, "other") is True
    assert found.is_in(frozenset(), "one") is None


def test_the_kind_of_a_device_says_its_class() -> None:
    found = classes(docsis=DOCSIS, pktc="substring(option[60].hex,0,4) == 'pktc'")
    assert [found.is_in(KINDS["cm"], name) for name in ("docsis", "pktc")] == [True, False]
    assert [found.is_in(KINDS["mta"], name) for name in ("docsis", "pktc")] == [False, True]


def test_everything_that_holds_in_a_class() -> None:
    found = classes(docsis=DOCSIS, one=f"member('docsis') and {NORTH}")
    one = found.get("one")
    assert one is not None
    facts = found.facts(one)
    assert {Membership("one", True), Membership("docsis", True), Vendor(b"docsis", False)} < facts
    assert len(facts) == 4  # and the term that nobody understands


def order(client_classes: list[dict[str, Any]], **subnet: Any) -> list[str]:
    network = {"require-client-classes": subnet.pop("around", [])}
    config = {"client-classes": client_classes}
    scope = Scope((("subnet", {"id": 1, **subnet}), ("network", network), ("Dhcp4", config)))
    return [one.name for one in Handing(Classes(config)).active(scope)]


def test_kea_looks_at_classes_in_this_order() -> None:
    tested = [{"name": name, "test": NORTH} for name in ("b", "a")]
    others = [{"name": name} for name in ("KNOWN", "VENDOR_CLASS_docsis", "ALL", "untested")]
    asking = {"name": "k", "test": "member('KNOWN')"}
    after = {"name": "after k", "test": "not member('k')"}
    late = [
        {"name": name, "test": NORTH, "only-if-required": True} for name in ("pool", "inner", "outer", "no")
    ]
    assert order(
        [asking, after, *late, *others[:1], *tested, *others[1:]],
        pools=[{"require-client-classes": ["pool"]}],
        around=["outer"],
        **{"require-client-classes": ["inner", "untested", "a"]},
    ) == ["VENDOR_CLASS_docsis", "ALL", "b", "a", "KNOWN", "k", "after k", "outer", "inner", "pool"]


def test_newer_versions_ask_for_classes_from_the_pool_outwards_and_need_no_test() -> None:
    late = [
        {"name": "subnet", "test": NORTH, "only-in-additional-list": True},
        {"name": "pool", "only-in-additional-list": True},
        {"name": "no", "only-in-additional-list": True},
    ]
    words = "evaluate-additional-classes"
    assert order(late, pools=[{words: ["pool"]}], **{words: ["subnet"]}) == ["pool", "subnet"]
