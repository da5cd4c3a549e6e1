"""`provbus file import`: texts of another tool become documents, comments and all."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from services.cli.main import cli

DATA = Path(__file__).parents[1] / "docsis/foreign/data"
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
        "provbus: -:7: CmMic: is left out: `file encode` computes it; it is that of"
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
    ]
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
