"""What a test may need of the machine, and whether its absence is excused.

A machine without Java or Maven skips the tests on real Kafka and says why. Where `PROVBUS_REQUIRE` names
`kafka` (a comma-separated list), as on the machines that decide about a release, their absence is a failure.
"""

import shutil
from collections.abc import Mapping

import pytest

from bus.errors import UnavailableError
from services.lab.kafka_jars import find_java

VARIABLE = "PROVBUS_REQUIRE"


def need_kafka(environ: Mapping[str, str]) -> None:
    """Return if real Kafka can be run; else skip the test, or fail it where `VARIABLE` names kafka."""
    reason = missing_for_kafka(environ)
    if reason is None:
        return
    if "kafka" in environ.get(VARIABLE, "").replace(" ", "").split(","):
        pytest.fail(f"{VARIABLE} asks for kafka, but: {reason}", pytrace=False)
    pytest.skip(reason)


def missing_for_kafka(environ: Mapping[str, str]) -> str | None:
    """Why this machine cannot run real Kafka; None if it can."""
    try:
        find_java(environ)
    except UnavailableError as error:
        return str(error)
    if shutil.which("mvn", path=environ.get("PATH", "")) is None:
        return "Kafka is fetched with Maven, and there is none"
    return None
