"""Asking an instance: its answer, or who must do something."""

import pytest

from bus.errors import RemoteError, UnavailableError
from services.config.instance import Config
from services.operator.ask import ask, in_force, sight
from tests.unit.answering import answering


def test_an_instance_that_is_not_there_is_named(sidecar: Config) -> None:
    with pytest.raises(UnavailableError, match=r"dhcp-1\.admin\.sock: start dhcp-1"):
        ask(sidecar, {"op": "status"})


def test_what_is_in_force_comes_without_the_rest_of_the_answer(sidecar: Config) -> None:
    settings = {"generation": 3, "digest": "ab", "classes": {}, "lookup": []}
    with answering(sidecar.local.socket, {"id": None, **settings}) as asked:
        assert in_force(sidecar) == settings
    assert asked == [{"op": "settings"}]


def test_an_instance_that_does_not_say_what_is_in_force_is_a_remote_error(sidecar: Config) -> None:
    with (
        answering(sidecar.local.socket, {"error": "refused", "detail": "not now"}),
        pytest.raises(RemoteError, match="dhcp-1: not now"),
    ):
        in_force(sidecar)


def test_whom_an_instance_sees_is_a_part_of_its_status(sidecar: Config) -> None:
    seen = {
        "instance": "dhcp-1",
        "service": "dhcp",
        "draining": False,
        "missing": [],
        "degraded": [],
        "peers": {},
    }
    with answering(sidecar.local.socket, {**seen, "cfms": ["cfm-1"], "metrics": 1}):
        assert sight(sidecar) == {**seen, "handoff": ["cfm-1"]}
