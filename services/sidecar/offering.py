"""What a minter has on offer: the classes of the catalogue in force, and its own catalogue for the topic.

The catalogue in force is the newest generation that compiles, from the topic or from the copy on disk. A
sidecar that is told to publish one does so once it has read what the topic held, and again until it reads it
back: under the next generation if it differs from the one in force, under the same if the topic merely lost
it.
"""

from collections.abc import Iterable

from bus.envelope import Envelope, Stamp
from bus.errors import DecodeError
from bus.machine import Publish
from bus.messages import CATALOGUE, CatalogueRecord, encode
from fileid.row import template_number
from services.docsis.errors import DocsisError
from services.docsis.template import Template, compile_template
from services.settings.catalogue import Classes, StoreCatalogue, digest, parse, record

PUBLISH_EVERY_S = 3.0  # longer than a record's time-out, so the catalogue is not published twice in vain


class Offering:
    """Classes by name, each with its template and the number that stands for it in a row."""

    def __init__(self, stamp: Stamp, publish: Classes | None) -> None:
        self.generation = 0
        self._stamp = stamp
        self._digest = ""
        self._templates: dict[str, tuple[int, Template]] = {}
        self._publish = publish
        self._publish_digest = "" if publish is None else digest(publish)
        self._on_topic = ""
        self._due: float | None = None

    def __bool__(self) -> bool:
        return bool(self._templates)

    def find(self, class_name: str) -> tuple[int, Template] | None:
        """The number and the template of a class."""
        return self._templates.get(class_name)

    def receive(self, envelope: Envelope) -> Iterable[StoreCatalogue]:
        """A catalogue came from the topic; `DecodeError` if it cannot be used, and the old one stays."""
        found = parse(envelope.data)
        self._on_topic = found.digest
        if found.generation <= self.generation:
            return ()
        self.adopt(found)
        return (StoreCatalogue(found),)

    def adopt(self, found: CatalogueRecord) -> None:
        """Put a catalogue in force; `DecodeError` if one of its classes does not compile."""
        try:
            compiled = {name: compile_template(one) for name, one in found.classes.items()}
        except DocsisError as error:
            raise DecodeError(f"catalogue generation {found.generation}: {error}") from error
        self._templates = {
            name: (template_number(name, template.signature), template) for name, template in compiled.items()
        }
        self.generation = found.generation
        self._digest = found.digest

    def caught_up(self, now: float) -> None:
        """What the topic held at our start has been received: now we may publish."""
        self._due = now

    def tick(self, now: float, wall_s: float) -> list[Publish]:
        """Our catalogue, if it is due."""
        if self._due is None or now < self._due:
            return []
        self._due = None
        if self._publish is None or self._publish_digest == self._on_topic:
            return []
        self._due = now + PUBLISH_EVERY_S
        generation = self.generation + (self._publish_digest != self._digest)
        data = encode(record(self._publish, generation))
        envelope = self._stamp.envelope(CATALOGUE, data, time_ms=int(wall_s * 1000))
        return [Publish(envelope, key="catalogue")]

    def deadline(self) -> float | None:
        """When `tick` is due."""
        return self._due
