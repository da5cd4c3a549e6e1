"""Environment variables: a misspelt one is an error, somebody else's is not."""

import pytest

from bus.config.environment import check_variables, neighbours, places, setter, variable, variables_of
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
        ("PROVBUS_CONFG", "PROVBUS_CONFIG"),
        ("provbus_config", "PROVBUS_CONFIG"),
    ],
)
def test_a_misspelt_variable_is_named_with_the_nearest(name: str, meant: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_variables({"HOME": "/root", name: "secret"}, Config)
    assert str(caught.value) == f"environment: unknown variable {name}; did you mean {meant}?"


@pytest.mark.parametrize("place", list(places(Config)), ids=".".join)
def test_a_right_variable_is_right_in_either_case(place: tuple[str, ...]) -> None:
    for name in (variable(place), variable(place).lower()):
        check_variables({name: "{}"}, Config)


@pytest.mark.parametrize(
    "name",
    [
        "PATH",
        "KAFKA_BOOTSTRAP",
        "PROVBUS",
        "PROVBUS_CONFIG",  # it names the file
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


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("PROVBUS_KAFKA", "{bootstrap"),
        ("PROVBUS_KAFKA__CLIENT", "not json"),
        ("provbus_cfm__seal_keys", "a,b"),
        ("PROVBUS_CFM__TFTP__SOURCE_PORTS", "1-2"),
        ("PROVBUS_MINTER", "[" * 100_000),
    ],
)
def test_a_document_that_is_not_json_is_named(name: str, text: str) -> None:
    key = name.lower().removeprefix("provbus_").replace("__", ".")
    with pytest.raises(ConfigError, match=f"^{name}: {key}: not JSON: "):
        check_variables({name: text}, Config)


@pytest.mark.parametrize(
    ("name", "text", "place", "is_set"),
    [
        ("PROVBUS_LOG__FORMAT", "x", "log.format", True),
        ("provbus_log__format", "x", "log.format", True),
        ("PROVBUS_LOG__FORMAT", "x", "log.level", False),
        ("PROVBUS_LOG__FORMAT", "x", "log", False),
        ("PROVBUS_LOG", '{"format": "x"}', "log.format", True),
        ("PROVBUS_LOG", '{"format": "x"}', "log.level", False),
        ("PROVBUS_LOG", "{format", "log.format", False),
        ("PROVBUS_LOG", "[" * 100_000, "log.format", False),
        ("PROVBUS_KAFKA", '{"client": {"ssl.ca.location": "x"}}', "kafka.client", True),
        ("PROVBUS_MINTER__KEA__FILES", '[{"kind": "cm"}]', "minter.kea.files.0.kind", True),
        ("PROVBUS_MINTER__KEA__FILES", '[{"kind": "cm"}]', "minter.kea.files.1.kind", False),
    ],
)
def test_a_variable_sets_its_value_or_what_its_json_holds(
    name: str, text: str, place: str, is_set: bool
) -> None:
    assert setter({"HOME": "/root", name: text}, tuple(place.split("."))) == (name if is_set else "")


def test_neighbours_are_above_or_below() -> None:
    environment = dict.fromkeys(
        ("PROVBUS_CFM", "PROVBUS_CFM__TFTP__PORT", "PROVBUS_CFM__LISTEN", "HOME"), "{}"
    )
    assert neighbours(environment, ("cfm", "tftp")) == ["PROVBUS_CFM", "PROVBUS_CFM__TFTP__PORT"]
    assert neighbours(environment, ()) == [name for name in environment if name != "HOME"]


def test_what_sets_nothing_is_no_variable_of_a_model() -> None:
    ours = {"PROVBUS_LOG": "{}", "provbus_kafka__bootstrp": "x"}
    others = {"PROVBUS_CONFIG": "x", "PROVBUS_SERVICE_HOST": "x", "LOG": "x"}
    assert variables_of(others | ours, Config) == ours
