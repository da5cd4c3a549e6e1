"""The local API: a machine's answers to requests of the local sockets.

A request is a JSON object, `{"op": ..., "id": ...}` and the fields of its operation. An answer has the same
`id`, and either the result or an `error`. `services.instance.operations` is the table of both.
"""

from collections import Counter
from typing import Any

from bus.effects import Reply
from bus.messages import LocalRequest
from services.instance.operations import OPERATIONS

FAMILY_MIN = 3
"""So many operations of one family are named as one: `host.*`."""


def answer(request: LocalRequest, **body: Any) -> Reply:
    """The answer to a request: these fields."""
    return Reply(request.session, {"id": request.body.get("id"), **body})


def refuse(request: LocalRequest, error: str, detail: str = "", **more: Any) -> Reply:
    """The refusal of a request: a word of `ERRORS`, and the reason, for people. `unknown` has no detail."""
    why = {"detail": detail} if detail else {}
    return answer(request, error=error, **why, **more)


def unknown(request: LocalRequest, service: str, *, votes: bool = False) -> Reply:
    """The refusal of an operation that this service does not have; `votes`: the CFM has a vote."""
    names = [
        one.name
        for one in OPERATIONS.values()
        if service in one.services and request.door in one.doors and (votes or not one.needs_vote)
    ]
    *others, last = _by_family(names)
    comma = ", " if service == "cfm" else " and "  # the two always differed, and the sentence is an interface
    known = f"{', '.join(others)}{comma}{last}"
    return refuse(request, "bad_request", f"unknown op {request.body.get('op')!r}; there are {known}")


def is_misplaced(request: LocalRequest) -> bool:
    """Whether this door does not have the operation. The operators' door has every one."""
    return request.door not in OPERATIONS[request.body["op"]].doors


def misplaced(request: LocalRequest) -> Reply:
    """The refusal of an operation that its door does not have."""
    return refuse(request, "refused", f"{request.body['op']} is for operators: ask at the admin socket")


def _by_family(names: list[str]) -> list[str]:
    families = Counter(_family(name) for name in names)
    return [
        *dict.fromkeys(_family(name) if families[_family(name)] >= FAMILY_MIN else name for name in names)
    ]


def _family(name: str) -> str:
    """`settings.*` of `settings.apply`; `settings` is of no family."""
    family, dot, _ = name.partition(".")
    return f"{family}.*" if dot else name
