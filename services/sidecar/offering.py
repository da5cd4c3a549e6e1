"""The classes that a minter offers: the catalogue in force, and its writes to the settings topic.

Theory of operation
-------------------
The catalogue in force is the newest one that compiles, from the topic or from the copy on disk. A minter
writes to the topic for three reasons, and only after it has read the topic's records from before its start:

    apply   An operator hands over other classes or rules, or names a generation whose classes and rules
            are wanted back: in plain words they become the next generation. The answer goes out when the
            record was read back, for a send is not an acknowledgement.
    mend    The last record on the topic is older than the one in force: the topic was lost, before our start
            or since, or two operators wrote one generation at once. The one in force is written again.
    seed    The topic is empty and no catalogue is in force: `publish_catalogue` becomes generation 1.

The record of an `apply` names the user whom the kernel attests, and this instance, which wrote it; of a seed
the instance alone. A record that is mended keeps what it says.

So a restart never brings an old file back: a file only seeds an empty topic. A record is written until it is
read back. A record that cannot be read at all is left alone: a newer version of ours may have written it.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from bus.contract import encode
from bus.effects import Effect, Publish, Reply
from bus.envelope import Envelope, Stamp
from bus.errors import DecodeError
from bus.messages import LocalRequest
from fileid.row import VALUES_BYTES_MAX, template_number
from services.docsis.errors import DocsisError
from services.docsis.judge.catalogue import faults, judge_classes
from services.docsis.mib.names import BUILT_IN, Names
from services.docsis.text.plain import plain
from services.docsis.text.template import Template, compile_template, problems
from services.instance.local_api import answer, refuse
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
    size_problems,
    structure_problems,
    version,
)
from services.settings.history import History, StoreHistory
from services.settings.lookup import Lookup, lookup_problems
from services.settings.record import (
    CATALOGUE,
    COMMENT_MAX,
    GENERATION_MAX,
    CatalogueRecord,
    Change,
    wrong_line,
)

PUBLISH_EVERY_S = 3.0  # longer than a record's time-out, so the catalogue is not published twice in vain
APPLY_WITHIN_S = 10.0  # three tries; a topic that takes longer is out of order, and a person waits


class _Applying(NamedTuple):
    """A catalogue whose operator waits for an answer until `until`."""

    record: CatalogueRecord
    request: LocalRequest
    was: int
    until: float


class Offering:
    """Classes by name, each with its template and its number in a row, and `lookup`, which gives devices
    their class. `seed` is the first catalogue of an empty topic, `wall_s` the Unix time of a moment, `kept`
    are former catalogues.
    """

    def __init__(
        self,
        stamp: Stamp,
        seed: CatalogueRecord | None,
        wall_s: Callable[[float], float],
        kept: Iterable[CatalogueRecord] = (),
    ) -> None:
        self.history = History(kept)
        self.record: CatalogueRecord | None = None
        self.faults: list[str] = []
        """Faults of the catalogue in force for which a CMTS would reject a file, in words."""
        self.lookup = Lookup((), {})
        self._stamp = stamp
        self._seed = seed
        self._wall_s = wall_s
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
        """The generation of the catalogue in force; 0 if there is none."""
        return version(self.record)[0]

    def find(self, class_name: str) -> tuple[int, Template] | None:
        """The number and the template of a class."""
        return self._templates.get(class_name)

    def receive(self, envelope: Envelope, now: float) -> list[StoreCatalogue | StoreHistory]:
        """Adopt a newer catalogue from the topic; `DecodeError` if it is unusable, and the old one stays."""
        self._is_readable = False
        found = parse(envelope.data)
        self._is_readable = True
        self._on_topic = version(found)
        self._newest = max(self._newest, self._on_topic)
        if self._is_caught_up:
            self._due = now
        if self._on_topic <= version(self.record):
            return [self.history.store()] if self.history.read(found) else []
        self.adopt(found)
        return [StoreCatalogue(found), self.history.store()]

    def copy(self) -> StoreCatalogue | None:
        """The copy for a start without the topic; None if no catalogue is in force."""
        return None if self.record is None else StoreCatalogue(self.record)

    def adopt(self, found: CatalogueRecord) -> None:
        """Put a catalogue in force; `DecodeError` if one of its classes or rules is wrong.

        Faults are only reported: an earlier build took this catalogue, and modems have its files.
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
        self.history.in_force(found)
        self.faults = faults(found.classes)

    def caught_up(self, now: float) -> None:
        """The topic's records from before our start have been received: now we may write."""
        self._is_caught_up = True
        self._due = now

    def recreated(self) -> None:
        """The topic was recreated. The catalogue in force stays, and is written again if it is gone there."""
        self._on_topic = NO_VERSION
        self._is_readable = True
        self._is_caught_up = False

    def describe(self, request: LocalRequest, now: float) -> list[Effect]:
        """`settings`: the catalogue in force."""
        return [answer(request, **describe(self.record))]

    def recall(self, request: LocalRequest, now: float) -> list[Effect]:
        """`settings.history`: the generations that are kept."""
        return [answer(request, history=self.history.describe(version(self.record)))]

    def apply(self, request: LocalRequest, now: float) -> list[Effect]:
        """`settings.apply`: put this catalogue in force everywhere; answered at once unless it is new.
        `DecodeError` for a malformed comment.
        """
        comment = _comment(request)
        return self._change(
            request, request.body.get("classes"), request.body.get("lookup", []), comment, now
        )

    def roll_back(self, request: LocalRequest, now: float) -> list[Effect]:
        """`settings.rollback`: put the classes and rules of a kept generation in force as a new one.
        `DecodeError` for a malformed generation or comment.
        """
        generation, comment = _generation(request), _comment(request)
        if generation == self.generation:
            return [refuse(request, "refused", f"generation {generation} is the one in force")]
        past = self.history.find(generation)
        if past is None:
            kept = ", ".join(map(str, self.history.generations())) or "none"
            detail = f"generation {generation} is not kept by {self._stamp.instance}; kept are {kept}"
            return [refuse(request, "refused", detail)]
        says = f"back to generation {generation}{comment and f': {comment}'}"
        return self._change(request, past.classes, past.lookup, says, now)

    def _change(
        self, request: LocalRequest, classes: Any, lookup: Any, comment: str, now: float
    ) -> list[Effect]:
        """Check a catalogue, and begin to put it in force."""
        wrong = structure_problems(classes, lookup) or refusals(classes, lookup)
        if wrong:
            return [_refused(request, wrong)]
        classes = plain_classes(classes)[0]
        if wrong := size_problems(classes, lookup):
            return [_refused(request, wrong)]
        if not self._is_caught_up:
            return [refuse(request, "try_again", "the settings topic is not read to its end yet")]
        if self._applying is not None:
            return [refuse(request, "try_again", "another catalogue is being applied")]
        if digest(classes, lookup) == version(self.record)[1]:
            return [answer(request, applied=False, generation=self.generation)]
        change = Change(self._time_ms(now), f"{request.user.name}@{self._stamp.instance}", comment)
        found = record(classes, max(self._newest[0], self.generation) + 1, lookup, change)
        until = now + APPLY_WITHIN_S
        self._applying = _Applying(found, request, self.generation, until)
        self._due = self._publish_due = now
        return []

    def tick(self, now: float) -> list[Effect]:
        """The answer to an `apply`, and the record to publish, if they are due."""
        if self._due is None or now < self._due:
            return []
        effects: list[Effect] = [*self._settle(now)]
        wanted = self._wanted(now)
        self._due = None
        if wanted is None:
            self._publish_due = now
            return effects
        if now >= self._publish_due:
            self._publish_due = now + PUBLISH_EVERY_S
            envelope = self._stamp.envelope(CATALOGUE, encode(wanted), time_ms=self._time_ms(now))
            effects.append(Publish(envelope, key="catalogue"))
        self._due = self._publish_due
        if self._applying is not None:
            self._due = min(self._due, self._applying.until)
        return effects

    def deadline(self) -> float | None:
        """When `tick` is due."""
        return self._due

    def _time_ms(self, now: float) -> int:
        return int(self._wall_s(now) * 1000)

    def _wanted(self, now: float) -> CatalogueRecord | None:
        """The record that belongs on the topic and is not its last one."""
        if self._applying is not None:
            return self._applying.record
        if not self._is_readable or self._on_topic > version(self.record):
            return None
        if self.record is None:
            if self._seed is not None and not self._seed.author:
                self._seed = self._seed.signed(Change(self._time_ms(now), self._stamp.instance))
            return self._seed
        return self.record if self._on_topic < version(self.record) else None

    def _settle(self, now: float) -> Iterable[Reply]:
        """Answer the waiting operator: the record was read back, or a newer one, or none in time."""
        waiting = self._applying
        if waiting is None:
            return
        request, ours = waiting.request, version(waiting.record)
        if self._newest > ours:
            detail = f"somebody else made generation {self._newest[0]} at the same time"
            reply = refuse(request, "try_again", detail)
        elif self._newest == ours:
            reply = answer(request, applied=True, generation=ours[0], was=waiting.was)
        elif now >= waiting.until:
            detail = f"generation {ours[0]} was sent and not read back in {APPLY_WITHIN_S:g} s"
            reply = refuse(request, "indeterminate", detail)
        else:
            return
        self._applying = None
        yield reply


