"""What a minter has on offer: the classes of the catalogue in force, and what it writes to the topic.

Theory of operation
-------------------
The catalogue in force is the newest one that compiles, from the topic or from the copy on disk. A minter
writes to the topic for three reasons, and only once it has read what the topic held at its start:

    apply   An operator hands over other classes or rules: in plain words they become the next generation.
            The answer goes out when the record was read back, for a send is not an acknowledgement.
    mend    The last record on the topic is older than what is in force: the topic was lost, before our start
            or since, or two operators wrote one generation at once. It is written again, as it is.
    seed    The topic is empty and nothing is in force: what `publish_catalogue` says is generation 1.

So a restart never brings an old file back: a file is only read into an empty plant. What is to be written is
written until it is read back. A record that cannot be read at all is left alone: a newer version of ours may
have written it.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from bus.envelope import Envelope, Stamp
from bus.errors import DecodeError, OversizeError
from bus.machine import Effect, LocalRequest, Publish, Reply
from bus.messages import CATALOGUE, CatalogueRecord, encode
from bus.routes import check_size
from fileid.row import VALUES_BYTES_MAX, template_number
from services.docsis.errors import DocsisError
from services.docsis.judge.catalogue import faults, judge_classes
from services.docsis.names import BUILT_IN, Names
from services.docsis.plain import plain
from services.docsis.template import Template, compile_template, problems
from services.settings.catalogue import (
    NO_VERSION,
    Classes,
    Problem,
    Rules,
    StoreCatalogue,
    describe,
    digest,
    parse,
    record,
    structure_problems,
    version,
)
from services.settings.lookup import Lookup, lookup_problems

PUBLISH_EVERY_S = 3.0  # longer than a record's time-out, so the catalogue is not published twice in vain
APPLY_WITHIN_S = 10.0  # three tries; a topic that takes longer is out of order, and a person waits


class _Applying(NamedTuple):
    """A catalogue that an operator waits for."""

    record: CatalogueRecord
    session: int
    id: Any
    was: int
    until: float


class Offering:
    """Classes by name, each with its template and the number that stands for it in a row; and `lookup`, which
    says whose they are. `seed` is the first catalogue of an empty topic.
    """

    def __init__(self, stamp: Stamp, seed: CatalogueRecord | None) -> None:
        self.record: CatalogueRecord | None = None
        self.faults: list[str] = []
        """What a CMTS would reject in the catalogue in force, in words."""
        self.lookup = Lookup((), {})
        self._stamp = stamp
        self._seed = seed
        self._templates: dict[str, tuple[int, Template]] = {}
        self._on_topic = NO_VERSION
        self._newest = NO_VERSION
        self._is_readable = True
        self._is_caught_up = False
        self._applying: _Applying | None = None
        self._due: float | None = None
        self._publish_due = 0.0

    def __bool__(self) -> bool:
        return bool(self._templates)

    @property
    def generation(self) -> int:
        """Of the catalogue in force; 0 if there is none."""
        return version(self.record)[0]

    def find(self, class_name: str) -> tuple[int, Template] | None:
        """The number and the template of a class."""
        return self._templates.get(class_name)

    def receive(self, envelope: Envelope, now: float) -> list[StoreCatalogue]:
        """A catalogue came from the topic; `DecodeError` if it cannot be used, and the old one stays."""
        self._is_readable = False
        found = parse(envelope.data)
        self._is_readable = True
        self._on_topic = version(found)
        self._newest = max(self._newest, self._on_topic)
        if self._is_caught_up:
            self._due = now
        if self._on_topic <= version(self.record):
            return []
        self.adopt(found)
        return [StoreCatalogue(found)]

    def copy(self) -> StoreCatalogue | None:
        """What a start without the topic needs; None if nothing is in force."""
        return None if self.record is None else StoreCatalogue(self.record)

    def adopt(self, found: CatalogueRecord) -> None:
        """Put a catalogue in force; `DecodeError` if one of its classes or rules is wrong.

        What the judge finds is only said: an earlier build took this catalogue, and modems have its files.
        """
        try:
            compiled = {name: compile_template(one) for name, one in found.classes.items()}
        except DocsisError as error:
            raise DecodeError(f"catalogue generation {found.generation}: {error}") from error
        for path, reason in _rule_problems(found.lookup, compiled):
            raise DecodeError(f"catalogue generation {found.generation}: {path}: {reason}")
        self.lookup = Lookup(found.lookup, {name: one.kind for name, one in compiled.items()})
        self._templates = {
            name: (template_number(name, template.signature), template) for name, template in compiled.items()
        }
        self.record = found
        self.faults = faults(found.classes)

    def caught_up(self, now: float) -> None:
        """What the topic held at our start has been received: now we may write."""
        self._is_caught_up = True
        self._due = now

    def recreated(self) -> None:
        """The topic was made anew. What is in force stays so, and is written again if the topic lacks it."""
        self._on_topic = NO_VERSION
        self._is_readable = True
        self._is_caught_up = False

    def describe(self, request: LocalRequest) -> Reply:
        """The answer to `settings`: the catalogue in force."""
        return Reply(request.session, {"id": request.body.get("id"), **describe(self.record)})

    def apply(self, request: LocalRequest, now: float) -> list[Reply]:
        """`settings.apply`: have this catalogue in force everywhere; answered at once unless it is new."""
        classes: Any = request.body.get("classes")
        lookup: Any = request.body.get("lookup", [])
        wrong = structure_problems(classes, lookup) or refusals(classes, lookup)
        if wrong:
            return [_refused(request, wrong)]
        classes = plain_classes(classes)[0]
        if not self._is_caught_up:
            return [_try_again(request, "the settings topic is not read to its end yet")]
        if self._applying is not None:
            return [_try_again(request, "another catalogue is being applied")]
        if digest(classes, lookup) == version(self.record)[1]:
            return [_answer(request, applied=False, generation=self.generation)]
        found = record(classes, max(self._newest[0], self.generation) + 1, lookup)
        try:
            check_size("config", len(encode(found)))
        except OversizeError as error:
            return [_refused(request, [Problem("classes", str(error))])]
        until = now + APPLY_WITHIN_S
        self._applying = _Applying(found, request.session, request.body.get("id"), self.generation, until)
        self._due = self._publish_due = now
        return []

    def tick(self, now: float, wall_s: float) -> list[Effect]:
        """The answer to an `apply`, and what belongs on the topic, if they are due."""
        if self._due is None or now < self._due:
            return []
        effects: list[Effect] = [*self._settle(now)]
        wanted = self._wanted()
        self._due = None
        if wanted is None:
            self._publish_due = now
            return effects
        if now >= self._publish_due:
            self._publish_due = now + PUBLISH_EVERY_S
            envelope = self._stamp.envelope(CATALOGUE, encode(wanted), time_ms=int(wall_s * 1000))
            effects.append(Publish(envelope, key="catalogue"))
        self._due = self._publish_due
        if self._applying is not None:
            self._due = min(self._due, self._applying.until)
        return effects

    def deadline(self) -> float | None:
        """When `tick` is due."""
        return self._due

    def _wanted(self) -> CatalogueRecord | None:
        """What belongs on the topic and is not its last record."""
        if self._applying is not None:
            return self._applying.record
        if not self._is_readable or self._on_topic > version(self.record):
            return None
        if self.record is None:
            return self._seed
        return self.record if self._on_topic < version(self.record) else None

    def _settle(self, now: float) -> Iterable[Reply]:
        """Answer the operator who waits: the record was read back, or a newer one, or none in time."""
        waiting = self._applying
        if waiting is None:
            return
        body: dict[str, Any] = {"id": waiting.id}
        ours = version(waiting.record)
        if self._newest > ours:
            detail = f"somebody else made generation {self._newest[0]} at the same time"
            body |= {"error": "try_again", "detail": detail}
        elif self._newest == ours:
            body |= {"applied": True, "generation": ours[0], "was": waiting.was}
        elif now >= waiting.until:
            detail = f"generation {ours[0]} was sent and not read back in {APPLY_WITHIN_S:g} s"
            body |= {"error": "indeterminate", "detail": detail}
        else:
            return
        self._applying = None
        yield Reply(waiting.session, body)


def catalogue_problems(classes: Classes, lookup: Rules) -> list[Problem]:
    """Every mistake in every definition and in every rule. A rule is not to blame for its class."""
    found = []
    templates: dict[str, Template | None] = {}
    for name, definition in classes.items():
        errors = problems(definition)
        templates[name] = None if errors else compile_template(definition)
        found += [
            Problem(f"classes.{name}.{error.path}" if error.path else f"classes.{name}", error.reason)
            for error in errors
        ]
    return found + _rule_problems(lookup, templates)


def refusals(classes: Classes, lookup: Rules) -> list[Problem]:
    """What keeps a new catalogue from being put in force: its mistakes, and what a CMTS would reject."""
    judged = [Problem(one.path, one.text) for one in judge_classes(classes) if one.rule.is_error]
    return catalogue_problems(classes, lookup) + judged


def plain_classes(classes: Classes, names: Names = BUILT_IN) -> tuple[Classes, list[Problem]]:
    """The classes in plain words, which every instance knows, also an older one; and what `names` do not
    know.
    """
    found: Classes = {}
    unknown = []
    for name, definition in classes.items():
        found[name], errors = plain(definition, names)
        unknown += [Problem(f"classes.{name}.{error.path}", error.reason) for error in errors]
    return found, unknown


def plain_record(found: CatalogueRecord) -> CatalogueRecord:
    """The same catalogue in plain words."""
    return record(plain_classes(found.classes)[0], found.generation, found.lookup)


def _rule_problems(lookup: Rules, templates: Mapping[str, Template | None]) -> list[Problem]:
    def refusal(name: str, values: Mapping[str, Any]) -> Problem | None:
        template = templates.get(name)
        if template is None:
            return None
        try:
            size_bytes = len(template.pack(values))
        except DocsisError as error:
            return Problem(error.path, error.reason)
        if size_bytes > VALUES_BYTES_MAX:
            return Problem("", f"have {size_bytes} bytes; a row takes {VALUES_BYTES_MAX}")
        return None

    kinds = {name: "" if template is None else template.kind for name, template in templates.items()}
    return lookup_problems(lookup, kinds, refusal)


def _answer(request: LocalRequest, **body: Any) -> Reply:
    return Reply(request.session, {"id": request.body.get("id"), **body})


def _refused(request: LocalRequest, wrong: list[Problem]) -> Reply:
    detail = f"the catalogue has {len(wrong)} mistakes"
    return _answer(request, error="bad_settings", detail=detail, problems=[list(one) for one in wrong])


def _try_again(request: LocalRequest, detail: str) -> Reply:
    return _answer(request, error="try_again", detail=detail)
