"""Java and the jars: found, fetched whole, or an error that says what to install."""

import os
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from bus.errors import ConfigError, UnavailableError
from services.brokers.jars import deployed, find_jars, find_java, kafka_version

POM = "<project xmlns='http://maven.apache.org/POM/4.0.0'><properties><kafka.version>9.8.7</kafka.version></properties></project>"

COPY_JARS = """
for argument; do case "$argument" in -DoutputDirectory=*) target="${argument#*=}";; esac; done
echo call >> "$JARS/calls"
mkdir -p "$target"
cp "$JARS"/*.jar "$target"
"""


def write_program(path: Path, script: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


class Bench:
    """A machine with the programs a test puts there, a pom, and jars for a pretended Maven to copy."""

    def __init__(self, directory: Path) -> None:
        self.programs = directory / "bin"
        self.jars = directory / "repository"
        self.cache = directory / "cache"
        self.pom = directory / "pom.xml"
        self.pom.write_text(POM)
        self.jars.mkdir()
        for name in ("kafka_2.13-9.8.7.jar", "another-1.0.jar"):
            with zipfile.ZipFile(self.jars / name, "w") as jar:
                jar.writestr("META-INF/MANIFEST.MF", "")
        self.reports: list[str] = []
        path = f"{self.programs}:/usr/bin:/bin"
        self.environ = {"PATH": path, "XDG_CACHE_HOME": str(self.cache), "JARS": str(self.jars)}

    def find(self) -> list[Path]:
        return find_jars(self.environ, self.pom, self.reports.append)

    def fetches(self) -> int:
        return (self.jars / "calls").read_text().count("call")

    def left_over(self) -> list[str]:
        return sorted(path.name for path in self.cache.glob("provbus/kafka-9.8.7/*") if path.name != ".lock")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_jars_are_fetched_once(bench: Bench) -> None:
    write_program(bench.programs / "mvn", COPY_JARS)
    first = bench.find()
    assert [jar.name for jar in first] == ["another-1.0.jar", "kafka_2.13-9.8.7.jar"]
    assert bench.find() == first
    assert bench.fetches() == 1
    assert len(bench.reports) == 1
    assert len(bench.left_over()) == 1


def test_another_pom_has_other_jars(bench: Bench) -> None:
    write_program(bench.programs / "mvn", COPY_JARS)
    first = bench.find()
    bench.pom.write_text(POM + "<!-- changed -->")
    assert not set(bench.find()) & set(first)
    assert bench.fetches() == 2
    assert all(jar.exists() for jar in first)


def test_a_killed_fetch_is_swept_away_and_not_used(bench: Bench) -> None:
    half = bench.cache / "provbus" / "kafka-9.8.7" / "fetching-x" / "libs"
    half.mkdir(parents=True)
    (half / "kafka_2.13-9.8.7.jar").write_text("half")
    write_program(bench.programs / "mvn", COPY_JARS)
    assert all(zipfile.is_zipfile(jar) for jar in bench.find())
    assert not half.exists()


def truncate(bench: Bench) -> None:
    jar = bench.jars / "another-1.0.jar"
    jar.write_bytes(jar.read_bytes()[:20])


def lose_the_broker(bench: Bench) -> None:
    (bench.jars / "kafka_2.13-9.8.7.jar").unlink()


@pytest.mark.parametrize(
    ("damage", "sentence"), [(truncate, "another-1.0.jar"), (lose_the_broker, "lacks the broker")]
)
def test_a_broken_download_is_refused(bench: Bench, damage: Callable[[Bench], None], sentence: str) -> None:
    damage(bench)
    write_program(bench.programs / "mvn", COPY_JARS)
    with pytest.raises(UnavailableError, match=sentence):
        bench.find()
    assert bench.left_over() == []


def test_mavens_first_complaint_is_quoted(bench: Bench) -> None:
    script = "echo '[INFO] resolving'; echo '[ERROR] no route to host'; echo '[ERROR] see the manual'; exit 1"
    write_program(bench.programs / "mvn", script)
    with pytest.raises(UnavailableError, match=r"could not fetch Kafka: no route to host$"):
        bench.find()
    assert bench.left_over() == []


def test_a_silent_failure_says_so(bench: Bench) -> None:
    write_program(bench.programs / "mvn", "exit 3")
    with pytest.raises(UnavailableError, match="gave no reason"):
        bench.find()


def test_without_maven_the_error_says_what_to_install(bench: Bench) -> None:
    with pytest.raises(UnavailableError, match=r"Debian: maven"):
        find_jars({**bench.environ, "PATH": str(bench.programs)}, bench.pom, bench.reports.append)


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ("echo 'openjdk version \"11.0.20\"' >&2", "is Java 11, too old"),
        ("echo 'java version \"1.8.0_392\"' >&2", "is Java 8, too old"),
        ("echo 'nonsense'", "does not say its version"),
        ("echo 'openjdk version \"21\"' >&2; exit 1", "does not say its version"),
    ],
)
def test_an_unfit_java_is_refused(bench: Bench, script: str, sentence: str) -> None:
    write_program(bench.programs / "java", script)
    with pytest.raises(UnavailableError, match=f"{sentence}.*version 17 or later"):
        find_java(bench.environ)


def test_java_home_wins_over_the_path(bench: Bench, tmp_path: Path) -> None:
    write_program(bench.programs / "java", "echo 'openjdk version \"11.0.1\"'")
    write_program(tmp_path / "home" / "bin" / "java", "echo 'openjdk version \"17.0.1\"'")
    java = find_java({**bench.environ, "JAVA_HOME": str(tmp_path / "home")})
    assert java.program == str(tmp_path / "home" / "bin" / "java")
    assert "17.0.1" in java.version


@pytest.mark.parametrize(
    ("environ", "place"),
    [({"PATH": "/nowhere"}, "on the PATH"), ({"JAVA_HOME": "/nowhere"}, "JAVA_HOME=/nowhere")],
)
def test_without_java_the_error_says_what_to_install(environ: dict[str, str], place: str) -> None:
    with pytest.raises(UnavailableError, match=f"{place}.*default-jre-headless"):
        find_java(environ)


def test_the_version_is_that_of_the_pom() -> None:
    assert kafka_version(POM) == "9.8.7"
    assert kafka_version(deployed("pom.xml").read_text()).startswith("4.")


@pytest.mark.parametrize("pom", ["", "<project", "<project/>", POM.replace("9.8.7", "")])
def test_a_pom_without_a_version_is_refused(pom: str) -> None:
    with pytest.raises(ConfigError, match=r"pom\.xml"):
        kafka_version(pom)


def test_a_file_that_is_not_deployed_is_unavailable() -> None:
    with pytest.raises(UnavailableError, match="source tree"):
        deployed("absent" + os.extsep + "xml")
