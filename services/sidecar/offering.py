"""The classes that a minter offers: the catalogue in force, and its writes to the settings topic.

Theory of operation
-------------------
The catalogue in force is the newest one that compiles, from the topic or from the copy on disk. A minter
writes to the topic for five reasons, and only after it has read the topic's records from before its start:

    apply   An operator hands over other classes or rules, or names a generation whose classes and rules
            are wanted back: in plain words they become the next generation. The answer goes out when the
            record was read back, for a send is not an acknowledgement.
    mend    The last record on the topic is older than the one in force: the topic was lost, before our start
            or since, or two operators wrote one generation at once. The one in force is written again.
    seed    The topic is empty and no catalogue is in force: `publish_catalogue` becomes generation 1. Records
            that are not believed make no topic empty.
    reseal  At our start, or with new keys, the last record is the one in force and sealed with another key
            than ours: it is written again, the same version. Only then: a minter that is behind and one that
            is not would otherwise write it against each other for ever.
    resign  At the same moments, the last record is signed by a key that its writer does not use any more: a
            reader that starts after that key was dropped would not believe it. Who finds it writes it again.

The record of an `apply` names the user whom the kernel attests, and this instance, which wrote it; of a seed
the instance alone. A record that is mended keeps what it says.

So a restart never brings an old file back: a file only seeds an empty topic. A record is written until it is
read back. A record that cannot be read at all is left alone: a newer version of ours may have written it, or
it is sealed with a key that is not here. Secrets are never written open: without a key nothing is written.
"""

from collections.abc import Callable, Container, Iterable, Sequence
from typing import Any, NamedTuple

from bus.contract import encode
from bus.effects import Effect, Publish, Reply
from bus.envelope import Envelope, Stamp
from bus.errors import DecodeError
from bus.messages import LocalRequest
from bus.reason import Reason
from fileid.row import template_number
from services.docsis.errors import DocsisError
from services.docsis.judge.catalogue import faults
from services.docsis.text.template import Template, compile_template
from services.instance.local_api import answer, refuse
from services.settings.catalogue import (
    NO_VERSION,
    Problem,
    StoreCatalogue,
    digest,
    structure_problems,
    version,
)
from services.settings.held import HeldSettings
from services.settings.history import StoreHistory
from services.settings.judging import plain_classes, refusals, rule_problems
from services.settings.lookup import Lookup
from services.settings.record import (
    CATALOGUE,
    COMMENT_MAX,
    GENERATION_MAX,
    CatalogueRecord,
    Change,
    wrong_line,
)
from services.settings.secret_values import Mask, masked_messages, secret_values
from services.settings.vault import KeyGoneError, NoKeyError, size_problems

PUBLISH_EVERY_S = 3.0  # longer than a record's time-out, so the catalogue is not published twice in vain
UNSEALED = "there is no settings key (settings_key), without which no secret is written to the topic"
UNBELIEVED = "publish_catalogue: settings were written that are not believed, and it is not written over them"
APPLY_WITHIN_S = 10.0  # three tries; a topic that takes longer is out of order, and a person waits


class _Applying(NamedTuple):
    """A catalogue whose operator waits for an answer until `until`."""

    record: CatalogueRecord
    request: LocalRequest
    was: int
    until: float


