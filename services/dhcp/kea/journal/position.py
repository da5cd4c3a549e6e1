"""The follower's position on disk: leases of the journal are settled up to there."""

import json
import logging
from pathlib import Path

from bus import state_file
from services.dhcp.kea.journal.tail import Position

FILE = "kea-position.json"
_log = logging.getLogger("provbus.kea")


def load_position(directory: Path) -> Position | None:
    """The position stored last; None if there is none that can be read."""
    try:
        return Position(*map(int, json.loads((directory / FILE).read_text())))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, OverflowError, RecursionError) as error:  # Infinity, [[[[
        _log.warning("%s is not a position (%s): asking Kea for its latest leases", directory / FILE, error)
        return None


def save_position(directory: Path, position: Position) -> None:
    """Keep it on disk, atomically, also through a power cut."""
    state_file.keep(directory / FILE, json.dumps(position).encode())
