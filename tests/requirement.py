"""What a test may need of the machine, and whether its absence is excused.

A machine without Java or Maven skips the tests on real Kafka and says why; one without the TFTP clients that
others wrote, without ISC Kea, without IPv6, without taps, or where no namespaces can be made, skips the tests
with them; a clone that has not the release before skips those beside it. Where `PROVBUS_REQUIRE` names
`kafka`, `tftp-clients`, `kea`, `ipv6`, `namespaces`, `taps` or `baseline` (a comma-separated list), as on the
machines that decide about a release, their absence is a failure; so it is to `make clients` where it names
`tftp-matrix`.
"""

import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

import pytest

from bus.errors import UnavailableError
from bus.transport.here import has_ipv6
from services.brokers.jars import find_java
from services.lab.kea.process import find_program
from services.lab.network.machines import lacking
from services.lab.release.repository import find_commit

VARIABLE = "PROVBUS_REQUIRE"
BASELINE = Path(__file__).parent / "compat" / "BASELINE"


def need_kafka(environ: Mapping[str, str]) -> None:
    """Return if real Kafka can be run; else skip the test, or fail it where `VARIABLE` names kafka."""
    reason = missing_for_kafka(environ)
    if reason is not None:
        _excuse("kafka", reason, environ)


def need_tftp_client(program: str, environ: Mapping[str, str]) -> str:
    """The path of a TFTP client; without it skip the test, or fail it where `VARIABLE` names tftp-clients."""
    found = shutil.which(program, path=environ.get("PATH", ""))
    return found or _excuse("tftp-clients", f"there is no {program} on the PATH", environ)


def need_kea(environ: Mapping[str, str], programs: Sequence[str] = ("kea-dhcp4", "perfdhcp")) -> None:
    """Return if Kea can be run; else skip the test, or fail it where `VARIABLE` names kea."""
    try:
        for program in programs:
            find_program(program, environ)
    except UnavailableError as error:
        _excuse("kea", str(error), environ)


def need_ipv6(environ: Mapping[str, str], is_there: Callable[[], bool] = has_ipv6) -> None:
    """Return if this machine speaks IPv6, if only to itself; else skip the test, or fail it where `VARIABLE`
    names ipv6.
    """
    if not is_there():
        _excuse("ipv6", "this machine has no IPv6", environ)


def need_namespaces(environ: Mapping[str, str]) -> None:
    """Return if network and mount namespaces can be made here; else skip the test, or fail it where
    `VARIABLE` names namespaces.
    """
    if reason := missing_for_namespaces(environ) or lacking(slow=False):
        _excuse("namespaces", reason, environ)


def need_taps(environ: Mapping[str, str]) -> None:
    """Return if taps can be made here, for slow links; else skip the test, or fail it where `VARIABLE` names
    taps.
    """
    if reason := lacking(slow=True):
        _excuse("taps", reason, environ)


def need_baseline(environ: Mapping[str, str], file: Path = BASELINE) -> None:
    """Return if the release that this file names is in the repository; else skip the test, or fail it where
    `VARIABLE` names baseline.
    """
    try:
        find_commit(file)
    except UnavailableError as error:
        _excuse("baseline", str(error), environ)


def missing_for_namespaces(environ: Mapping[str, str]) -> str | None:
    """Why no namespaces can be made here, which takes root and `ip`; None if they can."""
    path = environ.get("PATH", "")
    missing = [program for program in ("ip", "unshare", "mount") if not shutil.which(program, path=path)]
    if missing:
        return f"there is no {missing[0]} on the PATH"
    made = subprocess.run(["unshare", "--net", "--mount", "true"], capture_output=True, text=True)
    return None if made.returncode == 0 else f"no namespaces can be made: {made.stderr.strip()}"


def missing_for_kafka(environ: Mapping[str, str]) -> str | None:
    """Why this machine cannot run real Kafka; None if it can."""
    try:
        find_java(environ)
    except UnavailableError as error:
        return str(error)
    if shutil.which("mvn", path=environ.get("PATH", "")) is None:
        return "Kafka is fetched with Maven, and there is none"
    return None


def _excuse(requirement: str, reason: str, environ: Mapping[str, str]) -> NoReturn:
    if requirement in environ.get(VARIABLE, "").replace(" ", "").split(","):
        pytest.fail(f"{VARIABLE} asks for {requirement}, but: {reason}", pytrace=False)
    pytest.skip(reason)
