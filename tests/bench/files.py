"""What a modem's file costs to build, beside its two digests alone, and beside an encoder that others wrote.

The file is that of the lab's households. Its digests over the same bytes, MD5 and HMAC-MD5, are the least
that any builder must pay. The environment variable `DOCSIS_TOOL` may name the program `docsis`, which makes
files from text: it is given the text that it makes of our file itself. It is a process per file, and so
measured.
"""

import hashlib
import hmac
import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from ipaddress import IPv4Address
from pathlib import Path

from bus.config.yaml_file import read_yaml
from services.docsis.checks.mic import CM_MIC, CMTS_MIC, CMTS_MIC_ORDER
from services.docsis.text.template import Template, compile_template
from services.docsis.tlv import read, write
from services.settings.fragments import expand
from tests.bench.figure import Figure, Skipped, alternate, ratios

SETTINGS = Path(__file__).parents[2] / "deploy/settings/lab.yaml"
SECRET = b"a secret of the CMTS for benches"
VALUES = {"cpe_max": 4, "customer": 12345}
FILES = 5000
TOOL_FILES = 10
ROUNDS = 9
ADDRESS = IPv4Address("127.64.0.5").packed
VARIABLE = "DOCSIS_TOOL"


def file_figures() -> list[Figure]:
    """Ours and the digests in alternation."""
    template = _template()
    packed = template.pack(VALUES)
    stamp_s = int(time.time())

    def build() -> bytes:
        return template.build(packed, address=ADDRESS, timestamp_s=stamp_s, secret=SECRET)

    body, digested = _digested(build())
    ours, digests = alternate(
        lambda: _seconds_per_file(build),
        lambda: _seconds_per_file(lambda: _digest(body, digested)),
        rounds=ROUNDS,
    )
    return [
        Figure(
            "file_build_vs_digests",
            ratios(ours, digests),
            "≤ 2.5",
            f"a household's file of {len(build())} bytes / its MD5 and its HMAC-MD5 alone",
        ),
        Figure("file_build_us", [one * 1e6 for one in ours], "", "the same, µs"),
    ]


def tool_figures() -> list[Figure]:
    """The other encoder, where there is one."""
    name = "file_tool_us"
    tool = os.environ.get(VARIABLE)
    if not tool:
        raise Skipped(f"{VARIABLE} names no program `docsis`", [name])
    template = _template()
    file = template.build(template.pack(VALUES), address=ADDRESS, timestamp_s=0, secret=SECRET)
    with tempfile.TemporaryDirectory() as directory:
        binary, text, key, out = (Path(directory) / one for one in ("modem.cm", "modem.cfg", "key", "out.cm"))
        binary.write_bytes(file)
        key.write_bytes(SECRET)

        def run(*words: str | Path) -> bytes:
            return subprocess.run([tool, *words], check=True, capture_output=True, timeout=10).stdout

        try:
            text.write_bytes(run("-d", binary))
            run("-e", text, key, out)
            made_bytes = out.stat().st_size
            values = [
                _seconds_per_file(lambda: run("-e", text, key, out), TOOL_FILES) * 1e6 for _ in range(3)
            ]
        except (OSError, subprocess.SubprocessError) as error:
            raise Skipped(f"{tool} does not make its own text into a file: {error}", [name]) from error
    what = f"the same by {Path(tool).name}, a process per file, {made_bytes} bytes, µs"
    return [Figure(name, values, "", what)]


def _template() -> Template:
    return compile_template(expand(read_yaml(SETTINGS)[0]).classes["residential"])


def _digested(file: bytes) -> tuple[bytes, bytes]:
    """What the CM MIC and what the CMTS MIC of a file are made of."""
    tlvs = read(file, "cm")
    mics = {tlv.type: tlv for tlv in tlvs if tlv.type in (CM_MIC, CMTS_MIC)}
    body = file[: mics[CM_MIC].offset]
    ordered = sorted(
        (tlv for tlv in tlvs if tlv.type in CMTS_MIC_ORDER), key=lambda tlv: CMTS_MIC_ORDER.index(tlv.type)
    )
    digested = b"".join(write(tlv, "cm") for tlv in ordered)
    assert _digest(body, digested) == (mics[CM_MIC].value, mics[CMTS_MIC].value)
    return body, digested


def _digest(body: bytes, digested: bytes) -> tuple[bytes, bytes]:
    return hashlib.md5(body, usedforsecurity=False).digest(), hmac.digest(SECRET, digested, "md5")


def _seconds_per_file(make: Callable[[], object], files: int = FILES) -> float:
    begin = time.perf_counter()
    for _ in range(files):
        make()
    return (time.perf_counter() - begin) / files
