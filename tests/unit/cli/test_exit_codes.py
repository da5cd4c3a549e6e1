"""The command as a whole: every expected error is one sentence and the exit code of its kind."""

import subprocess
from collections.abc import Callable

import pytest
from click.testing import CliRunner

from bus.errors import (
    BackpressureError,
    BusyError,
    ConfigError,
    DecodeError,
    LocalError,
    OversizeError,
    ProvbusError,
    RemoteError,
    StateError,
    TransportError,
    TryAgainError,
    UnavailableError,
)
from services.cli.main import EXIT_CODES, cli

Provbus = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (ConfigError, 78),
        (LocalError, 70),
        (StateError, 70),
        (OversizeError, 70),
        (RemoteError, 77),
        (DecodeError, 77),
        (BusyError, 73),
        (TryAgainError, 75),
        (TransportError, 69),
        (UnavailableError, 69),
        (BackpressureError, 69),
    ],
)
def test_the_first_that_fits_is_the_right_one(kind: type[ProvbusError], code: int) -> None:
    """The table is read from its top, so the special stands before the general."""
    assert next(number for listed, number in EXIT_CODES.items() if issubclass(kind, listed)) == code


def test_every_error_of_ours_has_a_code() -> None:
    families = ProvbusError.__subclasses__()
    assert len(families) >= 3
    assert all(any(issubclass(family, listed) for listed in EXIT_CODES) for family in families)


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["keys", "--help"], ["file", "--help"]])
def test_help_is_no_failure(arguments: list[str]) -> None:
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 0
    assert result.output.startswith("Usage: ")


@pytest.mark.parametrize("arguments", [["fly"], ["--fly"], ["run"], ["run", "tftp"], ["keys"]])
def test_wrong_usage_is_2(arguments: list[str]) -> None:
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 2
    assert "Usage: " in result.output


def test_the_version_is_said(provbus: Provbus) -> None:
    result = provbus("--version")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("provbus, version ")
