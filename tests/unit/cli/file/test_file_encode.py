"""`provbus file encode` and `decode`: pipes, directories, placeholders, and every mistake with its line."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from bus.errors import ConfigError
from services.cli.main import cli
from services.docsis.checks.verify import inspect, verify
from services.docsis.text.document import compile_document
from services.docsis.text.template import compile_template
from tests.unit.docsis.test_vectors import V1, V2, V3

Provbus = Callable[..., subprocess.CompletedProcess[str]]
RESIDENTIAL = Path(__file__).parents[4] / "deploy/settings/residential-3.1.yaml"

WRONG = """\
kind: cm
body:
  - network_access: 1
  - max_cpe: 300

  - upstream_service_flow:
      - reference: 1
      - max_sustained_rate: fast
  - netwrk_access: 1
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    for name, content in {"1.cm": V1, "2.cm": V2, "3.mta": V3, "cut.cm": V1[:30]}.items():
        (tmp_path / name).write_bytes(content)
    for name, content in {"secret": b"DOCSIS\n", "other": b"s3cret-for-tests"}.items():
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(0o600)
    (tmp_path / "wrong.yaml").write_text(WRONG)
    return tmp_path


def run(directory: Path, *words: str, stdin: bytes = b"") -> Result:
    """`provbus file` in the directory; a word that names a file there is its path."""
    paths = [str(directory / word) if (directory / word).exists() else word for word in words]
    return CliRunner().invoke(cli, ["file", *paths], input=stdin)


@pytest.mark.parametrize(("name", "secret"), [("1.cm", "secret"), ("2.cm", "other"), ("3.mta", "secret")])
def test_decode_and_encode_make_a_pipe(directory: Path, name: str, secret: str) -> None:
    text = run(directory, "decode", name)
    assert (text.exit_code, text.stderr) == (0, "")
    result = run(directory, "encode", "-", "--secret-file", secret, stdin=text.stdout_bytes)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout_bytes == (directory / name).read_bytes()


def test_a_document_is_short_and_in_block_style(directory: Path) -> None:
    assert run(directory, "decode", "1.cm").stdout.splitlines() == [
        "kind: cm",
        "body:",
        "  - network_access: 1",
        "  - snmp_set: {oid: docsDevNmAccessStatus.1, integer: 4}",
        "  - upstream_service_flow:",
        "      - reference: 1",
        "      - qos_parameter_set_type: 7",
        "  - downstream_service_flow:",
        "      - reference: 2",
        "      - qos_parameter_set_type: 7",
    ]


def test_hexadecimal_is_quoted_and_other_text_only_where_it_must(directory: Path) -> None:
    body = bytes.fromhex("c8021e50 c803abcdef 0904612e6231 0903313233 0903796573")
    (directory / "x").write_bytes(body + b"\xff" + bytes(-(len(body) + 1) % 4))
    lines = run(directory, "decode", "x").stdout.splitlines()
    assert lines[2:] == [
        '  - {tlv: 200, hex: "1e50"}',
        '  - {tlv: 200, hex: "abcdef"}',
        "  - software_upgrade_filename: a.b1",
        '  - software_upgrade_filename: "123"',
        "  - software_upgrade_filename: 'yes'",
        "mic: none",
    ]


def test_a_secret_that_windows_saved_signs_like_any_other(directory: Path) -> None:
    text = run(directory, "decode", "1.cm").stdout_bytes
    (directory / "windows").write_bytes(b"DOCSIS\r\n")
    signed = [
        run(directory, "encode", "-", "--secret-file", name, stdin=text) for name in ("windows", "secret")
    ]
    assert [one.exit_code for one in signed] == [0, 0]
    assert signed[0].stdout_bytes == signed[1].stdout_bytes


def test_the_first_secret_signs(directory: Path) -> None:
    text = run(directory, "decode", "1.cm").stdout_bytes
    secrets = ["--secret-file", str(directory / "other"), "--secret-file", str(directory / "secret")]
    built = run(directory, "encode", "-", *secrets, stdin=text).stdout_bytes
    assert verify(built, [b"s3cret-for-tests"]) == "ok"
    assert verify(built, [b"DOCSIS"]) == "cmts-mic"


def test_an_adapters_file_needs_no_secret(directory: Path) -> None:
    text = run(directory, "decode", "3.mta").stdout_bytes
    assert run(directory, "encode", "-", stdin=text).stdout_bytes == V3


