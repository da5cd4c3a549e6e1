"""What is missing for a test is a reason to skip it, and a failure where it is required."""

from pathlib import Path

import pytest

from bus.errors import UnavailableError
from services.lab.kea.process import find_program
from tests.requirement import VARIABLE, need_baseline, need_ipv6, need_kafka, need_kea, need_tftp_client

JAVA = "#!/bin/sh\necho 'openjdk version \"17.0.1\" 2021-10-19' >&2\n"


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A path with a Java and a Maven, and nothing else but the shell's own."""
    for name in ("java", "mvn"):
        (tmp_path / name).write_text(JAVA)
        (tmp_path / name).chmod(0o755)
    return tmp_path


@pytest.mark.parametrize("required", ["", "kafka"])
def test_with_both_programs_the_test_runs(programs: Path, required: str) -> None:
    need_kafka({"PATH": str(programs), VARIABLE: required})


@pytest.mark.parametrize(("absent", "reason"), [("java", "Java"), ("mvn", "Maven")])
@pytest.mark.parametrize("required", ["", "kea", "kafkaesque"])
def test_without_one_it_is_skipped_and_says_why(
    programs: Path, absent: str, reason: str, required: str
) -> None:
    (programs / absent).unlink()
    with pytest.raises(pytest.skip.Exception, match=reason):
        need_kafka({"PATH": str(programs), VARIABLE: required})


@pytest.mark.parametrize(("absent", "reason"), [("java", "Java"), ("mvn", "Maven")])
@pytest.mark.parametrize("required", ["kafka", "kea, kafka"])
def test_without_one_it_fails_where_kafka_is_required(
    programs: Path, absent: str, reason: str, required: str
) -> None:
    (programs / absent).unlink()
    with pytest.raises(pytest.fail.Exception, match=reason):
        need_kafka({"PATH": str(programs), VARIABLE: required})


@pytest.mark.parametrize("required", ["", "tftp-clients"])
def test_a_tftp_client_is_found(programs: Path, required: str) -> None:
    assert need_tftp_client("java", {"PATH": str(programs), VARIABLE: required}) == str(programs / "java")


@pytest.mark.parametrize(
    ("required", "outcome"),
    [
        ("", pytest.skip.Exception),
        ("kafka", pytest.skip.Exception),
        ("kafka,tftp-clients", pytest.fail.Exception),
    ],
)
def test_without_a_tftp_client_its_test_is_skipped_or_fails(
    programs: Path, required: str, outcome: type[BaseException]
) -> None:
    with pytest.raises(outcome, match="there is no atftp on the PATH"):
        need_tftp_client("atftp", {"PATH": str(programs), VARIABLE: required})


def test_a_program_of_kea_is_found(programs: Path) -> None:
    environ = {"PATH": str(programs)}
    with pytest.raises(UnavailableError, match="install kea-dhcp4-server kea-admin"):
        find_program("kea-dhcp9", environ)
    assert find_program("java", environ) == str(programs / "java")


@pytest.mark.parametrize(
    ("required", "outcome"), [("kafka", pytest.skip.Exception), ("kafka,kea", pytest.fail.Exception)]
)
def test_without_kea_its_tests_are_skipped_or_fail(required: str, outcome: type[BaseException]) -> None:
    with pytest.raises(outcome, match="kea-admin"):
        need_kea({"PATH": "", VARIABLE: required}, programs=("kea-dhcp9",))


@pytest.mark.parametrize(
    ("required", "outcome"), [("kafka", pytest.skip.Exception), ("kafka,ipv6", pytest.fail.Exception)]
)
def test_without_ipv6_its_tests_are_skipped_or_fail(required: str, outcome: type[BaseException]) -> None:
    need_ipv6({VARIABLE: required}, is_there=lambda: True)
    with pytest.raises(outcome, match="this machine has no IPv6"):
        need_ipv6({VARIABLE: required}, is_there=lambda: False)


@pytest.mark.parametrize(
    ("required", "outcome"), [("kafka", pytest.skip.Exception), ("kafka,baseline", pytest.fail.Exception)]
)
def test_without_the_release_before_its_tests_are_skipped_or_fail(
    tmp_path: Path, required: str, outcome: type[BaseException]
) -> None:
    named = tmp_path / "BASELINE"
    named.write_text("0" * 40)
    with pytest.raises(outcome, match="takes a whole clone of the repository"):
        need_baseline({VARIABLE: required}, named)
