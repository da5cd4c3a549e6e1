"""Which brokers may be spoken to, by what the settings encrypt."""

from types import SimpleNamespace

import pytest

from bus.errors import ConfigError
from bus.transport.kafka.answers import ClearText, beyond

HOME = ("127.0.0.1", "localhost", "::1", "127.9.9.9")
AWAY = ("192.0.2.1", "kafka.example", "127.0.0.1.example", "2001:db8::1", "")


@pytest.mark.parametrize(
    ("host", "is_home"), [*((one, True) for one in HOME), *((one, False) for one in AWAY)]
)
def test_a_broker_is_at_home_on_loopback_alone(host: str, is_home: bool) -> None:
    assert beyond([SimpleNamespace(host=host, port=9092)]) == (() if is_home else (f"{host}:9092",))


def test_a_leader_that_has_just_died_is_nowhere() -> None:
    """DescribeTopics goes on to name it for a moment, without a host."""
    assert beyond([SimpleNamespace(host=None, port=0), SimpleNamespace(host="127.0.0.1", port=1)]) == ()


@pytest.mark.parametrize(
    ("settings", "is_refused"),
    [
        ({}, True),
        ({"security.protocol": "PLAINTEXT"}, True),
        ({"security.protocol": "plaintext"}, True),
        ({"security.protocol": "SASL_PLAINTEXT"}, True),
        ({"security.protocol": "SSL"}, False),
        ({"security.protocol": "sasl_ssl"}, False),
    ],
)
def test_a_broker_elsewhere_is_refused_where_nothing_is_encrypted(
    settings: dict[str, str], is_refused: bool
) -> None:
    clear = ClearText(settings)
    clear.note(["192.0.2.1:9092"])
    assert bool(clear.refusal) == bool(clear.lacks()) == is_refused
    if is_refused:
        with pytest.raises(ConfigError, match=r"192\.0\.2\.1:9092"):
            clear.check()
    clear.note([])
    clear.check()
    assert not clear.refusal
