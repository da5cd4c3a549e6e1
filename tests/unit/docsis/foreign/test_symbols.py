"""Every name of the table: it writes its own type byte, in the encoding of its form."""

import pytest

from services.docsis.foreign.symbol import Form, Symbol
from services.docsis.foreign.symbols import SYMBOLS
from services.docsis.foreign.symbols_extension import EXTENSION, MANAGEMENT, RENAMED
from services.docsis.foreign.symbols_flow import FLOW
from services.docsis.foreign.symbols_modem import MODEM
from services.docsis.foreign.text import read_text
from services.docsis.text.document import compile_document

ALL = MODEM + FLOW + EXTENSION + MANAGEMENT + RENAMED
REFUSED = (Form.FILE, Form.COMPUTED, Form.GENERIC)
WIDTHS = {Form.UINT8: 1, Form.UINT16: 2, Form.UINT24: 3, Form.UINT32: 4}
SAMPLES = {
    Form.TAGS: ("100,200", "006400c8"),
    Form.IPV4: ("192.0.2.1", "c0000201"),
    Form.IPV4S: ("192.0.2.1,192.0.2.2", "c0000201c0000202"),
    Form.IPV6: ("2001:db8::1", "20010db8000000000000000000000001"),
    Form.IPV6S: ("2001:db8::1,::", "20010db8000000000000000000000001" + 16 * "00"),
    Form.PREFIXES: ("2001:db8::/32,::/0", "20010db8000000000000000000000000" + "20" + 17 * "00"),
    Form.ADDRESS: ("192.0.2.1", "c0000201"),
    Form.PEER: ("192.0.2.1", "01c0000201"),
    Form.ENDPOINT: ("192.0.2.1/162", "c000020100a2"),
    Form.MAC: ("00:1a:2C:00:00:01", "001a2c000001"),
    Form.MAC_MASK: ("00:1a:2c:00:00:01/ff:ff:ff:00:00:00", "001a2c000001ffffff000000"),
    Form.OBJECT_ID: (".1.3.6.1.2.1.1", "06062b0601020101"),
    Form.EMPTY: ("0x00", ""),
    Form.VARBIND: (".1.3.6.1.2.1.1.5.0 Integer 5", "300d06082b06010201010500020105"),
    Form.WRITE_CONTROL: (".1.3.6.1.2.1.1 1", "06062b060102010101"),
}


def sample(symbol: Symbol) -> tuple[str, bytes]:
    """A value as a text has it, and the bytes for it."""
    low, high = symbol.limits or (1, 1)
    if symbol.form in WIDTHS:
        number = min(high, 256 ** WIDTHS[symbol.form] - 1)
        return str(number), number.to_bytes(WIDTHS[symbol.form], "big")
    if symbol.form is Form.UINT8S:
        return ",".join("7" * max(low, 2)), b"\x07" * max(low, 2)
    if symbol.form is Form.UINT16S:
        return ",".join("7" * max(low, 2)), b"\x00\x07" * max(low, 2)
    if symbol.form in (Form.TEXT, Form.TEXT_Z):
        return f'"{max(low, 1) * "x"}"', max(low, 1) * b"x" + b"\0" * (symbol.form is Form.TEXT_Z)
    if symbol.form in (Form.HEX, Form.HEX_OR_TEXT):
        return "0x" + max(low, 1) * "a5", max(low, 1) * b"\xa5"
    text, expected = SAMPLES[symbol.form]
    return text, bytes.fromhex(expected)


def body(text: str) -> bytes:
    """The settings of a text, encoded by way of its document."""
    found, problems = read_text(text.encode())
    assert [str(problem) for problem in problems] == []
    assert found is not None
    document, errors = compile_document({**found.definition, "mic": "none", "tail": ""})
    assert document is not None
    assert not errors
    return document.build({})


@pytest.mark.parametrize("symbol", [one for one in ALL if one.form not in REFUSED], ids=lambda one: one.name)
def test_a_setting_is_encoded(symbol: Symbol) -> None:
    if symbol.form is Form.GROUP:
        written, value = f"{symbol.name} {{ MaxCPE 5; }}", bytes((18, 1, 5))
    else:
        text, value = sample(symbol)
        written = f"{symbol.name} {text};"
    tlv = bytes((symbol.type, len(value))) + value
    parent = SYMBOLS["VendorSpecific"].type
    assert body(f"Main {{ VendorSpecific {{ {written} }} }}") == bytes((parent, len(tlv))) + tlv


@pytest.mark.parametrize("symbol", [one for one in ALL if one.form is Form.FILE], ids=lambda one: one.name)
def test_a_setting_that_reads_another_file_is_refused(symbol: Symbol) -> None:
    found, (problem,) = read_text(f'Main {{\n {symbol.name} "a.der"; }}'.encode())
    assert found is None
    assert str(problem).startswith(f"2: {symbol.name}: takes the content of the file 'a.der', and an import")


@pytest.mark.parametrize("symbol", [one for one in ALL if one.limits], ids=lambda one: one.name)
def test_what_is_beyond_a_range_is_refused(symbol: Symbol) -> None:
    beyond = (symbol.limits or (0, 0))[1] + 1
    if symbol.form in WIDTHS:
        text = str(beyond)
    elif symbol.form in (Form.UINT8S, Form.UINT16S):
        text = ",".join(["7"] * beyond)
    elif symbol.form in (Form.TEXT, Form.TEXT_Z):
        text = f'"{beyond * "x"}"'
    else:
        text = "0x" + beyond * "00"
    found, problems = read_text(f"Main {{ {symbol.name} {text}; }}".encode())
    assert found is None
    assert problems


def test_no_name_is_there_twice() -> None:
    assert len(SYMBOLS) == len(ALL)
