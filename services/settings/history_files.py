"""The files of the history of the settings: one for each generation, in a directory of its own.

A change writes one small file, whatever is kept beside it, and a damaged one costs one generation. In front
of each record stands the SHA-256 of its bytes, for the digest in it is not of who made it and why. Nothing
of this is needed to serve: what cannot be read is a warning.
"""

import contextlib
import hashlib
import logging
from collections.abc import Iterator
from pathlib import Path

from bus import state_file
from bus.errors import DecodeError
from services.settings.catalogue import parse
from services.settings.history import Past, StoreHistory
from services.settings.record import CatalogueRecord

FOLDER = "settings-history"
_SUM_BYTES = 64

_log = logging.getLogger("provbus.settings")


class HistoryFiles:
    """The directory of one instance, below its state directory."""

    def __init__(self, state_directory: Path) -> None:
        self._directory = state_directory / FOLDER
        self._sound: dict[str, bytes] = {}

    def load(self, *, has_copy: bool) -> list[CatalogueRecord]:
        """What was kept. An instance that `has_copy` of the settings in force has had a history, too: without
        one it warns.
        """
        found = []
        for path in self._files(".json"):
            try:
                content = path.read_bytes()
                found.append(_parse(content))
                self._sound[path.name] = content[:_SUM_BYTES]
            except OSError as error:
                _log.warning("a generation of the settings is not known: %s: %s", path, error.strerror)
            except DecodeError as error:
                _log.warning("a generation of the settings is not known: %s is damaged: %s", path, error)
        if has_copy and not found:
            _log.warning("no former settings are known: there is no history in %s", self._directory)
        return found

    def save(self, effect: StoreHistory) -> None:
        """Write what is not there yet, then remove what is kept no more (`OSError`)."""
        wanted = {_name(past): past for past in effect.kept}
        for name, past in wanted.items():
            head = _sum(past.data)
            if self._sound.get(name) != head:  # one that was sealed anew has the same name
                state_file.keep(self._directory / name, head + b"\n" + past.data)
                self._sound[name] = head
        for path in self._files(".json", ".json.new"):  # the second kind is what a power cut left
            if path.name not in wanted:
                with contextlib.suppress(OSError):  # it takes room, and nothing else
                    path.unlink()
                    self._sound.pop(path.name, None)

    def _files(self, *endings: str) -> Iterator[Path]:
        try:
            names = sorted(one.name for one in self._directory.iterdir())
        except FileNotFoundError:
            return
        except OSError as error:
            _log.warning("no former settings are known: %s: %s", self._directory, error.strerror)
            return
        yield from (self._directory / name for name in names if name.endswith(endings))


def _name(past: Past) -> str:
    generation, digest = past.version
    return f"{generation:010d}-{digest[:16]}.json"


def _sum(data: bytes) -> bytes:
    return hashlib.sha256(data).hexdigest().encode()


def _parse(content: bytes) -> CatalogueRecord:
    head, data = content[: _SUM_BYTES + 1], content[_SUM_BYTES + 1 :]
    if head != _sum(data) + b"\n":
        raise DecodeError("its checksum is of other bytes")
    return parse(data)
