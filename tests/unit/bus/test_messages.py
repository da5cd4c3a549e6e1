"""The contracts: what is not declared is refused, and what is accepted can be said again."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from bus.contract import Contract, Name, decode, encode
from bus.errors import DecodeError
from bus.telemetry.audit import AuditBatch
from heartbeat.liveness.beat import Beat, Load
from services.settings.record import CatalogueRecord


class Promise(Contract):
    """What an instance keeps on its disk."""

    name: Name


BEAT = Beat(
    service="cfm",
    load=Load(in_flight=3, p99_ms=1.5, capacity=900),
    draining=True,
    generation=7,
    endpoints={"fileid": "tcp://127.0.0.1:5555", "tftp": "127.0.0.1"},
)
CATALOGUE = CatalogueRecord(generation=1, digest="00", classes={"gold": {"tlvs": [3, 1]}})
AUDIT = AuditBatch(events=[{"event": "fileid.acked", "at": 1.5}])


@pytest.mark.parametrize("contract", [BEAT, CATALOGUE, AUDIT, Beat(service="dhcp"), AuditBatch(events=[])])
def test_what_is_written_is_read_back(contract: Contract) -> None:
    assert decode(type(contract), encode(contract)) == contract


def test_a_beat_needs_only_its_service() -> None:
    beat = decode(Beat, b'{"service":"mps"}')
    assert (beat.load, beat.draining, beat.generation, beat.endpoints) == (Load(), False, 0, {})


@pytest.mark.parametrize(
    ("model", "text", "place"),
    [
        (CatalogueRecord, '{"generation":1,"digest":"","classes":{},"x":0}', "CatalogueRecord x"),
        (Promise, '{"name":"a","kept":1}', "Promise kept"),
    ],
)
def test_what_is_kept_or_configures_has_no_undeclared_field(
    model: type[Contract], text: str, place: str
) -> None:
    with pytest.raises(DecodeError, match=place):
        decode(model, text.encode())


@pytest.mark.parametrize(
    ("text", "beat"),
    [
        ('{"service":"cfm","weather":"rain"}', Beat(service="cfm")),
        (
            '{"service":"cfm","load":{"in_flight":1,"queued":{"rows":2}}}',
            Beat(service="cfm", load=Load(in_flight=1)),
        ),
    ],
)
def test_a_field_of_a_later_release_is_left_out(text: str, beat: Beat) -> None:
    assert decode(Beat, text.encode()) == beat


@pytest.mark.parametrize(
    ("model", "text"),
    [
        (Beat, ""),
        (Beat, "[]"),
        (Beat, "null"),
        (Beat, "{}"),
        (Beat, '{"service":"cfm"'),
        (Beat, '{"service":"tftp"}'),
        (Beat, '{"service":"cfm\\n"}'),
        (Beat, '{"service":null}'),
        (Beat, '{"service":"cfm","generation":-1}'),
        (Beat, '{"service":"cfm","generation":4294967296}'),
        (Beat, '{"service":"cfm","load":{"in_flight":-1}}'),
        (Beat, '{"service":"cfm","load":{"in_flight":1.5}}'),
        (Beat, '{"service":"cfm","load":{"capacity":0}}'),
        (Beat, '{"service":"cfm","load":{"p99_ms":-0.1}}'),
        (Beat, '{"service":"cfm","load":{"p99_ms":NaN}}'),
        (Beat, '{"service":"cfm","load":{"p99_ms":Infinity}}'),
        (Beat, '{"service":"cfm","load":{"p99_ms":1e999}}'),
        (Beat, '{"service":"cfm","endpoints":{"tftp":1}}'),
        (CatalogueRecord, '{"generation":0,"digest":"","classes":{}}'),
        (CatalogueRecord, '{"generation":4294967296,"digest":"","classes":{}}'),
        (CatalogueRecord, '{"generation":1,"digest":"","classes":{"a":[]}}'),
        (CatalogueRecord, '{"generation":1,"digest":"","classes":{"a":' + "[" * 10_000),
        (AuditBatch, '{"events":{}}'),
        (AuditBatch, '{"events":[1]}'),
        (AuditBatch, '{"events":[{"n":' + "9" * 5_000 + "}]}"),
    ],
)
def test_a_message_that_breaks_its_contract_is_refused(model: type[Contract], text: str) -> None:
    with pytest.raises(DecodeError, match=f"^{model.__name__} "):
        decode(model, text.encode())


@pytest.mark.parametrize("data", [b"\xff", b'{"service":"\xc3"}', b"\0"])
def test_bytes_that_are_not_text_are_refused(data: bytes) -> None:
    with pytest.raises(DecodeError):
        decode(Beat, data)


@pytest.mark.parametrize(
    ("contract", "name"), [(BEAT, "generation"), (CATALOGUE, "digest"), (AUDIT, "events")]
)
def test_a_contract_cannot_be_changed(contract: Contract, name: str) -> None:
    with pytest.raises(ValidationError):
        setattr(contract, name, 1)


@pytest.mark.parametrize(
    ("name", "is_valid"),
    [
        ("cfm-1", True),
        ("0", True),
        ("a" * 63, True),
        ("a" * 64, False),
        ("", False),
        ("-a", False),
        ("CFM-1", False),
        ("cfm_1", False),
        ("cfm/1", False),
        ("..", False),
        ("cfm-1\n", False),
        (1, False),
    ],
)
def test_a_name_is_a_host_label(name: Any, is_valid: bool) -> None:
    adapter = TypeAdapter[str](Name)
    if is_valid:
        assert adapter.validate_python(name) == name
    else:
        with pytest.raises(ValidationError):
            adapter.validate_python(name)
