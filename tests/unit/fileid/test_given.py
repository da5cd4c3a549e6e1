"""Names that a DHCP server gives out by itself: which they are, and which row each stands for."""

import pytest

from fileid.given import Given, given_key, given_name

DEVICE, OTHER = bytes.fromhex("001a2c00aa01"), bytes.fromhex("001a2c00aa02")
HERE, THERE = bytes([127, 64, 0, 1]), bytes([127, 64, 0, 2])


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("modem.cm", b"modem.cm"),
        ("{device}.cm", b"001a2c00aa01.cm"),
        ("lab/{device}", b"lab/001a2c00aa01"),
        ("{device}-{device}", b"001a2c00aa01-001a2c00aa01"),
    ],
)
def test_the_name_that_a_device_is_told_is_found_by_its_key(pattern: str, name: bytes) -> None:
    assert given_name(pattern, DEVICE) == name
    given = Given([pattern])
    assert given.key(name, HERE) == given_key(pattern, DEVICE, HERE)
    assert given.is_key(given_key(pattern, DEVICE, HERE))


def test_a_shared_name_stands_for_another_row_at_each_address() -> None:
    assert given_key("modem.cm", DEVICE, HERE) != given_key("modem.cm", DEVICE, THERE)
    assert given_key("modem.cm", DEVICE, HERE) == given_key("modem.cm", OTHER, HERE)


def test_a_name_per_device_stands_for_one_row_at_every_address() -> None:
    assert given_key("{device}.cm", DEVICE, HERE) == given_key("{device}.cm", DEVICE, THERE)
    assert given_key("{device}.cm", DEVICE, HERE) != given_key("{device}.cm", OTHER, HERE)


def test_only_a_name_without_the_device_is_shared() -> None:
    shared = [Given(names).is_shared for names in (["{device}.cm"], ["{device}.cm", "modem.cm"], [])]
    assert shared == [False, True, False]


def test_the_keys_of_two_shared_names_are_two() -> None:
    keys = {given_key(name, DEVICE, HERE) for name in ("modem.cm", "modem.cfg")}
    assert len(keys) == 2


@pytest.mark.parametrize(
    "name",
    [
        b"",
        b"modem.c",
        b"modem.cm2",
        b"MODEM.CM",
        b"modemxcm",
        b"001a2c00aa01",
        b"001a2c00aa01xcm",
        b"001A2C00AA01.cm",
        b"001a2c00aa0g.cm",
        b"001a2c00aa0.cm",
        b"001a2c00aa010.cm",
        b"001a2c00aa01.cm\n",
        b"{device}.cm",
        b"a+b(001a2c00aa01).cfg",
        b"aab001a2c00aa01.cfg",
    ],
)
def test_other_names_are_not_given_out(name: bytes) -> None:
    given = Given(["modem.cm", "{device}.cm", "a+b{device}.cfg"])
    assert given.key(name, HERE) is None
    assert not given.is_key(name)


def test_what_a_pattern_has_beside_the_device_is_taken_literally() -> None:
    given = Given(["modem.*", "a+b[{device}].cfg", "^{device}$|x"])
    assert given.key(b"modem.*", HERE) is not None
    assert given.key(b"modem.cm", HERE) is None
    for name in (b"a+b[001a2c00aa01].cfg", b"^001a2c00aa01$|x"):
        assert given.key(name, HERE) == name
    for name in (b"aab001a2c00aa01.cfg", b"001a2c00aa01", b"x"):
        assert given.key(name, HERE) is None


def test_the_key_of_a_shared_name_is_no_name_that_can_be_asked_for() -> None:
    key = given_key("modem.cm", DEVICE, HERE)
    given = Given(["modem.cm", "{device}.cm"])
    assert b"\0" in key  # a request ends its name there
    assert given.is_key(key)
    assert given.key(key, HERE) is None
    assert given.key(key, THERE) is None


def test_without_names_nothing_is_given_out() -> None:
    assert not Given()
    assert Given().key(b"modem.cm", HERE) is None
    assert not Given().is_key(b"001a2c00aa01.cm")
    for patterns in (["modem.cm"], ["{device}.cm"]):
        assert Given(patterns)
