"""`provbus file tlvs`: what the table says of a name or a number."""

import json

import pytest
from click.testing import CliRunner, Result

from services.cli.main import cli
from services.docsis.tlvs.tlv_table import TABLE


def tlvs(*words: str) -> Result:
    return CliRunner().invoke(cli, ["file", "tlvs", *words])


def test_a_name_is_found_wherever_it_stands() -> None:
    lines = [line.split() for line in tlvs("max_sustained_rate").output.splitlines()]
    assert [line[0] for line in lines] == ["tlv", "24.8", "25.8", "70.8", "71.8", "93.8", "94.8"]
    assert lines[1][1:] == [
        "max_sustained_rate",
        "uint32,",
        "bit/s",
        "0",
        "to",
        "4294967295",
        "C.2.2.7.2",
        "cm",
    ]


@pytest.mark.parametrize(
    ("number", "names"),
    [
        ("18", ["max_cpe"]),
        ("83", ["l2cp_management", "dtp_mode", "cm_interface_mask", "l2cp_mode"]),
        ("69", ["mac_address_learning_control", "control", "holdoff_timer"]),
        ("24.40.1", ["aqm_disable"]),
    ],
)
def test_a_number_is_shown_with_what_is_below_it(number: str, names: list[str]) -> None:
    found = json.loads(tlvs(number, "-o", "json").output)
    assert [one["name"] for one in found][: len(names)] == names
    assert all(f"{one['tlv']}.".startswith(f"{number}.") for one in found)


def test_what_is_allowed_is_said() -> None:
    ranges = {
        name: {one["range"] for one in json.loads(tlvs(name, "-o", "json").output)}
        for name in (
            "qos_parameter_set_type",
            "multiplier_to_number_of_bytes_requested",
            "downstream_frequency",
            "manufacturer_cvc",
            "upstream_service_flow",
        )
    }
    assert ranges == {
        "qos_parameter_set_type": {"0 to 7"},
        "multiplier_to_number_of_bytes_requested": {"1, 2, 4, 8 or 16"},
        "downstream_frequency": {"a multiple of 62500"},
        "manufacturer_cvc": {"1 to 65535 bytes"},
        "upstream_service_flow": {""},
    }


def test_all_are_shown_once_and_in_order() -> None:
    found = json.loads(tlvs("-o", "json").output)
    assert len(found) == len(TABLE)
    assert found[0]["tlv"] == "1"
    assert found[-1]["tlv"] == "221"


def test_who_mistypes_is_helped() -> None:
    result = tlvs("max_sustaned_rate")
    assert result.exit_code == 2
    assert "did you mean max_sustained_rate" in result.output
    assert tlvs("199").exit_code == 2
    assert "it is computed when the file is built" in tlvs("7").output


@pytest.mark.parametrize(
    ("word", "tlv"),
    [("MaxCPE", "18"), ("usserviceflow", "24"), ("NETWORK_ACCESS", "3"), ("_cvc", "32"), ("tos_", "22.9.1")],
)
def test_a_part_of_a_name_and_the_docsis_tools_names_are_found(word: str, tlv: str) -> None:
    assert tlv in [one["tlv"] for one in json.loads(tlvs(word, "-o", "json").output)]