def test_many_files_go_to_a_directory_and_back(directory: Path) -> None:
    assert run(directory, "decode", "1.cm", "3.mta", "-o", str(directory / "texts")).exit_code == 0
    assert sorted(path.name for path in (directory / "texts").iterdir()) == ["1.yaml", "3.yaml"]
    words = ("texts/1.yaml", "texts/3.yaml", "--secret-file", "secret", "-o", str(directory / "files"))
    assert run(directory, "encode", *words).exit_code == 0
    assert (directory / "files/1.cm").read_bytes() == V1
    assert (directory / "files/3.mta").read_bytes() == V3


def test_many_files_without_a_directory_are_a_stream(directory: Path) -> None:
    result = run(directory, "decode", "1.cm", "3.mta")
    assert [document["kind"] for document in yaml.safe_load_all(result.stdout)] == ["cm", "mta"]


def test_one_file_goes_to_the_file_that_is_named(directory: Path) -> None:
    assert run(directory, "decode", "1.cm", "-o", str(directory / "1.yaml")).exit_code == 0
    result = run(directory, "encode", "1.yaml", "--secret-file", "secret", "-o", str(directory / "a.cm"))
    assert (result.exit_code, result.output) == (0, "")
    assert (directory / "a.cm").read_bytes() == V1


def test_a_slash_names_a_directory_that_is_not_there_yet(directory: Path) -> None:
    (directory / "plan.txt").write_text("Main { MaxCPE 1; }")
    words = {
        "decode": ("1.cm",),
        "encode": ("1.yaml", "--secret-file", "secret"),
        "import": ("--from", "docsis", "plan.txt"),
    }
    run(directory, "decode", "1.cm", "-o", str(directory / "1.yaml"))
    for command, given in words.items():
        assert run(directory, command, *given, "-o", f"{directory}/to-{command}/").exit_code == 0
    assert run(directory, "import", "--class", *words["import"], "-o", f"{directory}/six/").exit_code == 0
    found = sorted(str(path.relative_to(directory)) for path in directory.glob("*/*"))
    assert found == ["six/catalogue.yaml", "to-decode/1.yaml", "to-encode/1.cm", "to-import/plan.yaml"]


def test_two_files_that_would_be_one_are_named(directory: Path) -> None:
    run(directory, "decode", "1.cm", "2.cm", "-o", str(directory / "texts"))
    run(directory, "decode", "1.cm", "-o", str(directory / "1.yaml"))
    words = ("1.yaml", "texts/1.yaml", "--secret-file", "secret", "-o", "out")
    said = run(directory, "encode", *words).stderr
    reason = "would both be out/1.cm: give each a call of its own"
    assert f"{directory / '1.yaml'} and {directory / 'texts/1.yaml'} {reason}" in said
    assert not (directory / "out").exists()


def test_a_file_that_cannot_be_read_does_not_stop_the_others(directory: Path) -> None:
    result = run(directory, "decode", "cut.cm", "1.cm", "missing")
    assert result.exit_code == 1
    assert yaml.safe_load(result.stdout)["kind"] == "cm"
    assert "cut.cm: byte 23: TLV 24 runs over" in result.stderr
    assert "cannot read missing: No such file" in result.stderr
    result = run(directory, "verify", "--secret-file", "secret", "missing", "1.cm", "2.cm")
    assert result.exit_code == 1
    assert [line.split(": ")[1] for line in result.stdout.splitlines()] == ["ok", "cmts-mic"]


def test_a_wrong_check_is_a_warning(directory: Path) -> None:
    (directory / "1.cm").write_bytes(V1[:2] + b"\0" + V1[3:])
    result = run(directory, "decode", "1.cm")
    assert result.exit_code == 0
    assert result.stderr.endswith("1.cm: warning: its CM MIC is wrong; encoding makes it right\n")


