"""What is missing for real Kafka is a reason to skip, and a failure where Kafka is required."""

from pathlib import Path

import pytest

from tests.requirement import VARIABLE, need_kafka

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
