"""Which check a file does not pass: every verdict is reached, and only for its own reason."""

from __future__ import annotations

import pytest

from services.docsis.text.template import compile_template
from services.lab.plant.acceptance import judge_adapter_file, judge_modem_file

ADDRESS = bytes((127, 64, 0, 5))
SECRET = b"secret"
NOW = 1_700_000_000
FLOWS = [
    {"upstream_service_flow": [{"reference": 1}, {"qos_parameter_set_type": 7}]},
    {"downstream_service_flow": [{"reference": 2}, {"qos_parameter_set_type": 7}]},
]
MODEM = compile_template({"kind": "cm", "body": [{"network_access": 1}, *FLOWS]})
ADAPTER_BODY = [{"snmp_set": {"oid": "1.3.6.1.2.1.1.5.0", "string": "${name}"}}]
ADAPTER = compile_template(
    {"kind": "mta", "hash": "na", "placeholders": {"name": {"kind": "string"}}, "body": ADAPTER_BODY}
)


def modem_file(timestamp_s: int = NOW) -> bytes:
    return MODEM.build(MODEM.pack({}), address=ADDRESS, timestamp_s=timestamp_s, secret=SECRET)


def adapter_file(name: str = "001a2c000001") -> bytes:
    return ADAPTER.build(ADAPTER.pack({"name": name}), address=ADDRESS, timestamp_s=NOW, secret=SECRET)


def _flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes((data[at] ^ 1,)) + data[at + 1 :]


@pytest.mark.parametrize(
    ("data", "verdict"),
    [
        (modem_file(), "ok"),
        (modem_file(NOW - 30), "ok"),
        (modem_file(NOW - 31), "timestamp"),
        (modem_file(NOW + 2), "ok"),
        (modem_file(NOW + 3), "timestamp"),
        (_flipped(modem_file(), 2), "cm-mic"),
        (b"", "structure"),
        (modem_file()[:-30], "structure"),
        (adapter_file(), "kind"),
    ],
)
def test_a_modem_file_is_judged(data: bytes, verdict: str) -> None:
    assert judge_modem_file(data, address=ADDRESS, secrets=(SECRET,), unix_s=NOW) == verdict


def test_a_modem_file_for_another_address_or_by_another_secret_is_refused() -> None:
    other = bytes((127, 64, 0, 6))
    assert judge_modem_file(modem_file(), address=other, secrets=(SECRET,), unix_s=NOW) == "address"
    assert judge_modem_file(modem_file(), address=ADDRESS, secrets=(b"x",), unix_s=NOW) == "cmts-mic"


@pytest.mark.parametrize(
    ("data", "verdict"),
    [
        (adapter_file(), "ok"),
        (adapter_file("001a2c000002"), "marker"),
        (_flipped(adapter_file(), 10), "hash"),
        (adapter_file()[:-1], "structure"),
    ],
)
def test_an_adapter_file_is_judged(data: bytes, verdict: str) -> None:
    assert judge_adapter_file(data, marker=b"001a2c000001") == verdict


def test_a_modem_file_is_no_adapter_file() -> None:
    assert judge_adapter_file(modem_file(), marker=b"") != "ok"
