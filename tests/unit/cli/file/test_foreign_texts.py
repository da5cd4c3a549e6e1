"""`provbus file import`: texts of another tool become documents, comments and all."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from services.cli.main import cli

DATA = Path(__file__).parents[2] / "docsis/foreign/data"
MIBS = Path(__file__).parents[1] / "mibs"
NAMES = ("basic", "classifiers", "legacy", "snmp", "vendor")
TEXT = """\
/* gold */
Main
{
\tMaxCPE 5; // five
\tUsServiceFlow { UsServiceFlowRef 1;
	/* QosParamSetType 7; */ }
\t/* CmMic 69c4ac44fe830e648e3b211233587bb2; */
}
"""


def run(*words: str | Path, stdin: str = "") -> Result:
    return CliRunner().invoke(cli, ["file", *map(str, words)], input=stdin)


def test_the_texts_of_the_tool_import_and_encode_to_its_files(tmp_path: Path) -> None:
    texts = [DATA / f"{name}.txt" for name in NAMES]
    result = run("import", "--from", "docsis", *texts, "-o", tmp_path)
    assert (result.exit_code, result.output) == (0, "")
    documents = [tmp_path / f"{name}.yaml" for name in NAMES]
    secret = tmp_path / "secret"
    secret.write_bytes((DATA / "secret.txt").read_bytes())
    secret.chmod(0o600)
    encoded = run("encode", *documents, "--secret-file", secret, "-o", tmp_path)
    assert (encoded.exit_code, encoded.output) == (0, "")
    for name in NAMES:
        assert (tmp_path / f"{name}.cm").read_bytes() == (DATA / f"{name}.cm").read_bytes()


def test_a_packetcable_text_takes_the_hash_that_the_tool_is_asked_for(tmp_path: Path) -> None:
    document = tmp_path / "mta.yaml"
    assert run("import", "--from", "docsis", "--hash", "na", DATA / "mta.txt", "-o", document).exit_code == 0
    encoded = run("encode", document)
    assert encoded.stdout_bytes == (DATA / "mta.cm").read_bytes()
    assert run("import", "--from", "docsis", DATA / "mta.txt").stdout.splitlines()[:2] == [
        "kind: mta",
        "hash: none",
    ]


def test_comments_stand_where_they_stood() -> None:
    result = run("import", "--from", "docsis", "-", stdin=TEXT)
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "# gold",
        "kind: cm",
        "body:",
        "  # five",
        "  - max_cpe: 5",
        "  - upstream_service_flow:",
        "      - reference: 1",
        "      # QosParamSetType 7;",
    ]
    assert result.stderr.startswith(
        "provbus: -:7: note: CmMic: is left out: `file encode` computes it; it is that of"
    )


def test_every_mistake_of_every_text_is_named_and_the_others_are_written(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.txt"
    wrong.write_text("Main {\n MaxCPE 0;\n Nope 1;\n}\n")
    result = run(
        "import", "--from", "docsis", wrong, DATA / "basic.txt", tmp_path / "missing", "-o", tmp_path
    )
    assert result.exit_code == 1
    assert [line.split(": ")[1] for line in result.stderr.splitlines()] == [
        f"{wrong}:2",
        f"{wrong}:3",
        f"cannot read {tmp_path / 'missing'}",
        "2 of 3 texts not written",
    ]
    assert result.stderr.endswith(f"not written: {wrong}, {tmp_path / 'missing'}\n")
    assert sorted(path.name for path in tmp_path.glob("*.yaml")) == ["basic.yaml"]


def test_several_documents_on_standard_output_are_a_stream_with_comments() -> None:
    result = run("import", "--from", "docsis", DATA / "legacy.txt", DATA / "basic.txt")
    assert result.stdout.count("\n---\n") == 1
    assert "  # a comment that an importer keeps\n  - upstream_service_flow:\n" in result.stdout


@pytest.mark.parametrize(
    "words", [("import", "x"), ("import", "--from", "else", "x"), ("import", "--from", "docsis")]
)
def test_the_tool_and_a_text_must_be_named(words: tuple[str, ...]) -> None:
    assert run(*words).exit_code == 2


OWN = """\
Main {{
  NetworkAccess 1;
  ClassOfService {{ ClassID 1; MaxRateDown 1000000; MaxRateUp 500000; }}
  SnmpMibObject exampleMode.0 Integer {mode};
  SnmpMibObject exampleUserStatus."noc" Integer 4;
  SnmpMibObject vacmAccessStatus."x"."".1.noAuthNoPriv Integer 4;
  SnmpMibObject sysObjectID.0 ObjectID EXAMPLE-CABLE-MIB::exampleMode.0;
  SnmpWriteControl .exampleMib.1 1;
  SnmpV3TrapReceiver {{ SnmpV3TrapRxIP 192.0.2.1; SnmpV3TrapRxFilterOID exampleMib.1; }}
}}
"""
NUMBERS = (
    OWN.replace("EXAMPLE-CABLE-MIB::exampleMode", ".1.3.6.1.4.1.32473.1.1")
    .replace("exampleMode", ".1.3.6.1.4.1.32473.1.1")
    .replace('exampleUserStatus."noc"', ".1.3.6.1.4.1.32473.1.5.1.2.110.111.99")
    .replace('vacmAccessStatus."x"."".1.noAuthNoPriv', ".1.3.6.1.6.3.16.1.4.1.9.1.120.0.1.1")
    .replace(".exampleMib", ".1.3.6.1.4.1.32473")
    .replace("exampleMib", ".1.3.6.1.4.1.32473")
)


def test_a_text_names_the_objects_of_an_operators_mib_and_so_does_its_document(tmp_path: Path) -> None:
    text = OWN.format(mode=2)
    result = run("import", "--from", "docsis", "--mib", MIBS, "-", "-o", tmp_path / "own.yaml", stdin=text)
    assert (result.exit_code, result.output) == (0, "")
    document = (tmp_path / "own.yaml").read_text()
    assert "{oid: exampleMode.0, integer: 2}" in document
    assert "{oid: exampleUserStatus.110.111.99, integer: 4}" in document
    assert "{oid: vacmAccessStatus.1.120.0.1.1, integer: 4}" in document
    (tmp_path / "secret").write_text("x")
    (tmp_path / "secret").chmod(0o600)
    words = ("encode", "--secret-file", tmp_path / "secret")
    by_name = run(*words, "--mib", MIBS, tmp_path / "own.yaml")
    assert (by_name.exit_code, by_name.stderr) == (0, "")
    plain = run("import", "--from", "docsis", "-", stdin=NUMBERS.format(mode=2)).stdout
    assert by_name.stdout_bytes == run(*words, "-", stdin=plain).stdout_bytes


def test_without_the_mib_the_option_is_named() -> None:
    result = run("import", "--from", "docsis", "-", stdin=OWN.format(mode=2))
    assert result.exit_code == 1
    first = result.stderr.splitlines()[0]
    assert first.startswith("provbus: -:4: SnmpMibObject: 'exampleMode' is not among the built-in objects: ")
    assert first.endswith("or give --mib DIR")


def test_a_catalogue_names_the_objects_of_the_mib_and_passes_the_check_with_it(tmp_path: Path) -> None:
    for mode in (1, 2):
        (tmp_path / f"m{mode}.txt").write_text(OWN.format(mode=mode))
    texts = [tmp_path / "m1.txt", tmp_path / "m2.txt"]
    catalogue = tmp_path / "classes.yaml"
    result = run("import", "--from", "docsis", "--class", "--mib", MIBS, *texts, "-o", catalogue)
    assert (result.exit_code, result.output) == (0, "")
    assert "{oid: exampleMode.0, integer: '${example_mode_0}'}" in catalogue.read_text()
    checked = CliRunner().invoke(cli, ["settings", "check", str(catalogue), "--mib", str(MIBS)])
    assert checked.exit_code == 0, checked.output
    assert CliRunner().invoke(cli, ["settings", "check", str(catalogue)]).exit_code != 0


def test_what_is_no_class_is_not_written_either() -> None:
    result = run("import", "--from", "docsis", "--class", "-", stdin="Main {\nTftpTimestamp 1;\n}")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines() == [
        "provbus: -:2: body[0].tftp_server_timestamp: TLV 19 is made when the file is built",
        "provbus: 1 of 1 texts not written: -",
    ]


@pytest.mark.parametrize("name", [*NAMES, "mta"])
def test_a_file_for_another_command_is_named_with_it(name: str, tmp_path: Path) -> None:
    text, file, document = DATA / f"{name}.txt", DATA / f"{name}.cm", tmp_path / "a.yaml"
    assert run("import", "--from", "docsis", text, "-o", document).exit_code == 0
    reads = {
        text: ("a text of the docsis tool", ("import", "--from", "docsis")),
        file: ("a configuration file", ("decode",)),
        document: ("a document", ("encode",)),
    }
    for given, (form, (own, *more)) in reads.items():
        for _, (other, *words) in reads.values():
            if other != own:
                result = run(other, *words, given)
                reader = " ".join(("file", own, *more))
                assert result.exit_code
                assert (
                    f"{given} is {form}: `provbus {reader}` reads it" in f"{result.stderr}{result.exception}"
                )


def test_a_secret_given_by_mistake_is_not_repeated(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    for content in ("s3cret word", "#s3cret", "s3cret-word", "'s3cret"):
        secret.write_text(content)
        for command in (("import", "--from", "docsis"), ("decode",)):
            result = run(*command, secret)
            assert result.exit_code
            assert "s3cret" not in f"{result.stderr}{result.exception}"


def test_a_document_may_speak_of_the_tool(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("# Main {\nkind: mta\nhash: none\nbody: []\n")
    assert run("encode", tmp_path / "a.yaml").exit_code == 0
