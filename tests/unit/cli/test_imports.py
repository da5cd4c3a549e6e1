"""What the command imports before it does anything: a help costs click, a question what it asks for."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.cli.main import COMMANDS
from tests.unit.answering import answering

TIMEOUT_S = 60
PROGRAM = """
import atexit, sys
atexit.register(lambda: print(*sys.modules, file=sys.stderr))
from services.cli.main import main
main()
"""
LIBRARIES = ("confluent_kafka", "zmq", "cryptography", "rich", "prometheus_client", "pysmi")
SERVICES = (
    "services.cfm",
    "services.mps",
    "services.sidecar",
    "services.tftp",
    "services.lab",
    "services.brokers",
)
OF_A_HELP = (
    *LIBRARIES,
    "pydantic",
    "yaml",
    *SERVICES,
    "services.config",
    "services.dhcp.kea",
    "services.docsis.judge",
    "services.docsis.mib.names",
    "services.docsis.text",
    "services.docsis.tlvs",
    "services.operator",
    "services.settings",
    "fileid.seal",
    "heartbeat",
)
OF_A_QUESTION = (
    *LIBRARIES,
    *SERVICES,
    "services.dhcp",
    "services.docsis",
    "services.settings",
    "fileid",
    "heartbeat",
)


def imported(*words: str | Path, **environment: str) -> set[str]:
    """Every module that the command has imported when it ends, and the packages above it."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *map(str, words)],
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stderr.splitlines()[-1].split())


def test_what_is_imported_is_seen() -> None:
    assert {"click", "services.cli.main", "services.cli.peers"} <= imported("peers", "--help")


@pytest.mark.parametrize("words", [(), *((command,) for command in COMMANDS)], ids=" ".join)
def test_a_help_imports_nothing_of_the_platform(words: tuple[str, ...]) -> None:
    assert imported(*words, "--help").isdisjoint(OF_A_HELP)


@pytest.mark.parametrize("line", ["provbus ", "provbus run dhcp --", "provbus trace 001a2c000001 --"])
def test_a_completion_imports_no_more_than_a_help(line: str) -> None:
    found = imported(_PROVBUS_COMPLETE="bash_complete", COMP_WORDS=line, COMP_CWORD=str(line.count(" ")))
    assert found.isdisjoint(OF_A_HELP)


@pytest.mark.parametrize("words", [("failover", "status"), ("peers", "ls")], ids=" ".join)
def test_a_question_imports_the_configuration_and_the_socket(
    configs: dict[str, dict[str, Any]], tmp_path: Path, words: tuple[str, ...]
) -> None:
    path = tmp_path / "dhcp-1.yaml"
    path.write_text(yaml.safe_dump(configs["dhcp-1"]))
    status = {"instance": "dhcp-1", "service": "dhcp", "draining": False, "missing": [], "degraded": []}
    with answering(
        tmp_path / "dhcp-1.sock", {**status, "failover": {"state": "active"}, "peers": {}, "cfms": []}
    ):
        found = imported(*words, "--config", path, "-o", "json")
    assert "services.config.instance" in found
    assert found.isdisjoint(OF_A_QUESTION)


def test_the_table_of_tlvs_needs_no_configuration() -> None:
    found = imported("file", "tlvs", "max_cpe", "-o", "json")
    assert "services.docsis.tlvs.tlv_table" in found
    assert found.isdisjoint({*LIBRARIES, *SERVICES, "pydantic", "services.config", "services.settings"})
