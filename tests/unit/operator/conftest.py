"""What the tests of an operator's questions share: configurations of instances that a test stands in for."""

from pathlib import Path
from typing import Any

import pytest

from services.config.instance import Config


def _config(directory: Path, name: str, **sections: Any) -> Config:
    return Config.model_validate(
        {
            "instance": name,
            "fleet": directory / "fleet.yaml",
            "key": directory / f"{name}.key",
            "signing_key": directory / f"{name}.sign",
            "state_directory": directory / "state",
            "local": {"socket": directory / f"{name}.sock"},
            "transport": {"mode": "multicast"},
            "multicast": {"address": "127.0.0.1", "keys": [directory / "group.key"]},
            **sections,
        }
    )


@pytest.fixture
def sidecar(tmp_path: Path) -> Config:
    """dhcp-1 over multicast: no Kafka to ask."""
    return _config(tmp_path, "dhcp-1", minter={"seal_key": tmp_path / "seal.key"})


@pytest.fixture
def cfm(tmp_path: Path) -> Config:
    """cfm-1 over multicast."""
    section = {"seal_keys": [], "secret_file": tmp_path / "cmts.secret", "tftp": {"address": "127.0.0.1"}}
    return _config(tmp_path, "cfm-1", cfm=section)
