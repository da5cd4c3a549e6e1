"""Whether what a machine answers is what the table of the local API says of its operation."""

import json
from collections.abc import Iterable
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import to_json

from bus.contract import Contract
from bus.effects import Effect, Keep, Reply
from bus.messages import LocalRequest
from services.instance.operations import ERRORS, OPERATIONS

_Effects = TypeVar("_Effects", bound=Iterable[Effect])


def fault(operation: object, service: str, body: dict[str, Any]) -> str:
    """What is wrong with this answer of an instance of a service to that operation; empty if nothing is."""
    if "id" not in body:
        return "it has no id"
    known = OPERATIONS.get(operation) if isinstance(operation, str) else None
    if known is None or service not in known.services:
        return "" if body.get("error") == "bad_request" else f"{service} has no such operation"
    told = {name: value for name, value in body.items() if name != "id"}
    if "error" in told and told["error"] not in known.errors:
        return f"it is not refused with {told['error']}"
    shapes = (ERRORS[told["error"]].answer,) if "error" in told else known.answers
    faults = [_misfit(shape, told) for shape in shapes]
    return "" if "" in faults else min(faults, key=len)


def _misfit(shape: type[Contract], told: dict[str, Any]) -> str:
    """What keeps this from being of a shape, as it is on the wire."""
    try:
        shape.model_validate_json(to_json(told))
    except ValidationError as error:
        return str(error)
    return ""


class Replies:
    """Hears what one machine is asked, and raises for an answer that is not as the table has it."""

    def __init__(self, service: str) -> None:
        self._service = service
        self._asked: dict[tuple[int, str], list[object]] = {}

    def hear(self, message: Any) -> None:
        """The machine is given this."""
        if isinstance(message, LocalRequest):
            key = (message.session, json.dumps(message.body.get("id")))
            self._asked.setdefault(key, []).append(message.body.get("op"))

    def check(self, effects: _Effects) -> _Effects:
        """The machine wants these. An answer must be one to something that was asked in its session with its
        id; some operations are answered more than once.
        """
        for effect in effects:
            if isinstance(effect, Keep):
                self.check(effect.then)
            elif isinstance(effect, Reply):
                asked = self._asked.get((effect.session, json.dumps(effect.body.get("id"))), [])
                faults = [f"{one}: {fault(one, self._service, effect.body)}" for one in asked]
                assert any(one.endswith(": ") for one in faults), (
                    f"{effect.body} answers {faults or 'nobody'}"
                )
        return effects


class HeldMachine:
    """In front of a machine's class: its answers are held to the table of the local API."""

    def __init__(self, parts: Any) -> None:
        self._held = Replies(parts.frame.service)
        super().__init__(parts)  # type: ignore[call-arg]

    def receive(self, message: Any, now: float) -> list[Any]:
        """The machine's, checked."""
        self._held.hear(message)
        told: list[Any] = super().receive(message, now)  # type: ignore[misc]
        return self._held.check(told)

    def tick(self, now: float) -> list[Any]:
        """The machine's, checked."""
        told: list[Any] = super().tick(now)  # type: ignore[misc]
        return self._held.check(told)
