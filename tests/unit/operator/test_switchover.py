"""An operator's word in failover: what goes to the instance, and what an answer means."""

from collections.abc import Callable
from typing import Any

import pytest

from bus.errors import ConfigError, ProvbusError, RemoteError, TryAgainError
from services.config.instance import Config
from services.operator.switchover import admit, begin_era, drain, lock, promote, standing
from tests.unit.answering import answering

ACTIVE = {"role": "dhcp/lab", "state": "active", "era": 0, "epoch": 17}


def test_promoting_ends_when_the_sidecar_is_active(sidecar: Config) -> None:
    with answering(sidecar.local.socket, {"promoting": True, "failover": ACTIVE}) as asked:
        assert promote(sidecar, ["cfm-2"]) == ACTIVE
    assert asked == [{"op": "failover.promote", "absent": ["cfm-2"]}, {"op": "status"}]


def test_a_cfm_says_where_every_role_stands(cfm: Config) -> None:
    with answering(cfm.local.socket, {"failover": {"dhcp/lab": ACTIVE}}):
        assert standing(cfm) == {"dhcp/lab": ACTIVE}


def test_an_era_is_begun_without_a_name_of_our_own(sidecar: Config) -> None:
    with answering(sidecar.local.socket, {"era": 5}) as asked:
        assert begin_era(sidecar) == 5
    assert asked == [{"op": "failover.era"}]


def test_keys_are_revoked_in_hex(sidecar: Config) -> None:
    with answering(sidecar.local.socket, {"era": 5}) as asked:
        assert begin_era(sidecar, [b"\x07" * 32]) == 5
    assert asked == [{"op": "failover.era", "revoke": ["07" * 32]}]


def test_a_cfm_is_told_the_highest_floor_of_each_role(cfm: Config) -> None:
    floors = [("dhcp/lab", 1, 193), ("mps/lab", 2, 1), ("dhcp/lab", 1, 64)]
    with answering(cfm.local.socket, {"votes": True}) as asked:
        admit(cfm, floors)
    expected = {"dhcp/lab": {"era": 1, "epoch": 193}, "mps/lab": {"era": 2, "epoch": 1}}
    assert asked == [{"op": "failover.admit", "floors": expected}]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ({"error": "try_again", "detail": "the disk is full"}, TryAgainError),
        ({"error": "refused", "detail": "no election in this mode"}, RemoteError),
        ({"error": "refused"}, RemoteError),
    ],
)
def test_an_error_says_who_must_act(
    sidecar: Config, answer: dict[str, Any], kind: type[ProvbusError]
) -> None:
    with (
        answering(sidecar.local.socket, answer),
        pytest.raises(kind, match=f"dhcp-1: {answer.get('detail', 'refused')}"),
    ):
        lock(sidecar, True)


@pytest.mark.parametrize("tell", [promote, lambda config: drain(config, True), begin_era])
def test_a_cfm_holds_no_role(cfm: Config, tell: Callable[[Config], object]) -> None:
    with pytest.raises(ConfigError, match="cfm-1 is a CFM: it holds no role"):
        tell(cfm)


def test_a_sidecar_has_no_vote(sidecar: Config) -> None:
    with pytest.raises(ConfigError, match="dhcp-1 is no CFM: it has no vote"):
        admit(sidecar, [])
