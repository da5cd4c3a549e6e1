"""`--mib DIR`: an operator's own names work in the command that is given them, and in nobody else's file."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.answering import answering

Provbus = Callable[..., subprocess.CompletedProcess[str]]
MIBS = Path(__file__).parent / "mibs"
DOCUMENT = """\
kind: cm
mic: none
body:
  - network_access: 1
  - snmp_set: {oid: exampleMode.0, integer: fast(2)}
  - snmp_set: {oid: exampleOptions.0, bits: log(0) beep(9)}
  - snmp_set: {oid: "EXAMPLE-CABLE-MIB::exampleUserStatus.'ann'", integer: createAndGo(4)}
  - snmp_set: {oid: 'exampleLineOpen.3."one".''DE''', integer: "true"}
  - snmp_set: {oid: 'exampleMoreGain.3."one"."DE"', integer: 7}
  - snmp_set: {oid: sysObjectID.0, object_id: exampleMib}
  - snmp_write_access_control: {oid: exampleObjects, write: deny}
"""
NUMBERS = """\
kind: cm
mic: none
body:
  - network_access: 1
  - snmp_set: {oid: 1.3.6.1.4.1.32473.1.1.0, integer: 2}
  - snmp_set: {oid: 1.3.6.1.4.1.32473.1.2.0, hex: "8040"}
  - snmp_set: {oid: 1.3.6.1.4.1.32473.1.5.1.2.97.110.110, integer: 4}
  - snmp_set: {oid: 1.3.6.1.4.1.32473.1.6.1.3.3.3.111.110.101.68.69, integer: 1}
  - snmp_set: {oid: 1.3.6.1.4.1.32473.1.7.1.1.3.3.111.110.101.68.69, integer: 7}
  - snmp_set: {oid: 1.3.6.1.2.1.1.2.0, object_id: 1.3.6.1.4.1.32473}
  - snmp_write_access_control: {oid: 1.3.6.1.4.1.32473.1, write: deny}
"""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    for name, text in (("names", DOCUMENT), ("numbers", NUMBERS)):
        (tmp_path / f"{name}.yaml").write_text(text)
    return tmp_path


def test_a_document_with_names_of_the_mib_is_the_file_of_its_numbers(provbus: Provbus, files: Path) -> None:
    for name in ("names", "numbers"):
        made = provbus("file", "encode", f"{name}.yaml", "--mib", str(MIBS), "-o", f"{name}.cm")
        assert (made.returncode, made.stderr) == (0, "")
    assert (files / "names.cm").read_bytes() == (files / "numbers.cm").read_bytes()


def test_without_the_option_the_names_are_not_known(provbus: Provbus, files: Path) -> None:
    made = provbus("file", "encode", "names.yaml")
    assert made.returncode == 78
    first = "provbus: names.yaml:5: body[1].snmp_set.oid: 'exampleMode' is not among the built-in objects: "
    first += "write its numbers, such as 1.3.6.1.2.1.1.6.0, or give --mib DIR"
    assert made.stderr.startswith(first)


def test_a_mistake_is_said_with_the_words_of_the_mib(provbus: Provbus, files: Path) -> None:
    (files / "wrong.yaml").write_text(
        DOCUMENT.replace("fast(2)", "fsat").replace("exampleMib}", "exampelMib}")
    )
    made = provbus("file", "encode", "wrong.yaml", "--mib", str(MIBS))
    assert made.returncode == 78
    label, name = made.stderr.splitlines()
    assert label.startswith(
        "provbus: wrong.yaml:5: body[1].snmp_set.integer: 'fsat' is no label of exampleMode;"
    )
    assert name == (
        "wrong.yaml:10: body[6].snmp_set.object_id: 'exampelMib' is not among the built-in objects and those "
        "of --mib: did you mean 'exampleMib'?"
    )


def test_decoding_shows_the_names_of_the_mib_and_comes_back(provbus: Provbus, files: Path) -> None:
    assert provbus("file", "encode", "numbers.yaml", "-o", "a.cm").returncode == 0
    shown = provbus("file", "decode", "a.cm", "--mib", str(MIBS))
    assert "{oid: exampleMode.0, integer: 2}" in shown.stdout
    assert "{oid: sysObjectID.0, object_id: exampleMib}" in shown.stdout
    assert "{oid: exampleObjects, write: deny}" in shown.stdout
    (files / "again.yaml").write_text(shown.stdout)
    assert provbus("file", "encode", "again.yaml", "--mib", str(MIBS), "-o", "b.cm").returncode == 0
    assert (files / "b.cm").read_bytes() == (files / "a.cm").read_bytes()


CATALOGUE = (
    "fragments:\n  mode:\n    - snmp_set: {oid: exampleMode.0, integer: fast}\n"
    + """\
classes:
  data:
    kind: cm
    body:
      - network_access: 1
      - upstream_service_flow: [{reference: 1}, {qos_parameter_set_type: 7}]
      - downstream_service_flow: [{reference: 2}, {qos_parameter_set_type: 7}]
      - include: mode
      - snmp_set: {oid: "IF-MIB::ifAdminStatus.1", integer: up(1)}
      - snmp_set: {oid: 1.3.6.1.2.1.1.6.0, string: attic}
