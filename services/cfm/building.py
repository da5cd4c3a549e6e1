"""Building files: the templates in force, and one file from a row.

A row names its template by number, and may have been minted just before the catalogue changed: so the former
generation stays known beside the one in force. If a file cannot be built, its read ends: the catalogue may
come before the modem's next try, which is a new read.
"""

from collections.abc import Iterable

from bus.effects import Effect, Keep
from bus.errors import DecodeError
from bus.messages import LocalRequest
from fileid.row import Fields, template_number
from services.docsis.errors import DocsisError
from services.docsis.judge.catalogue import faults
from services.docsis.text.template import Template, compile_template
from services.instance.local_api import answer
from services.settings.catalogue import StoreCatalogue, describe, parse, version
from services.settings.history import History
from services.settings.record import CatalogueRecord


class UnbuiltError(Exception):
    """No file for this row; `reason` is `no_template` or `bad_values`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Builder:
    """Builds files from rows. `secret` signs the CMTS MIC, `kept` are former catalogues."""

    def __init__(self, secret: bytes, kept: Iterable[CatalogueRecord] = ()) -> None:
        self.history = History(kept)
        self.record: CatalogueRecord | None = None
        self.faults: list[str] = []
        """Faults of the catalogue in force for which a CMTS would reject a file, in words."""
        self.unbuilt = dict.fromkeys(("no_template", "bad_values"), 0)
        self._secret = secret
        self._latest: dict[int, Template] = {}
        self._templates: dict[int, Template] = {}

    @property
    def generation(self) -> int:
        """The generation of the catalogue in force; 0 if there is none."""
        return version(self.record)[0]

    def copy(self) -> StoreCatalogue | None:
        """The copy for a start without the topic; None if no catalogue is in force."""
        return None if self.record is None else StoreCatalogue(self.record)

    def receive(self, data: bytes) -> list[Effect]:
        """Put a newer catalogue in force, and keep it (`DecodeError`)."""
        record = parse(data)
        if version(record) > version(self.record):
            self.adopt(record)
            return [Keep(StoreCatalogue(record)), Keep(self.history.store())]
        if record.generation == self.generation - 1:
            # We started from the copy on disk, and the topic's history holds the catalogue in force before
            # it.
            self.remember(record)
        return [Keep(self.history.store())] if self.history.read(record) else []

    def describe(self, request: LocalRequest, now: float) -> list[Effect]:
        """`settings`: the catalogue in force."""
        return [answer(request, **describe(self.record))]

    def recall(self, request: LocalRequest, now: float) -> list[Effect]:
        """`settings.history`: the generations that are kept."""
        return [answer(request, history=self.history.describe(version(self.record)))]

    def use(self, secret: bytes) -> None:
        """Sign with this secret from now on."""
        self._secret = secret

    def adopt(self, record: CatalogueRecord) -> None:
        """Put a catalogue in force; `DecodeError` if one of its classes is wrong, and the old one stays.

        Faults are only reported: an earlier build took this catalogue, and modems have its files.
        """
        numbered = _compile(record)
        self._templates = {**self._latest, **numbered}
        self._latest = numbered
        self.record = record
        self.history.in_force(record)
        self.faults = faults(record.classes)

    def remember(self, record: CatalogueRecord) -> None:
        """Know a catalogue that was in force before; `DecodeError` if one of its classes is wrong."""
        self._templates = {**_compile(record), **self._latest}

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
        raise DecodeError(f"catalogue generation {record.generation}: {error}") from error
    return {template_number(name, one.signature): one for name, one in compiled.items()}
