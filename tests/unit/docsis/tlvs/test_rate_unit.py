"""A flow that counts its rates in another unit: bare numbers in both directions, so that nothing misleads."""

import pytest

from services.docsis.errors import DocsisError
from services.docsis.placeholders import PlaceholderScope
from services.docsis.text.body import Compilation, compile_item
from services.docsis.text.decode import Item, decode_items
from services.docsis.tlv import Tlv

FLOW = "downstream_service_flow"


def decoded(flow: list[Item]) -> list[Item]:
    content = compile_item({FLOW: flow}, "cm", ())
    return decode_items([Tlv(25, content[2:])], "cm")


@pytest.mark.parametrize(("unit", "rate"), [(0, "2 Mbit/s"), (1, 2_000_000), (3, 2_000_000)])
def test_a_rate_shows_its_unit_only_where_it_is_bits(unit: int, rate: object) -> None:
    flow: list[Item] = [
        {"max_sustained_rate": rate},
        {"data_rate_unit_setting": unit},
        {"active_qos_timeout": "30 s"},
    ]
    assert decoded(flow) == [{FLOW: flow}]


@pytest.mark.parametrize("name", ["max_sustained_rate", "min_reserved_rate", "peak_traffic_rate"])
def test_a_rate_in_bits_beside_another_unit_is_refused(name: str) -> None:
    flow = [{"data_rate_unit_setting": 1}, {"max_traffic_burst": "3 MB"}, {name: "2 Mbit/s"}]
    compilation = Compilation("cm", PlaceholderScope(()))
    compilation.body([{FLOW: flow}])
    assert [error.path for error in compilation.errors] == [f"body[0].{FLOW}[2].{name}"]
    assert "bare number" in compilation.errors[0].reason


def test_one_flow_does_not_rescale_another() -> None:
    compilation = Compilation("cm", PlaceholderScope(()))
    flows = [[{"data_rate_unit_setting": 1}], [{"max_sustained_rate": "2 Mbit/s"}]]
    compilation.body([{FLOW: flow} for flow in flows])
    assert compilation.errors == []


def test_a_broken_item_beside_it_is_still_named() -> None:
    with pytest.raises(DocsisError):
        compile_item({FLOW: [{"data_rate_unit_setting": 1}, "2 Mbit/s"]}, "cm", ())
