"""The settings that an instance holds: in force, on its disk and in its history, sealed as they came.

A part for both kinds of machine. It opens what comes with the keys that are here, remembers what cannot be
opened yet, and knows which keys the instance still needs: those under which its copy on the disk and the
newest record on the topic are sealed. Beats tell them, so nobody drops a key too early.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from bus.effects import Effect
from bus.errors import DecodeError
from bus.messages import Kept, Unkept
from bus.reason import Reason
from bus.telemetry.metrics import Sample
from services.settings.catalogue import UNKNOWN, StoreCatalogue, parse, version
from services.settings.history import History, StoreHistory
from services.settings.record import CatalogueRecord
from services.settings.secret_values import masked, secret_values
from services.settings.vault import KeyGoneError, Vault, sealed_with


class HeldSettings:
    """What one instance holds. `kept` are former catalogues, `on_disk` its copy of an earlier start."""

    def __init__(
        self,
        vault: Vault,
        kept: Iterable[CatalogueRecord] = (),
        on_disk: CatalogueRecord | None = None,
    ) -> None:
        self.vault = vault
        self.history = History(kept)
        self.record: CatalogueRecord | None = None
        """The catalogue in force, open."""
        self.locked: CatalogueRecord | None = None
        """The newest catalogue that came and could not be opened; None if there is none above ours."""
        self.locked_seen = 0
        self.on_topic: frozenset[int] = frozenset()
        """The id of the key that the newest record on the topic needs, if it needs one."""
        self._written: CatalogueRecord | None = None
        self._on_disk = sealed_with(on_disk)
        self._has_new_keys = False

    def came(self, data: bytes) -> CatalogueRecord:
        """The record in these bytes of the topic, not open yet (`DecodeError`)."""
        written = parse(data)
        self.on_topic = sealed_with(written)
        return written

    def recreated(self) -> None:
        """The topic is a new one, without a record."""
        self.on_topic = frozenset()

    def open(self, written: CatalogueRecord) -> CatalogueRecord:
        """The record, open; `KeyGoneError` if a key for it is not here, `DecodeError` if it is wrong."""
        try:
            return self.vault.open(written)
        except KeyGoneError:
            self.locked_seen += 1
            if version(written) > max(version(self.locked), version(self.record)):
                self.locked = written
            raise

    def put_in_force(
        self, found: CatalogueRecord, written: CatalogueRecord
    ) -> list[StoreCatalogue | StoreHistory]:
        """This is in force from now on: the open one, and as it came. Returns what is to be kept."""
        self.record, self._written = found, written
        if version(self.locked) <= version(found):
            self.locked = None
        self.history.in_force(written)
        return [StoreCatalogue(written), self.history.store()]

    def read_again(self, written: CatalogueRecord) -> list[StoreCatalogue | StoreHistory]:
        """A record that is not newer than the one in force: keep it, if it belongs into the history, or is
        the one in force and was sealed anew. `DecodeError` if that one cannot be opened: our copy stays.
        """
        if version(written) != version(self.record):
            return [self.history.store()] if self.history.read(written) else []
        if written == self._written:
            return []
        return self.put_in_force(self.open(written), written)

    def copy(self) -> StoreCatalogue | None:
        """The copy for a start without the topic; None if no catalogue is in force."""
        return None if self._written is None else StoreCatalogue(self._written)

    def stored(self, message: Kept | Unkept, now: float) -> list[Effect]:
        """The disk took the copy, or refused it: then it holds the former one."""
        if isinstance(message, Kept):
            self._on_disk = sealed_with(message.record.record)
        return []

    def needs(self) -> str:
        """The ids of the settings keys that this instance cannot do without, in hex as in `KeyIds`."""
        return bytes(sorted(self._on_disk | self.on_topic)).hex()

    def use(self, keys: Sequence[tuple[int, bytes]]) -> None:
        """Seal with the first of these keys and open with all of them from now on."""
        self.vault.use(keys)
        self._has_new_keys = self.locked is not None

    def unlocked(self) -> tuple[CatalogueRecord, CatalogueRecord] | None:
        """The catalogue that waited for a key, once, if there are others now that open it: open, and as it
        came. `DecodeError` if it is wrong all the same, and then it is given up.
        """
        waiting, self._has_new_keys = self.locked if self._has_new_keys else None, False
        if waiting is None:
            return None
        try:
            found = self.vault.open(waiting)
        except KeyGoneError:
            return None
        except DecodeError:
            self.locked = None
            raise
        self.locked = None
        return found, waiting

    def deadline(self) -> float | None:
        """When `unlocked` is to be asked: at once, or not at all."""
        return 0.0 if self._has_new_keys else None

    def describe(self, *, reveal: bool) -> dict[str, Any]:
        """The answer to the request `settings` of the local socket; generation 0 is no catalogue."""
        found = self.record
        if found is None:
            nothing = {"generation": 0, "digest": "", **UNKNOWN._asdict(), "classes": {}, "lookup": []}
            return {**nothing, "masked": 0}
        secrets = 0 if reveal else len(secret_values(found.classes, found.lookup))
        classes, lookup = masked(found.classes, found.lookup) if secrets else (found.classes, found.lookup)
        told = found.model_dump(exclude={"salt", "sealed", "classes", "lookup"})
        return {**told, "classes": classes, "lookup": lookup, "masked": secrets}

    def lacks(self) -> list[Reason]:
        """The reason if newer settings came under a key that is not here: we work with less, or, without any
        in force, not at all.
        """
        if self.locked is None:
            return []
        ours = "none is" if self.record is None else f"generation {self.record.generation} is"
        key_id = int(self.locked.sealed, 16)
        text = f"settings key {key_id}, which generation {self.locked.generation} needs: {ours} in force"
        return [Reason("settings-locked", text)]

    def samples(self) -> Iterator[Sample]:
        """The records that could not be opened for want of a key."""
        yield Sample("provbus_settings_locked_total", self.locked_seen)