def test_every_mistake_is_listed_with_its_line(directory: Path, provbus: Provbus) -> None:
    (directory / "cut.yaml").write_text("kind: cm\nbody: [")
    result = provbus("file", "encode", "wrong.yaml", "cut.yaml", "--secret-file", "secret", "-o", "out")
    assert (result.returncode, result.stdout) == (78, "")
    lines = result.stderr.removeprefix("provbus: ").splitlines()
    assert lines[:3] == [
        "wrong.yaml:4: body[1].max_cpe: must be a number from 0 to 255, not 300",
        lines[1],
        "wrong.yaml:9: body[3]: there is no TLV 'netwrk_access' here; did you mean 'network_access'?",
    ]
    assert lines[1].startswith("wrong.yaml:8: body[2].upstream_service_flow[1].max_sustained_rate: must be")
    assert lines[3].startswith("cut.yaml is not YAML")
    assert not (directory / "out").exists()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("encode", "1.yaml", "texts/1.yaml", "--secret-file", "secret"), 2),  # many files, no directory
        (("encode", "1.yaml"), 2),  # nothing to sign with
        (("encode", "1.yaml", "--secret-file", "secret", "--set", "x"), 2),
        (("encode",), 2),
        (("decode",), 2),
        (
            ("encode", "1.yaml", "texts/1.yaml", "--secret-file", "secret", "-o", "texts"),
            2,
        ),  # one name for two
    ],
)
def test_wrong_usage(directory: Path, words: tuple[str, ...], code: int) -> None:
    run(directory, "decode", "1.cm", "-o", str(directory / "1.yaml"))
    run(directory, "decode", "1.cm", "2.cm", "-o", str(directory / "texts"))
    assert run(directory, *words).exit_code == code


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [
        (b"\xff", 78, "is not text in UTF-8"),
        (b"", 78, "must hold a mapping"),
        (b"kind: cm\nbody: [{max_cpe: 1}]\n" + b"#" * (1 << 22), 78, "exceeds the limit"),
        (
            b"kind: cm\nplaceholders: {a: {kind: uint8}}\nbody: [{max_cpe: '${a}'}]\n",
            78,
            "default: give --set a=",
        ),
    ],
)
def test_what_is_no_document(
    directory: Path, provbus: Provbus, content: bytes, code: int, message: str
) -> None:
    (directory / "x.yaml").write_bytes(content)
    result = provbus("file", "encode", "x.yaml", "--secret-file", "secret")
    assert result.returncode == code
    assert message in result.stderr


def test_a_place_that_cannot_be_written_is_said(directory: Path, provbus: Provbus) -> None:
    result = provbus("file", "decode", "1.cm", "-o", "secret/x")
    assert (result.returncode, result.stderr) == (73, "provbus: cannot write secret/x: Not a directory\n")


def test_set_gives_placeholders_their_values(directory: Path) -> None:
    text = b"kind: cm\nplaceholders: {n: {kind: uint8}, s: {kind: string}}\n"
    text += b"body: [{max_cpe: '${n}'}, {software_upgrade_filename: '${s}'}]\n"
    words = ("encode", "-", "--as-is", "--secret-file", "secret", "--set", "n=9", "--set", "s=7=x")
    assert run(directory, *words, stdin=text).stdout_bytes.startswith(bytes.fromhex("1201090903373d78"))


def test_the_example_for_docsis_3_1_encodes_and_verifies(directory: Path) -> None:
    output = str(directory / "a.cm")
    assert run(directory, "encode", str(RESIDENTIAL), "--secret-file", "secret", "-o", output).exit_code == 0
    data = Path(output).read_bytes()
    assert run(directory, "verify", "--secret-file", "secret", "a.cm").output == "ok\n"
    types = {tlv.type for tlv in inspect(data).tlvs}
    assert types >= {3, 11, 17, 18, 22, 23, 24, 25, 28, 29, 35, 37, 53, 54, 60, 63, 74, 202}
    text = run(directory, "decode", "a.cm")
    assert "tlv:" not in text.stdout
    assert (
        run(directory, "encode", "-", "--secret-file", "secret", stdin=text.stdout_bytes).stdout_bytes == data
    )


def test_the_example_is_a_class_of_the_catalogue_too() -> None:
    definition = yaml.safe_load(RESIDENTIAL.read_text())
    template = compile_template(definition)
    file = template.build(template.pack({}), address=bytes(4), timestamp_s=0, secret=b"s")
    assert verify(file, [b"s"]) == "ok"
    assert all(placeholder.default is not None for placeholder in template.placeholders)
    assert compile_document(definition)[1] == []


