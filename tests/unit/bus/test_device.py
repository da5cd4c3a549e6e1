"""A hardware address is read in every common form, and told in one."""

import re

import pytest

from bus.device import ASKED_PATTERN, TOLD_PATTERN, device_text, parse_device
from tests.nearly import DEVICES, NO_DEVICES

DEVICE = bytes.fromhex("001a2c000001")


@pytest.mark.parametrize("text", [*DEVICES, "00:1a:2c:00:00:01"])
def test_every_form_is_read(text: str) -> None:
    assert parse_device(text) == DEVICE
    assert re.search(ASKED_PATTERN, text)


@pytest.mark.parametrize("text", [*NO_DEVICES, "001a.2c00.0001.0002", "001a.2c00.00g1", "00 1a 2c 00 00 01"])
def test_what_is_nearly_one_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^is not a hardware address of 6 bytes$"):
        parse_device(text)


def test_it_is_told_as_a_cmts_prints_it() -> None:
    assert device_text(DEVICE) == "001a.2c00.0001"
    assert re.search(TOLD_PATTERN, device_text(DEVICE))
    assert parse_device(device_text(DEVICE)) == DEVICE
