"""Which keys an instance has, told without a digit of one."""

from importlib.metadata import version

import pytest

from bus.fleet.fleet import Fleet
from bus.fleet.key_pair import new_key_pair
from heartbeat.liveness.beat import LISTED_MAX, KeyIds
from services.instance.about import KeysInForce, about, key_ids
from tests.fleets import fleet_of, member

KEYS = [new_key_pair().public.decode() for _ in range(3)]


def fleet(*names: str, site: str = "lab", keys: list[str] = KEYS) -> Fleet:
    """A fleet file with these CFMs, in this order."""
    members = {name: member(name, "cfm", [keys[int(name[-1])]], site) for name in names}
    return fleet_of(members)


def test_ids_are_hex_in_the_order_of_their_files() -> None:
    ids = key_ids(fleet("cfm-1"), [0, 255, 16], [7])
    assert (ids.seal, ids.seals, ids.group) == ("00ff10", "", "07")


@pytest.mark.parametrize("count", [LISTED_MAX, LISTED_MAX + 1, 256])
def test_the_ids_of_many_seal_keys_are_a_bitmap(count: int) -> None:
    """Up to so many every release knows them, as they are listed."""
    ids = key_ids(fleet("cfm-1"), reversed(range(count)))
    assert (bool(ids.seal), bool(ids.seals)) == (count <= LISTED_MAX, count > LISTED_MAX)
    assert sorted(ids.seal_ids()) == [f"{at:02x}" for at in range(count)]


def test_a_fleet_file_has_the_same_id_in_whatever_order_it_is_written() -> None:
    assert key_ids(fleet("cfm-1", "cfm-2"), []) == key_ids(fleet("cfm-2", "cfm-1"), [])


def test_another_name_site_or_key_is_another_fleet_file() -> None:
    files = [
        fleet("cfm-1"),
        fleet("cfm-2"),
        fleet("cfm-1", "cfm-2"),
        fleet("cfm-1", site="other"),
        fleet("cfm-1", keys=[KEYS[0], KEYS[2], KEYS[1]]),
    ]
    assert len({key_ids(one, []).fleet for one in files}) == len(files)


def test_a_second_key_makes_another_file_and_so_does_the_order_of_both() -> None:
    members = [member("cfm-1", "cfm", keys) for keys in (KEYS[:1], KEYS[:2], KEYS[1::-1])]
    ids = {key_ids(fleet_of({"cfm-1": one}), []).fleet for one in members}
    assert len(ids) == len(members)


def test_an_instance_tells_the_keys_that_are_in_force_now() -> None:
    keys = KeysInForce(KeyIds(seal="00"))
    told = about(lambda: "bus", keys)
    assert (told.version, told.transport(), told.keys().seal) == (version("provbus"), "bus", "00")
    keys.use(KeyIds(seal="0100"))
    assert told.keys().seal == "0100"