FLOWS = """\
  - upstream_service_flow: [{reference: 1}, {qos_parameter_set_type: 7}]
  - downstream_service_flow: [{reference: 2}, {qos_parameter_set_type: 7}]
"""
REJECTED = f"kind: cm\nbody:\n  - network_access: 1\n{FLOWS}  - network_access: 0\n"
UNWISE = f"kind: cm\nsilence: []\nbody:\n  - network_access: 1\n{FLOWS}  - network_access: 1\n"


def test_what_a_cmts_would_reject_is_not_built_unless_it_is_asked_for(directory: Path) -> None:
    words = ("encode", "-", "--secret-file", "secret")
    line = "-:6: body[3].network_access: contradicts an earlier network_access (contradicting-setting)"
    result = run(directory, *words, stdin=REJECTED.encode())
    assert isinstance(result.exception, ConfigError)
    assert (str(result.exception), result.stdout_bytes) == (line, b"")
    result = run(directory, *words, "--as-is", stdin=REJECTED.encode())
    assert (result.exit_code, result.stderr) == (0, f"provbus: {line}\n")
    assert verify(result.stdout_bytes, [b"DOCSIS"]) == "ok"


def test_what_is_unwise_is_built_and_said_until_it_is_silenced(directory: Path) -> None:
    words = ("encode", "-", "--secret-file", "secret")
    result = run(directory, *words, stdin=UNWISE.encode())
    warning = "warning: repeats an earlier network_access (repeated-setting)"
    assert (result.exit_code, result.stderr) == (0, f"provbus: -:7: body[3].network_access: {warning}\n")
    meant = run(directory, *words, stdin=UNWISE.replace("[]", "[repeated-setting]").encode())
    assert (meant.exit_code, meant.stderr, meant.stdout_bytes) == (0, "", result.stdout_bytes)
    wrong = run(directory, *words, stdin=UNWISE.replace("[]", "[repeated]").encode())
    assert str(wrong.exception).startswith("-:2: silence[0]: there is no warning 'repeated'; did you ")


def test_the_values_that_are_given_are_judged(directory: Path) -> None:
    text = REJECTED.replace("kind: cm", "kind: cm\nplaceholders: {n: {kind: uint8}}")
    text = text.replace("network_access: 0", "network_access: ${n}")
    words = ("encode", "-", "--secret-file", "secret", "--set")
    assert run(directory, *words, "n=0", stdin=text.encode()).exit_code == 1
    result = run(directory, *words, "n=1", stdin=text.encode())
    assert (result.exit_code, "warning: repeats" in result.stderr) == (0, True)


CATALOGUE = f"""\
fragments:
  flows:
{FLOWS.replace("  -", "    -")}classes:
  gold:
    kind: cm
    silence: [repeated-setting]
    placeholders: {{cpe: {{kind: uint8}}}}
    body:
      - network_access: 1
      - network_access: 1
      - include: flows
      - max_cpe: "${{cpe}}"
  bare: {{kind: cm, body: [{{include: flows}}]}}
"""


def test_a_class_of_a_catalogue_is_built_as_a_document(directory: Path) -> None:
    (directory / "all.yaml").write_text(CATALOGUE)
    words = ("encode", "all.yaml", "--secret-file", "secret")
    built = run(directory, *words, "--class", "gold", "--set", "cpe=4")
    assert (built.exit_code, built.stderr) == (0, "")
    assert [tlv.type for tlv in inspect(built.stdout_bytes).tlvs] == [3, 3, 24, 25, 18, 6, 7]
    said = [
        (words, "is a catalogue: say --class NAME; there are gold, bare"),
        ((*words, "--class", "silver"), "there is no class 'silver'; there are gold, bare"),
        ((*words, "--class", "gold"), "has placeholders without a default: give --set cpe=VALUE"),
        ((*words, "--class", "gold", "--set", "cp=1"), "there is no placeholder 'cp'; there are cpe"),
        ((*words, "--class", "bare"), "all.yaml:15: classes.bare.body: has no network_access"),
    ]
    for command, sentence in said:
        assert sentence in str(run(directory, *command).exception)


def test_a_mistake_in_a_fragment_is_told_where_it_is_written(directory: Path) -> None:
    (directory / "all.yaml").write_text(CATALOGUE.replace("reference: 2", "reference: 1"))
    result = run(
        directory, "encode", "all.yaml", "--class", "gold", "--set", "cpe=4", "--secret-file", "secret"
    )
    place = "all.yaml:4: fragments.flows[1].downstream_service_flow[0].reference: 1 is the reference of"
    assert place in str(result.exception)
