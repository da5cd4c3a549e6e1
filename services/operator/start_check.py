"""Whether an instance could start with a configuration: every file that a start reads is read.

So what would fail there fails here, with the same sentence. Nothing is written and nobody is connected to.
"""

from pathlib import Path
from typing import Any

from bus.fleet.fleet import load_fleet
from bus.runtime.carriers import group_keys
from bus.transport.here import warn_beyond_loopback
from bus.transport.kafka.client import Kafka
from bus.transport.kafka.client_settings import client_settings
from bus.transport.poller import Poller
from services.cfm import process as cfm_process
from services.config.instance import Config
from services.operator.host_needs import unmet
from services.sidecar import process as sidecar_process


def check_start(config: Config) -> None:
    """`ConfigError` for what is wrong for ever, `TransportError` for what is not there now."""
    service = load_fleet(config.fleet).member(config.instance).service
    if service == "cfm":
        cfm_process.read_files(config)
    else:
        sidecar_process.read_files(config, service)
    if config.kafka is not None:
        _check_client({**client_settings(config.kafka), "bootstrap.servers": ""})
    if config.multicast is not None:
        group_keys(config.multicast)
    if config.http is not None and not isinstance(config.http.place, Path):
        warn_beyond_loopback("http.listen", config.http.place[0])


def check_host(config: Config) -> None:
    """A `TransportError` with everything that this host lacks of what the configuration names."""
    lacks = unmet(config)
    if lacks:
        raise type(lacks[0])("\n".join(map(str, lacks)))


def _check_client(settings: dict[str, Any]) -> None:
    """`ConfigError` if librdkafka refuses its settings; without servers it connects to nobody."""
    poller = Poller()
    try:
        Kafka(poller, settings, read=("config",)).close(flush_s=0.0)
    finally:
        poller.close()
