"""Lookup keys: whose each class is, and every mistake that a rule can have."""

from collections.abc import Mapping
from ipaddress import ip_address
from random import Random
from typing import Any

import pytest

from services.settings.catalogue import Problem
from services.settings.lookup import PROBLEMS_MAX, Found, LookedUp, Lookup, key_of, lookup_problems

KINDS = {"data": "cm", "gold": "cm", "voice": "mta", "broken": ""}
DEVICE = "001a2c000001"
NO_KEY = "takes exactly one of mac, remote_id, circuit_id, subnet, or mac and remote_id"


def subject(device: str = DEVICE, address: str = "10.1.2.3", remote: str = "", circuit: str = "") -> LookedUp:
    return LookedUp(
        bytes.fromhex(device), ip_address(address).packed, bytes.fromhex(remote), bytes.fromhex(circuit)
    )


def find(rules: list[dict[str, Any]], kind: str = "cm", **about: str) -> str | None:
    """The class of whom this is about."""
    found = Lookup(rules, KINDS).find(subject(**about), kind)
    return None if found is None else found.class_name


def refuse_x(name: str, values: Mapping[str, Any]) -> Problem | None:
    """Stands for a template: every class but `broken` refuses a value x."""
    return Problem("x", f"is {values['x']}") if "x" in values and name != "broken" else None


def problems(*rules: Any) -> list[tuple[str, str]]:
    return [(path, reason) for path, reason in lookup_problems(rules, KINDS, refuse_x)]


def test_nobody_has_a_class_without_rules() -> None:
    assert find([]) is None


@pytest.mark.parametrize(
    ("rule", "about", "other"),
    [
        ({"mac": "00:1A:2C:00:00:01"}, {}, {"device": "001a2c000002"}),
        ({"mac": "00-1a-2c-00-00-01"}, {}, {"device": "001a2c000002"}),
        ({"mac": "001a.2c00.0001"}, {}, {"device": "001a2c000002"}),
        ({"mac": DEVICE}, {}, {"device": "001a2c000002"}),
        ({"remote_id": "00AA"}, {"remote": "00aa"}, {"remote": "00aa00"}),
        ({"circuit_id": "80000001"}, {"circuit": "80000001"}, {"remote": "80000001"}),
        ({"subnet": "10.1.0.0/16"}, {"address": "10.1.255.255"}, {"address": "10.2.0.0"}),
        ({"subnet": "10.1.2.3"}, {"address": "10.1.2.3"}, {"address": "10.1.2.2"}),
        ({"subnet": "0.0.0.0/0"}, {"address": "255.0.0.1"}, {"address": "::1"}),
        ({"subnet": "2001:db8::/32"}, {"address": "2001:db8:ffff::1"}, {"address": "2001:db9::"}),
        ({"subnet": "::/0"}, {"address": "::1"}, {"address": "0.0.0.1"}),
    ],
    ids=str,
)
def test_a_rule_is_for_who_has_its_key(
    rule: dict[str, Any], about: dict[str, str], other: dict[str, str]
) -> None:
    rules = [rule | {"class": "data"}]
    assert problems(*rules) == []
    assert find(rules, **about) == "data"
    assert find(rules, **other) is None
    assert find(rules, "mta", **about) is None


def test_an_empty_id_is_nobodys() -> None:
    assert find([{"remote_id": "00", "class": "data"}, {"circuit_id": "00", "class": "data"}]) is None


def test_the_nearest_key_decides_whatever_the_order_of_the_rules() -> None:
    rules: list[dict[str, Any]] = [
        {"mac": DEVICE},
        {"remote_id": "aa"},
        {"circuit_id": "bb"},
        {"subnet": "10.1.2.0/24"},
        {"subnet": "10.1.0.0/16"},
        {"subnet": "0.0.0.0/0"},
    ]
    names = [f"class{at}" for at in range(len(rules))]
    kinds = dict.fromkeys(names, "cm")
    for seed in range(20):
        left = [rule | {"class": name} for rule, name in zip(rules, names, strict=True)]
        for name in names:
            shuffled = Random(seed).sample(left, len(left))
            found = Lookup(shuffled, kinds).find(subject(remote="aa", circuit="bb"), "cm")
            assert found == Found(name, {})
            left.pop(0)


