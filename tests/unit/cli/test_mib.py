"""`--mib DIR`: an operator's own names work in the command that is given them, and in nobody else's file."""

import re
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from bus.errors import ConfigError
from services.cli import mib
from services.cli.mib import read_names
from services.docsis.errors import DocsisError
from services.docsis.judge.assignment import Assignment
from services.docsis.judge.contradictions import contradictions
from services.docsis.mib import imports_in, modules_in
from services.docsis.mib_standard import STANDARD
from services.docsis.names import BUILT_IN, Names
from tests.unit.cli.answering import answering

Provbus = Callable[..., subprocess.CompletedProcess[str]]

MIBS = Path(__file__).parent / "mibs"
EXAMPLE = (MIBS / "EXAMPLE-CABLE-MIB.txt").read_text()
ENTERPRISE = "1.3.6.1.4.1.32473"
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


@pytest.fixture(scope="module")
def names() -> Names:
    return read_names([MIBS])


@pytest.fixture
def files(tmp_path: Path) -> Path:
    for name, text in (("names", DOCUMENT), ("numbers", NUMBERS)):
        (tmp_path / f"{name}.yaml").write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "oid"),
    [
        ("exampleMode.0", "1.1.0"),
        ("EXAMPLE-CABLE-MIB::exampleMode.0", "1.1.0"),
        ("exampleUserStatus.'ann'", "1.5.1.2.97.110.110"),
        ('exampleLineOpen.3."one"."DE"', "1.6.1.3.3.3.111.110.101.68.69"),
        ("exampleMoreGain.3.\"one\".'DE'", "1.7.1.1.3.3.111.110.101.68.69"),
        ("exampleMib", ""),
    ],
)
def test_names_and_indices_are_those_of_the_mib(names: Names, name: str, oid: str) -> None:
    assert names.oid(name) == f"{ENTERPRISE}.{oid}".rstrip(".")


def test_numbers_are_shown_by_the_names_of_the_mib(names: Names) -> None:
    assert names.name(f"{ENTERPRISE}.1.5.1.2.97.110.110") == "exampleUserStatus.97.110.110"
    assert BUILT_IN.name(f"{ENTERPRISE}.1.1.0") == "enterprises.32473.1.1.0"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("exampleMdoe.0", "did you mean 'exampleMode'?"),
        ("IF-MIB::exampleMode.0", "other modules have that name: EXAMPLE-CABLE-MIB::exampleMode"),
        ('exampleLineOpen.3."one"."DEU"', "takes a text of 2 bytes there"),
        ("exampleMode.'a'", "follows the whole index of exampleMode"),
    ],
)
def test_a_wrong_name_is_refused_as_a_built_in_one(names: Names, name: str, hint: str) -> None:
    with pytest.raises(DocsisError, match=hint.replace("?", r"\?")):
        names.oid(name)


def test_the_built_in_names_stay_what_they_were(names: Names) -> None:
    for one in BUILT_IN:
        assert names.oid(str(one)) == one.oid
        assert names.name(one.oid) == BUILT_IN.name(one.oid)


def test_values_are_held_against_the_mib(names: Names) -> None:
    settings = [
        Assignment("a", f"{ENTERPRISE}.1.4.0", 0x02, b"\1"),
        Assignment("b", f"{ENTERPRISE}.1.1.0", 0x02, b"\3"),
        Assignment("c", f"{ENTERPRISE}.1.3.0", 0x40, b"\1\2\3\4"),
    ]
    assert [found.path for found in contradictions(settings, names)] == ["a", "b"]
    assert list(contradictions(settings)) == []


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


def mib_of(name: str, *, imports: str = "enterprises FROM SNMPv2-SMI", body: str = "") -> str:
    root = f"{name.lower().replace('-', 'x')} OBJECT IDENTIFIER ::= {{ enterprises 32473 }}\n"
    return f"{name} DEFINITIONS ::= BEGIN\nIMPORTS {imports};\n{body or root}END\n"


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


def test_a_missing_import_is_named_and_the_other_modules_are_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    body = "lost OBJECT IDENTIFIER ::= { vendorRoot 1 }\n"
    (tmp_path / "a.mib").write_text(mib_of("LOST-MIB", imports="vendorRoot FROM VENDOR-SMI", body=body))
    (tmp_path / "b.my").write_text(EXAMPLE)
    (tmp_path / "README").write_text("no MIB at all")
    found = read_names([tmp_path])
    assert found.oid("exampleMode.0") == f"{ENTERPRISE}.1.1.0"
    reason = "LOST-MIB imports VENDOR-SMI, which is not there: its names are not known"
    assert capsys.readouterr().err == f"provbus: {tmp_path}/a.mib: {reason}\n"
    (tmp_path / "c.mib").write_text(
        mib_of("VENDOR-SMI", body="vendorRoot OBJECT IDENTIFIER ::= { enterprises 32473 9 }\n")
    )
    assert read_names([tmp_path]).oid("lost.0") == f"{ENTERPRISE}.9.1.0"


