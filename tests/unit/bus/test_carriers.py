"""What a configuration's carrier is opened with."""

import base64
from pathlib import Path

import pytest

from bus.config.model import MulticastSection
from bus.errors import ConfigError
from bus.runtime.carriers import GROUP_KEYS_MAX, group_keys

KEY_BYTES = 64


def section(path: Path, count: int) -> MulticastSection:
    """A group with so many keys."""
    lines = [f"{key_id} {base64.b64encode(bytes(KEY_BYTES)).decode()}\n" for key_id in range(count)]
    path.write_text("".join(lines))
    path.chmod(0o600)
    return MulticastSection(address="127.0.0.1", keys=[path])


def test_no_more_keys_than_a_beat_has_room_for(tmp_path: Path) -> None:
    assert len(group_keys(section(tmp_path / "group.key", GROUP_KEYS_MAX))) == GROUP_KEYS_MAX
    with pytest.raises(ConfigError, match="17 keys, of at most 16"):
        group_keys(section(tmp_path / "group.key", GROUP_KEYS_MAX + 1))


def test_no_group_has_no_keys() -> None:
    assert group_keys(None) == []
