"""Building files: the templates in force, and one file from a row.

A row names its template by number, and may have been minted just before the catalogue changed: so the former
generation stays known beside the one in force. If a file cannot be built, its read ends: the catalogue may
come before the modem's next try, which is a new read.
"""

from contextlib import suppress

from bus.errors import DecodeError
from fileid.row import Fields, template_number
from services.docsis.errors import DocsisError
from services.docsis.judge.catalogue import faults
from services.docsis.text.template import Template, compile_template
from services.settings.catalogue import StoreCatalogue, version
from services.settings.held import HeldSettings
from services.settings.history import StoreHistory
from services.settings.record import CatalogueRecord
from services.settings.secret_values import masked_messages
from services.settings.vault import KeyGoneError


class UnbuiltError(Exception):
    """No file for this row; `reason` is `no_template` or `bad_values`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Builder:
    """Builds files from rows. `secret` signs the CMTS MIC, `held` is what it holds of the settings."""

    def __init__(self, secret: bytes, held: HeldSettings) -> None:
        self.held = held
        self.faults: list[str] = []
        """Faults of the catalogue in force for which a CMTS would reject a file, in words."""
        self.unbuilt = dict.fromkeys(("no_template", "bad_values"), 0)
        self._secret = secret
        self._latest: dict[int, Template] = {}
        self._templates: dict[int, Template] = {}

    @property
    def record(self) -> CatalogueRecord | None:
        """The catalogue in force, its secrets open."""
        return self.held.record

    @property
    def generation(self) -> int:
        """The generation of the catalogue in force; 0 if there is none."""
        return version(self.record)[0]

    def receive(self, data: bytes) -> list[StoreCatalogue | StoreHistory]:
        """Put a newer catalogue in force; what is to be kept (`DecodeError`)."""
        written = self.held.came(data)
        if version(written) > version(self.record):
            return self.adopt(written)
        if written.generation == self.generation - 1:
            # We started from the copy on disk, and the topic's history holds the catalogue in force before
            # it.
            with suppress(KeyGoneError):  # counted where it was tried; only rows of that moment miss it
                self.remember(written)
        return self.held.read_again(written)

    def unlock(self) -> list[StoreCatalogue | StoreHistory]:
        """Put in force what waited for a key that is here now; `DecodeError` if it is unusable."""
        unlocked = self.held.unlocked()
        if unlocked is None:
            return []
        return self._put_in_force(*unlocked)

    def use(self, secret: bytes) -> None:
        """Sign with this secret from now on."""
        self._secret = secret

    def adopt(self, written: CatalogueRecord) -> list[StoreCatalogue | StoreHistory]:
        """Put a catalogue in force, sealed or open; what is to be kept. `DecodeError` if a key for it is not
        here, or one of its classes is wrong, and the old one stays.

        Faults are only reported: an earlier build took this catalogue, and modems have its files.
        """
        return self._put_in_force(self.held.open(written), written)

    def _put_in_force(
        self, found: CatalogueRecord, written: CatalogueRecord
    ) -> list[StoreCatalogue | StoreHistory]:
        numbered, judged = _compile(found), masked_messages(found, faults(found.classes))
        # All of it is made before any of it is in force.
        self._templates = {**self._latest, **numbered}
        self._latest, self.faults = numbered, judged
        return self.held.put_in_force(found, written)

    def remember(self, written: CatalogueRecord) -> None:
        """Know a catalogue that was in force before; `DecodeError` as of `adopt`."""
        self._templates = {**_compile(self.held.open(written)), **self._latest}

    def build(self, fields: Fields, timestamp_s: int) -> bytes:
        """The file of this row, downloaded at this Unix time; `UnbuiltError` if there is none, counted."""
        template = self._templates.get(fields.template)
        if template is None:
            raise self._unbuilt("no_template")
        try:
            return template.build(
                fields.values, address=fields.address, timestamp_s=timestamp_s, secret=self._secret
            )
        except DocsisError as error:
            raise self._unbuilt("bad_values") from error

    def _unbuilt(self, reason: str) -> UnbuiltError:
        self.unbuilt[reason] += 1
        return UnbuiltError(reason)


def _compile(record: CatalogueRecord) -> dict[int, Template]:
    """The templates of a catalogue by number; `DecodeError` if one of its classes is wrong."""
    try:
        compiled = {name: compile_template(one) for name, one in record.classes.items()}
    except DocsisError as error:
        (reason,) = masked_messages(record, [str(error)])
        raise DecodeError(f"catalogue generation {record.generation}: {reason}") from error
    return {template_number(name, one.signature): one for name, one in compiled.items()}