def test_a_module_that_compiles_without_an_import_is_named_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    imports = "enterprises, OBJECT-TYPE FROM SNMPv2-SMI VendorMode FROM VENDOR-TC"
    body = (
        "mode OBJECT-TYPE SYNTAX VendorMode MAX-ACCESS read-write STATUS current "
        'DESCRIPTION "" ::= { enterprises 32473 1 }\n'
    )
    (tmp_path / "a.mib").write_text(mib_of("MODE-MIB", imports=imports, body=body))
    assert read_names([tmp_path]).oid("mode.0") == f"{ENTERPRISE}.1.0"
    reason = (
        "note: MODE-MIB imports VENDOR-TC, which is not there: labels and indices that need it are not known"
    )
    assert capsys.readouterr().err == f"provbus: {tmp_path}/a.mib: {reason}\n"


def test_labels_are_listed_by_number(tmp_path: Path) -> None:
    body = (
        "mode OBJECT-TYPE SYNTAX INTEGER { zero(0), beta(1), alpha(2) } MAX-ACCESS read-write STATUS current "
        'DESCRIPTION "" ::= { enterprises 32473 1 }\n'
    )
    (tmp_path / "a.mib").write_text(
        mib_of("MODE-MIB", imports="enterprises, OBJECT-TYPE FROM SNMPv2-SMI", body=body)
    )
    found = read_names([tmp_path]).object(f"{ENTERPRISE}.1.0")
    assert found is not None
    assert found.syntax is not None
    assert found.syntax.listed() == "zero(0), beta(1), alpha(2)"


def test_every_directory_holds_a_mib(tmp_path: Path) -> None:
    for name in ("full", "empty"):
        (tmp_path / name).mkdir()
    (tmp_path / "full/a.mib").write_text(EXAMPLE)
    with pytest.raises(ConfigError, match=f"^no MIB in {tmp_path}/empty$"):
        read_names([tmp_path / "full", tmp_path / "empty"])


def test_a_module_that_is_no_asn1_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.mib").write_text("BAD-MIB DEFINITIONS ::= BEGIN this is ( nothing END")
    (tmp_path / "b.mib").write_text(EXAMPLE)
    assert read_names([tmp_path]).oid("exampleMode.0") == f"{ENTERPRISE}.1.1.0"
    assert capsys.readouterr().err.startswith(
        f"provbus: {tmp_path}/a.mib: the names of BAD-MIB are not known: "
    )


def test_one_name_in_two_of_the_mibs_takes_its_module(tmp_path: Path) -> None:
    for name, number in (("ONE-MIB", 1), ("TWO-MIB", 2)):
        body = f"thing OBJECT IDENTIFIER ::= {{ enterprises 32473 {number} }}\n"
        (tmp_path / name).write_text(mib_of(name, body=body))
    found = read_names([tmp_path])
    with pytest.raises(DocsisError, match="other modules have that name: ONE-MIB::thing, TWO-MIB::thing"):
        found.oid("thing.0")
    assert found.oid("TWO-MIB::thing.0") == f"{ENTERPRISE}.2.0"
    assert found.name(f"{ENTERPRISE}.1.0") == "ONE-MIB::thing.0"


def test_a_name_of_ours_in_a_mib_of_theirs_keeps_its_meaning(tmp_path: Path) -> None:
    body = "sysName OBJECT IDENTIFIER ::= { enterprises 32473 5 }\n"
    (tmp_path / "a").write_text(mib_of("OWN-MIB", body=body))
    found = read_names([tmp_path])
    assert found.oid("sysName.0") == BUILT_IN.oid("sysName.0")
    assert found.oid("OWN-MIB::sysName.0") == f"{ENTERPRISE}.5.0"
    assert found.name(f"{ENTERPRISE}.5.0") == "OWN-MIB::sysName.0"


def test_a_standard_module_that_is_there_is_read_instead_of_ours(tmp_path: Path) -> None:
    body = "ifIndex OBJECT IDENTIFIER ::= { enterprises 32473 6 }\n"
    (tmp_path / "a").write_text(mib_of("IF-MIB", body=body))
    found = read_names([tmp_path])
    assert found.oid("IF-MIB::ifIndex.0") == found.oid("ifIndex.0") == f"{ENTERPRISE}.6.0"
    assert found.name("1.3.6.1.2.1.2.2.1.1.7") == "ifTable.1.1.7"


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({}, "no MIB in .*"),
        ({"README": "nothing"}, "no MIB in .*"),
        ({"a": mib_of("A-MIB"), "b": mib_of("A-MIB")}, "/a and .*/b both define A-MIB: keep one of them"),
        (
            {str(at): "x" for at in range(mib.FILES_MAX + 1)},
            "more than --mib takes, 500 files and 16 MiB in all",
        ),
        ({"a": " " * (mib.BYTES_MAX + 1)}, "more than --mib takes"),
    ],
    ids=["empty", "no MIB", "twice", "many", "large"],
)
def test_what_a_directory_may_hold(tmp_path: Path, files: dict[str, str], reason: str) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(ConfigError, match=reason):
        read_names([tmp_path])