class Offering:
    """Classes by name, each with its template and its number in a row, and `lookup`, which gives devices
    their class. `seed` is the first catalogue of an empty topic, `wall_s` the Unix time of a moment, `held`
    is what the instance holds of the settings; `is_current` tells whether the writer of a message still uses
    the key by which he signed it; a first catalogue is not written while messages of its type are
    `unbelieved`.
    """

    def __init__(
        self,
        stamp: Stamp,
        seed: CatalogueRecord | None,
        wall_s: Callable[[float], float],
        held: HeldSettings,
        is_current: Callable[[Envelope], bool],
        unbelieved: Container[str],
    ) -> None:
        self.held = held
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
        self._is_to_reseal = self._is_to_resign = True
        self._last: Envelope | None = None
        self._is_current = is_current
        self._unbelieved = unbelieved
        self._cannot_seal = False
        self._applying: _Applying | None = None
        self._due: float | None = None
        self._publish_due = 0.0

    def __bool__(self) -> bool:
        return bool(self._templates)

    @property
    def record(self) -> CatalogueRecord | None:
        """The catalogue in force, its secrets open."""
        return self.held.record

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
        written = self.held.came(envelope.data)
        self._last = envelope
        is_newer = version(written) > version(self.record)
        found = self.held.open(written) if is_newer else None
        self._is_readable = True
        self._on_topic = version(written)
        self._newest = max(self._newest, self._on_topic)
        if self._is_caught_up:
            self._due = now
        if found is None:
            return self.held.read_again(written)
        return self._put_in_force(found, written)

    def adopt(self, written: CatalogueRecord) -> None:
        """Put a catalogue in force, sealed or open; `DecodeError` if a key for it is not here, or one of its
        classes or rules is wrong.

        Faults are only reported: an earlier build took this catalogue, and modems have its files.
        """
        self._put_in_force(self.held.open(written), written)

    def _put_in_force(
        self, found: CatalogueRecord, written: CatalogueRecord
    ) -> list[StoreCatalogue | StoreHistory]:
        wrong = f"catalogue generation {found.generation}"
        try:
            compiled = {name: compile_template(one) for name, one in found.classes.items()}
        except DocsisError as error:
            raise DecodeError(f"{wrong}: {masked_messages(found, [str(error)])[0]}") from error
        for path, reason in rule_problems(found.lookup, compiled):
            raise DecodeError(f"{wrong}: {path}: {masked_messages(found, [reason])[0]}")
        lookup = Lookup(found.lookup, {name: one.kind for name, one in compiled.items()})
        numbered = {
            name: (template_number(name, template.signature), template) for name, template in compiled.items()
        }
        judged = masked_messages(found, faults(found.classes))
        # All of it is made before any of it is in force.
        self.lookup, self._templates, self.faults = lookup, numbered, judged
        return self.held.put_in_force(found, written)

    def use(self, keys: Sequence[tuple[int, bytes]]) -> None:
        """Seal with the first of these keys from now on, also what is in force, and open with all of them."""
        self.held.use(keys)
        self._is_to_reseal = self._is_to_resign = True
        self._due = self._publish_due = 0.0

    def unlock(self) -> list[StoreCatalogue | StoreHistory]:
        """Put in force what waited for a key that is here now; `DecodeError` if it is unusable."""
        unlocked = self.held.unlocked()
        if unlocked is None:
            return []
        found, written = unlocked
        kept = self._put_in_force(found, written)
        self._is_readable = True
        self._on_topic = self._newest = max(self._newest, version(written))
        return kept

    def caught_up(self, now: float) -> None:
        """The topic's records from before our start have been received: now we may write."""
        self._is_caught_up = True
        self._due = now

    def recreated(self) -> None:
        """The topic was recreated. The catalogue in force stays, and is written again if it is gone there."""
        self.held.recreated()
        self._on_topic = NO_VERSION
        self._is_readable = True
        self._is_caught_up = False

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
        past = self.held.history.find(generation)
        if past is None:
            kept = ", ".join(map(str, self.held.history.generations())) or "none"
            detail = f"generation {generation} is not kept by {self._stamp.instance}; kept are {kept}"
            return [refuse(request, "refused", detail)]
        try:
            past = self.held.vault.open(past)
        except KeyGoneError as error:
            detail = (
                f"generation {generation} is sealed with settings key {error.key_id}, which"
                f" {self._stamp.instance} does not have any more"
            )
            return [refuse(request, "refused", detail)]
        says = f"back to generation {generation}{comment and f': {comment}'}"
        return self._change(request, past.classes, past.lookup, says, now)

    def _change(
        self, request: LocalRequest, classes: Any, lookup: Any, comment: str, now: float
    ) -> list[Effect]:
        """Check a catalogue, and begin to put it in force."""
        wrong = structure_problems(classes, lookup) or refusals(classes, lookup)
        if wrong:
            return [_refused(request, Mask.of((classes, lookup)).problems(wrong))]
        classes = plain_classes(classes)[0]
        if wrong := size_problems(classes, lookup):
            return [_refused(request, wrong)]
        if not self._is_caught_up:
            return [refuse(request, "try_again", "the settings topic is not read to its end yet")]
        if self._applying is not None:
            return [refuse(request, "try_again", "another catalogue is being applied")]
        if self.held.locked is not None:
            detail = f"it has no key for the newest settings, generation {self.held.locked.generation}"
            return [refuse(request, "try_again", detail)]
        salt = "" if self.record is None else self.record.salt
        if digest(classes, lookup, salt) == version(self.record)[1]:
            return [answer(request, applied=False, generation=self.generation)]
        latest = max(self._newest[0], self.generation)
        if latest >= GENERATION_MAX:
            detail = f"generation {latest} is the last one that there can be: see docs/howto/settings.md"
            return [refuse(request, "try_again", detail)]
        change = Change(self._time_ms(now), f"{request.user.name}@{self._stamp.instance}", comment)
        try:
            found = self.held.vault.make(classes, latest + 1, lookup, change)
        except NoKeyError:
            return [refuse(request, "try_again", f"these settings have secrets, and {UNSEALED}")]
        until = now + APPLY_WITHIN_S
        self._applying = _Applying(found, request, self.generation, until)
        self._due = self._publish_due = now
        return []

    def tick(self, now: float) -> list[Effect]:
        """The answer to an `apply`, and the record to publish, if they are due."""
        if self._due is None or now < self._due:
            return []
        effects: list[Effect] = [*self._settle(now)]
        wanted = self._sealed(now)
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

    def lacks(self) -> list[Reason]:
        """The reasons by keys that are not here: we work with less, or, with no settings, not at all."""
        unsealed = [Reason("settings-unsealed", UNSEALED)] if self._cannot_seal else []
        unbelieved = [Reason("settings-unbelieved", UNBELIEVED)] if self._is_seed_held_up else []
        return [*self.held.lacks(), *unsealed, *unbelieved]

    def deadline(self) -> float | None:
        """When `unlock` or `tick` is due."""
        return self._due if self.held.deadline() is None else self.held.deadline()

    @property
    def _is_seed_held_up(self) -> bool:
        """Whether first settings are not written: the topic is not empty, and we may lack somebody's key."""
        return self.record is None and self._seed is not None and "config" in self._unbelieved

    def _time_ms(self, now: float) -> int:
        return int(self._wall_s(now) * 1000)

    def _sealed(self, now: float) -> CatalogueRecord | None:
        """The record to publish, as it travels."""
        self._cannot_seal = False
        try:
            wanted = self._wanted(now)
            return None if wanted is None else self.held.vault.seal(wanted)
        except NoKeyError:
            self._cannot_seal = True
            return None

    def _wanted(self, now: float) -> CatalogueRecord | None:
        """The record that belongs on the topic and is not its last one; `NoKeyError` if it is a first one
        with secrets, and there is no key.
        """
        if self._applying is not None:
            return self._applying.record
        if not self._is_caught_up or not self._is_readable or self._on_topic > version(self.record):
            return None
        if self.record is None:
            if self._is_seed_held_up:
                return None
            if self._seed is not None and not self._seed.author:
                change = Change(self._time_ms(now), self._stamp.instance)
                self._seed = self.held.vault.make(self._seed.classes, 1, self._seed.lookup, change)
            return self._seed
        if self._on_topic < version(self.record):
            return self.record
        is_written_anew = self._is_to_be_resealed(self.record) or self._is_to_be_signed_anew()
        return self.record if is_written_anew else None

    def _is_to_be_resealed(self, found: CatalogueRecord) -> bool:
        """Whether the last record on the topic, which is the one in force, is to be written under our key."""
        if not self._is_to_reseal:  # to walk all values for secrets takes long
            return False
        vault = self.held.vault
        has_secrets = bool(found.salt) or bool(secret_values(found.classes, found.lookup))
        if not has_secrets or not vault.key_ids or self.held.on_topic == {vault.key_ids[0]}:
            self._is_to_reseal = False
        return self._is_to_reseal

    def _is_to_be_signed_anew(self) -> bool:
        """Whether the last record on the topic is signed by a key that is not in use any more."""
        if not self._is_to_resign:
            return False
        last = self._last
        if last is None or self._is_current(last) or self._stamp.has_signed(last):
            self._is_to_resign = False
        return self._is_to_resign

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
