"""Files in which a process keeps what a restart must know: whole or not at all, also through a power cut."""

import os
from pathlib import Path


def keep(path: Path, data: bytes) -> None:
    """Put `data` in the place of what the file held; when this returns it is on the disk (`OSError`)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.new")
    with fresh.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(path)
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
