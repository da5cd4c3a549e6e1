"""Environment variables: a misspelt one is an error, somebody else's is not."""

import pytest

from bus.config.environment import check_variables, places, variable
from bus.errors import ConfigError
from services.config.instance import Config


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("PROVBUS_INSTANC", "PROVBUS_INSTANCE"),
        ("PROVBUS_FLEAT", "PROVBUS_FLEET"),
        ("provbus_flete", "PROVBUS_FLEET"),
        ("PROVBUS_KAFKA_BOOTSTRAP", "PROVBUS_KAFKA__BOOTSTRAP"),
        ("PROVBUS_CFM_TFTP_PORT", "PROVBUS_CFM__TFTP__PORT"),
        ("PROVBUS_KAKFA__BOOTSTRAP", "PROVBUS_KAFKA__BOOTSTRAP"),
        ("PROVBUS_STATE_DIR", "PROVBUS_STATE_DIRECTORY"),
    ],
)
def test_a_misspelt_variable_is_named_with_the_nearest(name: str, meant: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_variables({"HOME": "/root", name: "secret"}, Config)
    assert str(caught.value) == f"environment: unknown variable {name}; did you mean {meant}?"


@pytest.mark.parametrize("place", list(places(Config)), ids=".".join)
def test_a_right_variable_is_right_in_either_case(place: tuple[str, ...]) -> None:
    check_variables({variable(place): "x", variable(place).lower(): "x"}, Config)


@pytest.mark.parametrize(
    "name",
    [
        "PATH",
        "KAFKA_BOOTSTRAP",
        "PROVBUS",
        "MY_PROVBUS_FLEAT",
        "PROVBUS_REQUIRE",  # of our tests
        "PROVBUS_SERVICE_HOST",  # a platform's, about a service called provbus
        "PROVBUS_PORT_7001_TCP_ADDR",
        "PROVBUS_CFM_SERVICE_HOST",
        "PROVBUS_KAFKA__CLIENT__X",  # the section's own business
    ],
)
def test_what_is_not_ours_is_left_alone(name: str) -> None:
    check_variables({name: "x"}, Config)


def test_every_section_and_value_has_a_variable() -> None:
    names = [variable(place) for place in places(Config)]
    assert {"PROVBUS_KAFKA", "PROVBUS_KAFKA__BOOTSTRAP", "PROVBUS_CFM__TFTP__PORT"} <= set(names)
    assert len(names) == len(set(names))
