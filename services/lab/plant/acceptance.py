"""The checks of a device's file: those of the modem, and those of the CMTS behind it.

Theory of operation
-------------------
A cable modem checks the CM MIC; at registration the CMTS checks the CMTS MIC with its secret, that the file
was made just now (TLV 19) and for this modem's address (TLV 20). A CMTS refuses a timestamp older than its
processing time, 30 s at least (MULPI annex D). An adapter's file has no MICs and no address: its hash is
checked, and that it names its own device, in a text the settings template put there.


"""

from __future__ import annotations

from collections.abc import Sequence

from services.docsis.checks.verify import inspect, verify

AGE_S_MAX = 30
CLOCK_SKEW_S_MAX = 2  # TLV 19 holds whole seconds, and two processes read the clock


def judge_modem_file(data: bytes, *, address: bytes, secrets: Sequence[bytes], unix_s: float) -> str:
    """`ok`, what `verify` found, or `kind`, `timestamp`, `address`: the check a CM file did not pass."""
    verdict = verify(data, secrets)
    if verdict != "ok":
        return verdict
    file = inspect(data)
    if file.kind != "cm":
        return "kind"
    if file.timestamp_s is None or not -CLOCK_SKEW_S_MAX <= unix_s - file.timestamp_s <= AGE_S_MAX:
        return "timestamp"
    return "ok" if file.address == address else "address"


def judge_adapter_file(data: bytes, *, marker: bytes) -> str:
    """`ok`, what `verify` found, or `kind`, `marker`: the check an MTA file did not pass."""
    verdict = verify(data, ())
    if verdict != "ok":
        return verdict
    if inspect(data).kind != "mta":
        return "kind"
    return "ok" if marker in data else "marker"
