"""Finding what is known of a boot: which boot is meant, and who says what became of it.

The audit topic has it all. When Kafka is away, or not used at all, the instances are asked for what they
remember themselves. A file name holds its FileID sealed: the seal keys of some configuration must open it.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bus.device import device_text, parse_device
from bus.errors import ConfigError, DecodeError, TryAgainError, UnavailableError
from bus.fleet.fleet import load_fleet, load_seal_keys
from bus.telemetry.audit import FILEID
from bus.transport.kafka.client_settings import client_settings
from fileid.seal import KEY_BYTES, Opener, SealKey
from services.config.instance import Config
from services.operator.ask import ask
from services.operator.trace import audit_topic
from services.operator.trace.story import ToldEvent

LATE_S = 2.0
"""How long the youngest events may be under way: through the batch, the client and a busy machine."""

BootKey = tuple[str, str]
"""`device` or `fileid`, and which."""


def asked_for(what: str, configs: Sequence[Config]) -> BootKey | None:
    """The device or the FileID that is meant by a MAC, by 16 hex digits or by a whole file name.

    None if it is none of them, `ConfigError` if no seal key of these configurations opens the name.
    """
    text = what.lower()
    if FILEID.fullmatch(text):
        return "fileid", text
    try:
        return "device", device_text(parse_device(text))
    except ValueError:
        pass  # then it is a name
    if "." not in what or not what.isascii():
        return None
    for config in configs:
        try:
            return "fileid", _opener(config).open(what.encode()).fields().serial.hex()
        except DecodeError:
            continue
    raise ConfigError(f"no seal key of {', '.join(one.instance for one in configs)} opens {what}")


def find(
    configs: Sequence[Config], asked: BootKey, since: float, note: Callable[[str], None]
) -> tuple[list[ToldEvent], str]:
    """What is known since this Unix time, and who said so; `note` is told who does not answer.

    `UnavailableError` if nobody does.
    """
    kafka = next((one.brokers for one in configs if one.brokers), None)
    if kafka is not None:
        try:
            return told_late(lambda: _told(client_settings(kafka), asked, since)), "the audit topic"
        except UnavailableError as error:
            note(f"{error}; asking the instances")
    return _remembered(configs, asked, since, note)


def _told(settings: Mapping[str, Any], asked: BootKey, since: float) -> list[ToldEvent]:
    """What the audit topic holds."""
    found = audit_topic.read(settings, *asked, since_ms=int(since * 1000))
    return [told for told in found if told.event["at"] >= since]


def told_late(
    read: Callable[[], list[ToldEvent]], clock: Callable[[], float] = time.monotonic
) -> list[ToldEvent]:
    """What is read; if it is nothing, what is read later, within `LATE_S`."""
    limit = clock() + LATE_S
    while not (found := read()) and clock() < limit:
        pass  # each read waits for its answers from the brokers
    return found


def _remembered(
    configs: Sequence[Config], asked: BootKey, since: float, note: Callable[[str], None]
) -> tuple[list[ToldEvent], str]:
    """What the instances themselves remember."""
    found: list[ToldEvent] = []
    answered = []
    for config in configs:
        try:
            said = ask(config, {"op": "trace", asked[0]: asked[1]})
        except (UnavailableError, TryAgainError) as error:
            note(str(error))
            continue
        answered.append(config.instance)
        events = said.get("events", [])
        found += (ToldEvent(config.instance, event) for event in events if event["at"] >= since)
    if not answered:
        raise UnavailableError("neither Kafka nor any of these instances answers: start one of them")
    return found, f"the memory of {', '.join(answered)}"


def _opener(config: Config) -> Opener:
    """Opens what the seal keys of this instance open."""
    paths = [] if config.minter is None else [config.minter.seal_key]
    paths += [] if config.cfm is None else config.cfm.seal_keys
    fleet = load_fleet(config.fleet)
    lines = [line for path in paths for line in load_seal_keys(path, fleet, KEY_BYTES)]
    return Opener([SealKey.of(*line) for line in lines])