def catalogue_problems(classes: Classes, lookup: Rules) -> list[Problem]:
    """Every mistake in every definition and in every rule. A wrong class is no mistake of its rules."""
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
    """The reasons to refuse a new catalogue: its mistakes, and faults that a CMTS would reject."""
    judged = [Problem(one.path, one.text) for one in judge_classes(classes) if one.rule.is_error]
    return catalogue_problems(classes, lookup) + judged


def plain_classes(classes: Classes, names: Names = BUILT_IN) -> tuple[Classes, list[Problem]]:
    """The classes in plain words, which every instance knows, also an older one; and a problem for each name
    that `names` do not know.
    """
    found: Classes = {}
    unknown = []
    for name, definition in classes.items():
        found[name], errors = plain(definition, names)
        unknown += [Problem(f"classes.{name}.{error.path}", error.reason) for error in errors]
    return found, unknown


def plain_record(found: CatalogueRecord) -> CatalogueRecord:
    """The same catalogue in plain words."""
    change = Change(found.time_ms, found.author, found.comment)
    return record(plain_classes(found.classes)[0], found.generation, found.lookup, change)


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


def _generation(request: LocalRequest) -> int:
    generation = request.body.get("generation")
    if isinstance(generation, bool) or not isinstance(generation, int):
        raise DecodeError("generation: is not a number")
    if not 1 <= generation <= GENERATION_MAX:
        raise DecodeError(f"generation: is not from 1 to {GENERATION_MAX}")
    return generation


def _comment(request: LocalRequest) -> str:
    comment = request.body.get("comment", "")
    if not isinstance(comment, str):
        raise DecodeError("comment: is not a text")
    if mistake := wrong_line(comment, COMMENT_MAX):
        raise DecodeError(f"comment: {mistake}")
    return comment


def _refused(request: LocalRequest, wrong: list[Problem]) -> Reply:
    detail = f"the catalogue has {len(wrong)} mistakes"
    return refuse(request, "bad_settings", detail, problems=[list(one) for one in wrong])