def test_a_directory_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"cannot read {tmp_path}/missing: No such file or directory"):
        read_names([tmp_path / "missing"])


def test_the_limits_hold_for_all_directories_together(tmp_path: Path) -> None:
    for at, count in enumerate((300, 201)):
        directory = tmp_path / str(at)
        directory.mkdir()
        for number in range(count):
            (directory / str(number)).write_text("")
    with pytest.raises(ConfigError, match="more than --mib takes"):
        read_names([tmp_path / "0", tmp_path / "1"])


def test_compiling_ends_when_its_time_is_over() -> None:
    with pytest.raises(ConfigError, match=r"take more than 0\.01 s to compile"):
        mib.compiled({"EXAMPLE-CABLE-MIB": EXAMPLE}, within_s=0.01)


def test_the_compilers_process_opens_no_socket() -> None:
    """A MIB that imports what is nowhere makes it ask nobody; and were it to ask, it could not."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        code = (
            "import socket, urllib.request\n"
            "from services.cli import mib_compiler\n"
            "mib_compiler.refuse_network()\n"
            f"for ask in (lambda: socket.create_connection(('127.0.0.1', {port})),\n"
            f"            lambda: urllib.request.urlopen('http://127.0.0.1:{port}/', timeout=1)):\n"
            "    try:\n        ask()\n    except OSError as error:\n        print(error)\n"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        listener.settimeout(0)
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert done.stdout.count("MIBs are compiled without a network") == 2, done.stderr


def test_no_reader_of_pysmi_but_the_callback_is_used() -> None:
    source = Path(mib.__file__).with_name("mib_compiler.py").read_text()
    assert [line.split()[1] for line in source.splitlines() if "pysmi.reader" in line] == [
        "pysmi.reader.callback"
    ]


def test_the_modules_and_imports_of_a_text() -> None:
    assert modules_in(EXAMPLE) == ["EXAMPLE-CABLE-MIB"]
    assert imports_in(EXAMPLE) == ["SNMPv2-SMI", "SNMPv2-TC", "SNMPv2-CONF", "SNMP-FRAMEWORK-MIB", "IF-MIB"]
    assert modules_in("-- X-MIB DEFINITIONS ::= BEGIN\nA-MIB { iso 3 } DEFINITIONS\n::= BEGIN END") == [
        "A-MIB"
    ]


def test_a_text_without_a_module_is_read_once() -> None:
    for text in (
        "A" * 2_000_000,
        "A {" * 700_000,
        "A" + " " * 2_000_000,
        "} DEFINITIONS ::= BEGIN " * 90_000,
    ):
        assert modules_in(text) == []


def test_the_standard_modules_are_read_themselves() -> None:
    answer = mib.compiled(dict(STANDARD))
    assert answer["failed"] == {}
    assert set(answer["documents"]) == set(STANDARD)


def test_without_pysmi_the_option_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "a").write_text(mib_of("A-MIB"))
    code = (
        "import sys\nsys.modules['pysmi'] = None\n"
        "from services.cli.main import main\n"
        f"sys.argv = ['provbus', 'file', 'decode', '--mib', {str(tmp_path)!r}, '-']\nmain()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], input="", capture_output=True, text=True, check=False)
    said = "provbus: --mib compiles with pysmi, which is not installed: install provbus[mib]\n"
    assert (done.returncode, done.stderr) == (78, said)


def test_the_readmes_example_is_what_the_commands_say(provbus: Provbus, tmp_path: Path) -> None:
    """Its `mibs` is the directory beside this file, its `own.yaml` what the second command showed."""
    readme = (Path(__file__).parents[3] / "README.md").read_text()
    (shown,) = re.findall(r"file decode own\.cm\n(.*?)\$ .*?file decode --mib", readme, re.DOTALL)
    (named,) = re.findall(r"file decode --mib mibs own\.cm \| tail -2\n(.*?)```", readme, re.DOTALL)
    document = shown.splitlines(keepends=True)[:-2] + named.splitlines(keepends=True)
    (tmp_path / "own.yaml").write_text("".join(document))
    assert provbus("file", "encode", "--mib", str(MIBS), "own.yaml", "-o", "own.cm").stderr == ""
    assert provbus("file", "decode", "own.cm").stdout == shown
    assert provbus("file", "decode", "--mib", str(MIBS), "own.cm").stdout.endswith(named)