"""
)


def test_settings_are_checked_and_compared_with_the_names_of_the_mib(
    provbus: Provbus, tmp_path: Path
) -> None:
    (tmp_path / "old.yaml").write_text(CATALOGUE)
    (tmp_path / "new.yaml").write_text(CATALOGUE.replace("fast", "slow(1)"))
    (tmp_path / "wrong.yaml").write_text(CATALOGUE.replace("fast", "quick"))
    mibs = ("--mib", str(MIBS))
    assert provbus("settings", "check", "old.yaml", *mibs).stdout == "ok: 1 class, 1 fragment, 0 rules\n"
    wrong = provbus("settings", "check", "wrong.yaml", *mibs)
    said = "wrong.yaml:3: fragments.mode[0].snmp_set.integer: 'quick' is no label of exampleMode; there are"
    assert wrong.stdout.startswith(said)
    assert provbus("settings", "check", "old.yaml").returncode == 1
    assert provbus("settings", "diff", "old.yaml", "old.yaml", *mibs).returncode == 0
    changed = provbus("settings", "diff", "old.yaml", "new.yaml", *mibs)
    assert changed.returncode == 1
    assert "enterprises.32473.1.1.0" in changed.stdout


def test_values_of_its_objects_are_judged(provbus: Provbus, tmp_path: Path) -> None:
    (tmp_path / "old.yaml").write_text(CATALOGUE.replace("integer: fast", "integer: 9"))
    result = provbus("settings", "check", "old.yaml", "--mib", str(MIBS))
    assert result.returncode == 0
    assert result.stdout.startswith(
        "old.yaml:3: fragments.mode[0].snmp_set: warning: exampleMode has no value 9; there are"
    )
    bare = DOCUMENT.replace("exampleMode.0, integer: fast(2)", "exampleMode, integer: 2")
    (tmp_path / "own.yaml").write_text(bare)
    result = provbus("file", "encode", "own.yaml", "--mib", str(MIBS), "-o", "own.cm")
    said = "warning: exampleMode is a scalar: write exampleMode.0 (object-without-instance)"
    assert (result.returncode, result.stderr) == (0, f"provbus: own.yaml:5: body[1].snmp_set: {said}\n")


def test_what_is_applied_needs_no_mib(provbus: Provbus, tmp_path: Path, configs: dict[str, Any]) -> None:
    """An instance of any build that is asked to apply the catalogue finds numbers and built-in names only."""
    (tmp_path / "new.yaml").write_text(CATALOGUE)
    config = configs["dhcp-1"]
    (tmp_path / "dhcp-1.yaml").write_text(yaml.safe_dump(config))
    answer = {"applied": True, "generation": 2, "was": 1}
    with answering(tmp_path / config["local"]["socket"], answer) as asked:
        done = provbus("settings", "apply", "new.yaml", "--config", "dhcp-1.yaml", "--mib", str(MIBS))
    assert (done.returncode, done.stdout) == (0, "applied: generation 2 (was 1)\n"), done.stderr
    (request,) = asked
    assert request["classes"]["data"]["body"][:1] + request["classes"]["data"]["body"][3:] == [
        {"network_access": 1},
        {"snmp_set": {"oid": "enterprises.32473.1.1.0", "integer": 2}},
        {"snmp_set": {"oid": "ifAdminStatus.1", "integer": 1}},
        {"snmp_set": {"oid": "1.3.6.1.2.1.1.6.0", "string": "attic"}},
    ]


def test_decoding_shows_the_digits_of_bits_of_the_mib(provbus: Provbus, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(
        "kind: cm\nmic: none\nbody:\n"
        "  - snmp_set: {oid: enterprises.32473.1.2.0, string: '@'}\n"
        "  - snmp_set: {oid: enterprises.32473.1.9.0, string: '@'}\n"
    )
    assert provbus("file", "encode", "--as-is", "a.yaml", "-o", "a.cm").returncode == 0
    shown = provbus("file", "decode", "--mib", str(MIBS), "a.cm").stdout
    assert '{oid: exampleOptions.0, hex: "40"}' in shown
    assert "{oid: exampleObjects.9.0, string: '@'}" in shown


def test_a_module_that_cannot_be_read_is_named_and_the_command_goes_on(provbus: Provbus, files: Path) -> None:
    (files / "own").mkdir()
    (files / "own" / "a.mib").write_text(
        "LOST-MIB DEFINITIONS ::= BEGIN\nIMPORTS vendorRoot FROM VENDOR-SMI;\n"
        "lost OBJECT IDENTIFIER ::= { vendorRoot 9 }\nEND\n"
    )
    made = provbus("file", "encode", "numbers.yaml", "--mib", "own", "-o", "a.cm")
    assert made.returncode == 0
    assert made.stderr.startswith("provbus: own/a.mib: LOST-MIB imports VENDOR-SMI, which is not there")


def test_without_pysmi_the_option_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("A-MIB DEFINITIONS ::= BEGIN END\n")
    code = (
        "import sys\nsys.modules['pysmi'] = None\n"
        "from services.cli.main import main\n"
        f"sys.argv = ['provbus', 'file', 'decode', '--mib', {str(tmp_path)!r}, '-']\nmain()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], input="", capture_output=True, text=True, check=False)
    said = "provbus: --mib compiles with pysmi, which is not installed: install provbus[mib]\n"
    assert (done.returncode, done.stderr) == (78, said)