def test_a_cloned_mac_behind_another_modem_is_not_the_device() -> None:
    rules: list[dict[str, Any]] = [
        {"mac": DEVICE, "remote_id": "aa", "class": "gold"},
        {"subnet": "0.0.0.0/0", "class": "data"},
    ]
    assert problems(*rules) == []
    assert find(rules, remote="aa") == "gold"
    assert (
        find(rules, remote="ab") == find(rules) == find(rules, device="001a2c000002", remote="aa") == "data"
    )
    alone = {"mac": DEVICE, "class": "data"}
    assert find([rules[0], alone], remote="aa") == find([alone, rules[0]], remote="aa") == "gold"


def test_a_rule_of_another_kind_is_passed_over() -> None:
    rules = [
        {"mac": DEVICE, "class": "voice"},
        {"subnet": "10.1.2.0/24", "class": "voice"},
        {"subnet": "10.0.0.0/8", "class": "data"},
        {"subnet": "10.1.2.0/24", "class": "gold"},
    ]
    assert problems(*rules) == []
    assert find(rules) == "gold"
    assert find(rules, address="10.2.0.0") == "data"
    assert find(rules, "mta") == "voice"
    assert find(rules, "mta", device="001a2c000002", address="10.2.0.0") is None


def test_every_address_gets_the_longest_subnet_that_holds_it() -> None:
    random = Random(7)
    nets = {f"{random.getrandbits(8) % 4}.0.0.0/8" for _ in range(3)}
    nets |= {f"{random.getrandbits(2)}.{random.getrandbits(3)}.0.0/{16 + 8 * (at % 2)}" for at in range(20)}
    rules = [{"subnet": net, "class": f"class{at}"} for at, net in enumerate(sorted(nets))]
    lookup = Lookup(rules, {rule["class"]: "cm" for rule in rules})
    hits = 0
    for _ in range(500):
        address = ip_address(random.getrandbits(26) & 0x0307FFFF)
        holding = [rule for rule in rules if address in key_of(rule).value]
        best = max(holding, key=lambda rule: key_of(rule).value.prefixlen, default=None)
        found = lookup.find(LookedUp(bytes(6), address.packed, b"", b""), "cm")
        assert (found and found.class_name) == (best and best["class"])
        hits += best is not None
    assert 100 < hits < 500


def test_device_stands_for_the_mac_in_texts() -> None:
    values = {"a": "x-{device}.{device}", "b": 7, "c": "plain"}
    lookup = Lookup([{"subnet": "10.0.0.0/8", "class": "data", "values": values}], KINDS)
    for device in (DEVICE, "00aabbccddee"):
        expected = {"a": f"x-{device}.{device}", "b": 7, "c": "plain"}
        assert lookup.find(subject(device), "cm") == Found("data", expected)
    assert values["a"] == "x-{device}.{device}"


def test_what_is_found_is_the_askers_own() -> None:
    lookup = Lookup([{"mac": DEVICE, "class": "data", "values": {"b": 7}}], KINDS)
    found = lookup.find(subject(), "cm")
    assert found is not None
    found.values.clear()
    assert lookup.find(subject(), "cm") == Found("data", {"b": 7})


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ({"mac": DEVICE}, "mac 001a.2c00.0001"),
        ({"remote_id": "00AA"}, "remote_id 00aa"),
        ({"circuit_id": "80000001"}, "circuit_id 80000001"),
        ({"subnet": "2001:DB8:0::/32"}, "subnet 2001:db8::/32"),
        ({"mac": DEVICE, "remote_id": "00AA"}, "mac 001a.2c00.0001 remote_id 00aa"),
    ],
)
def test_a_key_is_shown_in_one_way(rule: dict[str, Any], text: str) -> None:
    assert str(key_of(rule)) == text


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ({}, NO_KEY),
        (
            {"mac": DEVICE, "subnet": "::/0"},
            "takes exactly one of mac, remote_id, circuit_id, subnet, or mac and remote_id",
        ),
        ({"mac": 1}, "must be text, not 1: what YAML takes for a number needs quotes"),
        ({"remote_id": 80000001}, "must be text, not 80000001: what YAML takes for a number needs quotes"),
        ({"subnet": None}, "must be text, not None: what YAML takes for a number needs quotes"),
        ({"mac": "00:1a:2c:00:00"}, "must be a hardware address such as 001a.2c00.0001, not '"),
        ({"mac": "00:1a:2c:00:00:0g"}, "must be a hardware address such as"),
        ({"mac": f"{DEVICE}\n"}, "must be a hardware address such as"),
        ({"remote_id": ""}, "must be 1 to 255 bytes in hex, not ''"),
        ({"remote_id": "0x01"}, "must be 1 to 255 bytes in hex"),
        ({"circuit_id": "abc"}, "must be 1 to 255 bytes in hex"),
        ({"circuit_id": "00 11"}, "must be 1 to 255 bytes in hex"),
        ({"circuit_id": "00" * 256}, "must be 1 to 255 bytes in hex"),
        ({"subnet": "10.0.0.1/8"}, "must be a subnet such as 127.64.0.0/11: 10.0.0.1/8 has host bits set"),
        ({"subnet": "10.0.0.0/33"}, "must be a subnet such as"),
        ({"subnet": "2001:db8::/129"}, "must be a subnet such as"),
        ({"subnet": "lab"}, "must be a subnet such as"),
    ],
    ids=str,
)
def test_a_wrong_key_is_named(key: dict[str, Any], said: str) -> None:
    ((path, reason),) = problems({"mac": "ffffffffffff", "class": "data"}, key | {"class": "data"})
    assert path == (f"lookup[1].{next(iter(key))}" if len(key) == 1 else "lookup[1]")
    assert reason.startswith(said)


