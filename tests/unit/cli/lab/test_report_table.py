"""The report of a run as a table: words and figures, nothing that looks like a program."""

import pytest

from services.cli.lab.report_table import print_table

REPORT = {
    "scenario": "storm",
    "broker": "embedded",
    "endpoints": {"dhcp_socket": ["here"]},
    "duration_s": 6.25349,
    "ledger": {
        "acked": 3,
        "evidence": [{"fault": "lost", "name": "[5f0c]", "device": "001a.2c00.0001"}],
        "clean": False,
    },
    "stalls_ms": [1, 2.34567],
    "ended": {},
    "unsaid": "",
}


def test_a_report_is_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(REPORT)
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        "scenario    storm",
        "broker      embedded",
        "duration_s  6.253",
        "ledger      acked 3  evidence fault lost  name [5f0c]  device 001a.2c00.0001  clean no",
        "stalls_ms   1, 2.346",
        "The broker was librdkafka's embedded cluster: the real protocol, but nothing is durable.",
    ]
