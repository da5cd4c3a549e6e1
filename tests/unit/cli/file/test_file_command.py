"""`provbus file verify`: the verdict of a modem and its CMTS, and an exit code to go with it."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from services.cli.main import cli

Provbus = Callable[..., subprocess.CompletedProcess[str]]

# Made and checked with two independent programs.
MODEM = bytes.fromhex(
    "0301010b123010060b2b0601020145010201070102010418070102000106010719070102000206010706101c4670ca4768ce6c"
    "11973a03cbf5a1bf07109d9b01ae4ce1d52b5ca435bcbb4dc721ff0000"
)
ADAPTER = bytes.fromhex(
    "fe01010b153013060e2b06010401a30b020201010106000201010b25302306102b06010401a30b020202010201010109040f636d"
    "732e6578616d706c652e6e65740b283026060e2b06010401a30b020201010207000414d4957e19ed85202ac2a98878eaf5c25f95"
    "8b2d84fe01ff"
)
FILES = {
    "modem": MODEM,
    "adapter": ADAPTER,
    "altered": bytes([3, 1, 0]) + MODEM[3:],
    "cut": MODEM[:40],
    "empty": b"",
    "altered-adapter": ADAPTER.replace(b"cms.", b"cmx."),
    "bare-adapter": ADAPTER[:-45] + ADAPTER[-3:],
}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    for name, content in {"secret": b"DOCSIS\n", "other": b"another\n"}.items():
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(0o600)
    return tmp_path


def verify(
    directory: Path, *names: str, secrets: tuple[str, ...] = ("secret",), stdin: bytes = b""
) -> Result:
    options = [part for secret in secrets for part in ("--secret-file", str(directory / secret))]
    files = [name if name == "-" else str(directory / name) for name in names]
    return CliRunner().invoke(cli, ["file", "verify", *options, *files], input=stdin)


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("modem", "ok"),
        ("adapter", "ok"),
        ("altered", "cm-mic"),
        ("cut", "structure"),
        ("empty", "structure"),
        ("altered-adapter", "hash"),
        ("bare-adapter", "no-hash"),
    ],
)
def test_the_verdict_is_the_output_and_the_exit_code(directory: Path, name: str, verdict: str) -> None:
    result = verify(directory, name)
    assert result.output == f"{verdict}\n"
    assert result.exit_code == (verdict not in ("ok", "no-hash"))


@pytest.mark.parametrize(
    ("secrets", "verdict"),
    [(("other",), "cmts-mic"), (("other", "secret"), "ok"), (("secret", "other"), "ok")],
)
def test_any_of_the_secrets_may_be_the_cmts(directory: Path, secrets: tuple[str, ...], verdict: str) -> None:
    assert verify(directory, "modem", secrets=secrets).output == f"{verdict}\n"


def test_several_files_are_told_apart_and_one_bad_one_fails(directory: Path) -> None:
    result = verify(directory, "modem", "altered", "adapter")
    assert result.output.splitlines() == [
        f"{directory}/modem: ok",
        f"{directory}/altered: cm-mic",
        f"{directory}/adapter: ok",
    ]
    assert result.exit_code == 1
    assert verify(directory, "modem", "adapter", "bare-adapter").exit_code == 0
    assert verify(directory, "modem", "missing").exit_code == 1


@pytest.mark.parametrize("name", ["modem", "altered"])
def test_a_file_may_come_over_standard_input(directory: Path, name: str) -> None:
    result = verify(directory, "-", stdin=FILES[name])
    assert (result.output, result.exit_code) == verify_by_name(directory, name)


def verify_by_name(directory: Path, name: str) -> tuple[str, int]:
    result = verify(directory, name)
    return result.output, result.exit_code


@pytest.mark.parametrize(
    ("names", "secrets"),
    [(("missing",), ("secret",)), ((".",), ("secret",)), ((), ("secret",)), (("modem",), ())],
)
def test_wrong_usage_is_told_from_a_bad_file(
    directory: Path, names: tuple[str, ...], secrets: tuple[str, ...]
) -> None:
    assert verify(directory, *names, secrets=secrets).exit_code == 2


def test_a_secret_that_cannot_be_read_is_a_mistake_in_the_configuration(
    directory: Path, provbus: Provbus
) -> None:
    result = provbus("file", "verify", "--secret-file", "missing", "modem")
    assert result.returncode == 78
    assert result.stdout == ""
    assert result.stderr == "provbus: cannot read the secret in missing: No such file or directory\n"