@pytest.mark.parametrize(
    ("rule", "path", "said"),
    [
        ("data", "", "must be a mapping"),
        (None, "", "must be a mapping"),
        ({}, "", "must name a class"),
        ({"class": None}, ".class", "must name a class"),
        ({"class": ["data"]}, ".class", "must name a class"),
        ({"class": "dat"}, ".class", "there is no class 'dat'"),
        ({"class": "fax"}, ".class", "there is no class 'fax'"),
        ({"class": "data", "value": {}}, ".value", "is no part of a rule"),
        ({"class": "data", 17: {}}, ".17", "is no part of a rule"),
        ({"class": "data", "values": None}, ".values", "must map placeholders of the class to values"),
        ({"class": "data", "values": [1]}, ".values", "must map placeholders of the class to values"),
        ({"class": "data", "values": {"x": 1}}, ".values.x", "is 1"),
        ({"class": "data", "values": {"x": "{device}"}}, ".values.x", "is 001a2c000001"),
        ({"class": "data", "values": {"y": "a{devise}"}}, ".values.y", "knows {device}, not {devise}"),
        ({"class": "data", "values": {"y": "${y}"}}, ".values.y", "knows {device}, not {y}"),
    ],
    ids=str,
)
def test_a_wrong_rule_is_named(rule: Any, path: str, said: str) -> None:
    if isinstance(rule, dict):
        rule = {"mac": DEVICE, **rule}
    assert problems({"mac": "ffffffffffff", "class": "data"}, rule) == [(f"lookup[1]{path}", said)]


def test_every_mistake_of_a_rule_is_named() -> None:
    assert [
        path for path, _ in problems({"mac": 1, "class": "fax", "values": {"x": "{a}{b}"}, "kind": 2})
    ] == [
        "lookup[0].kind",
        "lookup[0].class",
        "lookup[0].values.x",
        "lookup[0].values.x",
        "lookup[0].values.x",
        "lookup[0].mac",
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"mac": DEVICE}, {"mac": "00:1A:2c:00:00:01"}),
        ({"remote_id": "AA"}, {"remote_id": "aa"}),
        ({"circuit_id": "AA"}, {"circuit_id": "aa"}),
        ({"subnet": "10.1.2.3/32"}, {"subnet": "10.1.2.3"}),
        ({"subnet": "2001:db8::/32"}, {"subnet": "2001:DB8:0::/32"}),
    ],
    ids=str,
)
def test_a_key_stands_once_per_kind(one: dict[str, Any], other: dict[str, Any]) -> None:
    first, between = one | {"class": "data"}, {"mac": "ffffffffffff", "class": "data"}
    assert problems(first, between, other | {"class": "gold"}) == [
        (f"lookup[2].{next(iter(one))}", "stands in lookup[0] already, which has a class of kind cm too")
    ]
    assert problems(first, between, other | {"class": "voice"}) == []
    assert problems(one | {"class": "broken"}, other | {"class": "broken"}) == []  # of which kind?


def test_one_id_may_be_a_remote_and_a_circuit() -> None:
    assert problems({"remote_id": "aa", "class": "data"}, {"circuit_id": "aa", "class": "data"}) == []


def test_who_took_the_wrong_file_is_told_so_soon() -> None:
    assert len(problems(*[1] * 10_000)) == PROBLEMS_MAX
