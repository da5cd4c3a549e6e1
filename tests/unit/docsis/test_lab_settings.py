"""The lab's catalogue compiles, packs, builds and verifies."""

import re
from pathlib import Path

import pytest
import yaml

from services.docsis.checks.verify import inspect, verify
from services.docsis.text.template import compile_template
from services.docsis.tlv import read
from services.settings.fragments import expand

LAB = Path(__file__).parents[3] / "deploy/settings/lab.yaml"
CLASSES = expand(yaml.safe_load(LAB.read_text(encoding="utf-8"))).classes
LINES: dict[str, object] = {"line1": "ca-1@cms-east.example.net", "line2": "ca-2@cms-west.example.net"}
VALUES: dict[str, dict[str, object]] = {
    "residential": {"customer": 4_000_000_000},
    "business": {"customer": 7},
    "voice": LINES,
}
SEALED_BYTES_MAX = 25  # what a sealed file name has room for


@pytest.mark.parametrize("name", CLASSES)
def test_every_class_builds_a_file_that_verifies(name: str) -> None:
    template = compile_template(CLASSES[name])
    packed = template.pack(VALUES[name])
    file = template.build(packed, address=b"\x0a\1\2\3", timestamp_s=1_700_000_000, secret=b"lab")
    assert verify(file, [b"lab"]) == "ok"
    assert re.fullmatch(r"[a-z0-9-]{1,12}", name)
    assert (len(packed) <= SEALED_BYTES_MAX) == (name != "voice")


def test_signatures() -> None:
    assert {name: compile_template(entry).signature for name, entry in CLASSES.items()} == {
        "residential": "cm(cpe_max:uint8,customer:uint32)",
        "business": "cm(customer:uint32)",
        "voice": "mta(line1:string,line2:string)",
    }


def test_residential_is_as_large_as_the_files_of_the_field() -> None:
    template = compile_template(CLASSES["residential"])
    packed = template.pack({"customer": 1})
    file = template.build(packed, address=bytes(4), timestamp_s=0, secret=b"")
    assert packed == b"\x04\x00\x00\x00\x01"
    assert 2000 <= len(file) <= 3000
    assert b"customer 1" in file
    types = {tlv.type for tlv in read(file, "cm")}
    assert types >= {3, 11, 17, 18, 19, 20, 22, 23, 24, 25, 29, 35, 37, 43}


def test_the_default_of_cpe_max_can_be_overridden() -> None:
    template = compile_template(CLASSES["residential"])
    packed = template.pack({"customer": 1, "cpe_max": 9})
    file = template.build(packed, address=bytes(4), timestamp_s=0, secret=b"")
    assert [tlv.value for tlv in inspect(file).tlvs if tlv.type == 18] == [b"\x09"]
