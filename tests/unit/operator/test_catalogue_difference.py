"""What changes from one catalogue to the next: classes, and whose they are."""

from typing import Any

import pytest

from bus.errors import RemoteError
from services.config.instance import Config
from services.docsis.text.difference import Difference
from services.operator.catalogue_difference import catalogue_differences, catalogue_in_force
from services.settings.catalogue import record
from tests.unit.answering import answering

DATA: dict[str, Any] = {"kind": "cm", "body": [{"network_access": 1}]}
RULE = {"mac": "00:1a:2c:00:00:01", "class": "data", "values": {"customer": 17}}


def test_a_catalogue_does_not_differ_from_itself() -> None:
    assert catalogue_differences(record({"data": DATA}, 1, [RULE]), record({"data": DATA}, 7, [RULE])) == []


def test_classes_come_and_go() -> None:
    found = catalogue_differences(record({"data": DATA}, 1), record({"gold": DATA}, 1))
    assert found == [("data", Difference("", "a class", None)), ("gold", Difference("", None, "a class"))]


def test_a_rule_stays_itself_while_its_device_does() -> None:
    classes = {"data": DATA, "gold": DATA}
    other = {**RULE, "class": "gold", "values": {"customer": 18}}
    found = catalogue_differences(record(classes, 1, [RULE]), record(classes, 1, [other]))
    assert [one for _, one in found] == [
        Difference("class", "data", "gold"),
        Difference("values.customer", 17, 18),
    ]


def test_what_is_in_force_may_be_beyond_us(sidecar: Config) -> None:
    answer = {"generation": 2, "digest": "ab", "classes": {"data": {"kind": "toaster"}}, "lookup": []}
    with (
        answering(sidecar.local.socket, answer),
        pytest.raises(RemoteError, match="what is in force cannot be compared"),
    ):
        catalogue_in_force(sidecar)
