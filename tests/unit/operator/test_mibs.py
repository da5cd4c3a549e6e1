"""An operator's own MIBs: their names, indices and values, and what is said of those that cannot be read."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from bus.errors import ConfigError
from services.docsis.errors import DocsisError
from services.docsis.judge.assignment import Assignment
from services.docsis.judge.contradictions import contradictions
from services.docsis.mib.names import BUILT_IN, Names
from services.docsis.mib.own import imports_in, modules_in
from services.docsis.mib.standard import STANDARD
from services.operator import mibs
from services.operator.mibs import read_names

MIBS = Path(__file__).parents[1] / "cli" / "mibs"
EXAMPLE = (MIBS / "EXAMPLE-CABLE-MIB.txt").read_text()
ENTERPRISE = "1.3.6.1.4.1.32473"


def pass_over(text: str) -> None:
    """What is said, where a test is about something else."""


@pytest.fixture(scope="module")
def names() -> Names:
    return read_names([MIBS], pass_over)


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


def mib_of(name: str, *, imports: str = "enterprises FROM SNMPv2-SMI", body: str = "") -> str:
    root = f"{name.lower().replace('-', 'x')} OBJECT IDENTIFIER ::= {{ enterprises 32473 }}\n"
    return f"{name} DEFINITIONS ::= BEGIN\nIMPORTS {imports};\n{body or root}END\n"


def test_a_missing_import_is_named_and_the_other_modules_are_read(tmp_path: Path) -> None:
    body = "lost OBJECT IDENTIFIER ::= { vendorRoot 1 }\n"
    (tmp_path / "a.mib").write_text(mib_of("LOST-MIB", imports="vendorRoot FROM VENDOR-SMI", body=body))
    (tmp_path / "b.my").write_text(EXAMPLE)
    (tmp_path / "README").write_text("no MIB at all")
    said: list[str] = []
    found = read_names([tmp_path], said.append)
    assert found.oid("exampleMode.0") == f"{ENTERPRISE}.1.1.0"
    reason = "LOST-MIB imports VENDOR-SMI, which is not there: its names are not known"
    assert said == [f"{tmp_path}/a.mib: {reason}"]
    (tmp_path / "c.mib").write_text(
        mib_of("VENDOR-SMI", body="vendorRoot OBJECT IDENTIFIER ::= { enterprises 32473 9 }\n")
    )
    assert read_names([tmp_path], pass_over).oid("lost.0") == f"{ENTERPRISE}.9.1.0"


def test_a_module_that_compiles_without_an_import_is_named_too(tmp_path: Path) -> None:
    said: list[str] = []
    imports = "enterprises, OBJECT-TYPE FROM SNMPv2-SMI VendorMode FROM VENDOR-TC"
    body = (
        "mode OBJECT-TYPE SYNTAX VendorMode MAX-ACCESS read-write STATUS current "
        'DESCRIPTION "" ::= { enterprises 32473 1 }\n'
    )
    (tmp_path / "a.mib").write_text(mib_of("MODE-MIB", imports=imports, body=body))
    assert read_names([tmp_path], said.append).oid("mode.0") == f"{ENTERPRISE}.1.0"
    reason = (
        "note: MODE-MIB imports VENDOR-TC, which is not there: labels and indices that need it are not known"
    )
    assert said == [f"{tmp_path}/a.mib: {reason}"]


def test_labels_are_listed_by_number(tmp_path: Path) -> None:
    body = (
        "mode OBJECT-TYPE SYNTAX INTEGER { zero(0), beta(1), alpha(2) } MAX-ACCESS read-write STATUS current "
        'DESCRIPTION "" ::= { enterprises 32473 1 }\n'
    )
    (tmp_path / "a.mib").write_text(
        mib_of("MODE-MIB", imports="enterprises, OBJECT-TYPE FROM SNMPv2-SMI", body=body)
    )
    found = read_names([tmp_path], pass_over).object(f"{ENTERPRISE}.1.0")
    assert found is not None
    assert found.syntax is not None
    assert found.syntax.listed() == "zero(0), beta(1), alpha(2)"


def test_every_directory_holds_a_mib(tmp_path: Path) -> None:
    for name in ("full", "empty"):
        (tmp_path / name).mkdir()
    (tmp_path / "full/a.mib").write_text(EXAMPLE)
    with pytest.raises(ConfigError, match=f"^no MIB in {tmp_path}/empty$"):
        read_names([tmp_path / "full", tmp_path / "empty"], pass_over)


def test_a_module_that_is_no_asn1_is_named(tmp_path: Path) -> None:
    said: list[str] = []
    (tmp_path / "a.mib").write_text("BAD-MIB DEFINITIONS ::= BEGIN this is ( nothing END")
    (tmp_path / "b.mib").write_text(EXAMPLE)
    assert read_names([tmp_path], said.append).oid("exampleMode.0") == f"{ENTERPRISE}.1.1.0"
    (reason,) = said
    assert reason.startswith(f"{tmp_path}/a.mib: the names of BAD-MIB are not known: ")


def test_one_name_in_two_of_the_mibs_takes_its_module(tmp_path: Path) -> None:
    for name, number in (("ONE-MIB", 1), ("TWO-MIB", 2)):
        body = f"thing OBJECT IDENTIFIER ::= {{ enterprises 32473 {number} }}\n"
        (tmp_path / name).write_text(mib_of(name, body=body))
    found = read_names([tmp_path], pass_over)
    with pytest.raises(DocsisError, match="other modules have that name: ONE-MIB::thing, TWO-MIB::thing"):
        found.oid("thing.0")
    assert found.oid("TWO-MIB::thing.0") == f"{ENTERPRISE}.2.0"
    assert found.name(f"{ENTERPRISE}.1.0") == "ONE-MIB::thing.0"


def test_a_name_of_ours_in_a_mib_of_theirs_keeps_its_meaning(tmp_path: Path) -> None:
    body = "sysName OBJECT IDENTIFIER ::= { enterprises 32473 5 }\n"
    (tmp_path / "a").write_text(mib_of("OWN-MIB", body=body))
    found = read_names([tmp_path], pass_over)
    assert found.oid("sysName.0") == BUILT_IN.oid("sysName.0")
    assert found.oid("OWN-MIB::sysName.0") == f"{ENTERPRISE}.5.0"
    assert found.name(f"{ENTERPRISE}.5.0") == "OWN-MIB::sysName.0"


def test_a_standard_module_that_is_there_is_read_instead_of_ours(tmp_path: Path) -> None:
    body = "ifIndex OBJECT IDENTIFIER ::= { enterprises 32473 6 }\n"
    (tmp_path / "a").write_text(mib_of("IF-MIB", body=body))
    found = read_names([tmp_path], pass_over)
    assert found.oid("IF-MIB::ifIndex.0") == found.oid("ifIndex.0") == f"{ENTERPRISE}.6.0"
    assert found.name("1.3.6.1.2.1.2.2.1.1.7") == "ifTable.1.1.7"


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({}, "no MIB in .*"),
        ({"README": "nothing"}, "no MIB in .*"),
        ({"a": mib_of("A-MIB"), "b": mib_of("A-MIB")}, "/a and .*/b both define A-MIB: keep one of them"),
        (
            {str(at): "x" for at in range(mibs.FILES_MAX + 1)},
            "more than --mib takes, 500 files and 16 MiB in all",
        ),
        ({"a": " " * (mibs.BYTES_MAX + 1)}, "more than --mib takes"),
    ],
    ids=["empty", "no MIB", "twice", "many", "large"],
)
def test_what_a_directory_may_hold(tmp_path: Path, files: dict[str, str], reason: str) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(ConfigError, match=reason):
        read_names([tmp_path], pass_over)


def test_a_directory_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"cannot read {tmp_path}/missing: No such file or directory"):
        read_names([tmp_path / "missing"], pass_over)


def test_the_limits_hold_for_all_directories_together(tmp_path: Path) -> None:
    for at, count in enumerate((300, 201)):
        directory = tmp_path / str(at)
        directory.mkdir()
        for number in range(count):
            (directory / str(number)).write_text("")
    with pytest.raises(ConfigError, match="more than --mib takes"):
        read_names([tmp_path / "0", tmp_path / "1"], pass_over)


def test_compiling_ends_when_its_time_is_over() -> None:
    with pytest.raises(ConfigError, match=r"take more than 0\.01 s to compile"):
        mibs.compiled({"EXAMPLE-CABLE-MIB": EXAMPLE}, within_s=0.01)


def test_the_compilers_process_opens_no_socket() -> None:
    """A MIB that imports what is nowhere makes it ask nobody; and were it to ask, it could not."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        code = (
            "import socket, urllib.request\n"
            "from services.operator import mib_compiler\n"
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
    source = Path(mibs.__file__).with_name("mib_compiler.py").read_text()
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
    answer = mibs.compiled(dict(STANDARD))
    assert answer["failed"] == {}
    assert set(answer["documents"]) == set(STANDARD)
