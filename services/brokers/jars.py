"""Kafka's program files: found on this machine or fetched once by Maven.

Theory of operation
-------------------
Nothing of Kafka is kept in the repository. `deploy/kafka/pom.xml` names the jars; Maven resolves, downloads
and verifies them (`-C`: a wrong checksum is an error). They are copied into a temporary directory beside the
final one, checked, and renamed into place under a file lock: the directory `libs-<digest of the pom>` is
complete or absent. Any change of the pom has a new digest, so it never mixes with the jars of another pom,
nor replaces those of a running broker.
"""

import hashlib
import logging
import os
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from bus.errors import ConfigError, UnavailableError
from services.brokers.properties import JAVA_MAJOR_MIN, java_major
from services.brokers.state import base_directory, locked

logger = logging.getLogger(__name__)

DEPLOY_DIRECTORY = Path(__file__).resolve().parents[2] / "deploy" / "kafka"
"""The lab runs from a source tree: the settings of its brokers are data there, not part of a package."""

VERSION_S_MAX = 60.0
"""Measured 0.1 s."""

FETCH_S_MAX = 600.0
"""44 MB within ten minutes: a slower network needs repair."""


def deployed(name: str) -> Path:
    """A file of `deploy/kafka`; `UnavailableError` when this is not a source tree."""
    path = DEPLOY_DIRECTORY / name
    if not path.is_file():
        raise UnavailableError(f"{path} is missing: the Kafka lab runs from a source tree of provbus")
    return path


def kafka_version(pom: str) -> str:
    """The `kafka.version` property of a Maven project file; `ConfigError` when it has none."""
    try:
        version = ElementTree.fromstring(pom).findtext("{*}properties/{*}kafka.version")
    except ElementTree.ParseError as error:
        raise ConfigError(f"deploy/kafka/pom.xml is not XML: {error}") from None
    if not version:
        raise ConfigError("deploy/kafka/pom.xml has no property kafka.version")
    return version


class Java(NamedTuple):
    """A Java program and its output on its version."""

    program: str
    version: str


def find_java(environ: Mapping[str, str]) -> Java:
    """The Java of `JAVA_HOME`, else of the path; `UnavailableError` when there is none or it is too old."""
    wanted = f"install a Java runtime of version {JAVA_MAJOR_MIN} or later (Debian: default-jre-headless)"
    home = environ.get("JAVA_HOME")
    java = shutil.which("java", path=os.path.join(home, "bin") if home else environ.get("PATH", os.defpath))
    if java is None:
        place = f"in JAVA_HOME={home}" if home else "on the PATH"
        raise UnavailableError(f"Kafka needs Java, and there is none {place}: {wanted}")
    answer = _run([java, "-version"], environ, VERSION_S_MAX)
    major = java_major(answer.stdout)
    if answer.returncode != 0 or major is None:
        raise UnavailableError(f"{java} does not say its version: {wanted}")
    if major < JAVA_MAJOR_MIN:
        raise UnavailableError(f"{java} is Java {major}, too old for Kafka: {wanted}")
    return Java(java, answer.stdout)


def find_jars(environ: Mapping[str, str], pom: Path, report: Callable[[str], None]) -> list[Path]:
    """The jars `pom` names, in class path order, fetched if they are not in the cache yet.

    Raises `UnavailableError` when Maven is missing or fails, or when the download is incomplete.
    """
    text = pom.read_text()
    version = kafka_version(text)
    cache = base_directory(environ, "XDG_CACHE_HOME", ".cache") / f"kafka-{version}"
    libs = cache / f"libs-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
    if not libs.is_dir():
        with locked(cache):
            # The former holder of the lock may have fetched them, or been killed while fetching.
            if not libs.is_dir():
                for leftover in cache.glob("fetching-*"):
                    shutil.rmtree(leftover)
                report(f"fetching Apache Kafka {version} with Maven (44 MB, once)")
                _fetch(environ, pom, version, libs)
    return sorted(libs.glob("*.jar"))


def _fetch(environ: Mapping[str, str], pom: Path, version: str, libs: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="fetching-", dir=libs.parent) as scratch:
        jars = Path(scratch) / "libs"
        _copy_dependencies(environ, pom, jars)
        _check(jars, version)
        # After a power loss, too, the final name must stand for whole files.
        os.sync()
        jars.replace(libs)
    logger.info("fetched Kafka %s into %s", version, libs)


def _copy_dependencies(environ: Mapping[str, str], pom: Path, jars: Path) -> None:
    maven = shutil.which("mvn", path=environ.get("PATH", os.defpath))
    if maven is None:
        raise UnavailableError("Kafka is fetched with Maven, and there is none: install it (Debian: maven)")
    command = [maven, "-q", "-B", "-C", "-Dstyle.color=never", "-f", str(pom)]
    command += ["dependency:copy-dependencies", f"-DoutputDirectory={jars}", "-DincludeScope=runtime"]
    try:
        answer = _run(command, environ, FETCH_S_MAX)
    except subprocess.TimeoutExpired:
        raise UnavailableError(
            f"Maven did not fetch Kafka in {FETCH_S_MAX:.0f} s: check the network"
        ) from None
    if answer.returncode != 0:
        raise UnavailableError(f"Maven could not fetch Kafka: {_reason(answer.stdout)}")


def _run(
    command: list[str], environ: Mapping[str, str], wait_s_max: float
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end; its output and its errors together are `stdout`."""
    return subprocess.run(
        command,
        env=environ,
        timeout=wait_s_max,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )


def _reason(output: str) -> str:
    """Maven's first error; later lines are advice."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line.removeprefix("[ERROR]").strip() for line in lines if line.startswith("[ERROR]")]
    return next(iter(errors or lines), "it gave no reason")


def _check(jars: Path, version: str) -> None:
    broken = [jar.name for jar in sorted(jars.glob("*.jar")) if not zipfile.is_zipfile(jar)]
    if broken:
        raise UnavailableError(
            f"the download of Kafka {version} is broken ({broken[0]}): remove it from ~/.m2, try again"
        )
    if not (jars / f"kafka_2.13-{version}.jar").is_file():
        raise UnavailableError(
            f"the download of Kafka {version} is broken: it lacks the broker's jar; try again"
        )
