"""`settings` and `settings.history`: what an instance shows of its settings.

Secrets are masked. Who asks for them with `reveal` gets them, for the operators' socket is for root and the
user of this process alone, who may read the keys as well. The audit stream says who saw them, and when.
"""

from collections.abc import Callable

from bus.effects import Effect
from bus.errors import DecodeError
from bus.messages import LocalRequest
from bus.telemetry.audit import Audit
from services.instance.local_api import answer
from services.settings.catalogue import version
from services.settings.held import HeldSettings

REVEALED = "settings.revealed"


class Showing:
    """Shows what an instance holds of the settings. `wall_s` is the Unix time of a moment."""

    def __init__(self, held: HeldSettings, audit: Audit, wall_s: Callable[[float], float]) -> None:
        self._held = held
        self._audit = audit
        self._wall_s = wall_s

    def describe(self, request: LocalRequest, now: float) -> list[Effect]:
        """`settings`: the catalogue in force (`DecodeError` for a malformed `reveal`)."""
        reveal = request.body.get("reveal", False)
        if not isinstance(reveal, bool):
            raise DecodeError("reveal: is not true or false")
        if reveal:
            told = {"event": REVEALED, "device": "", "fileid": "", "at": round(self._wall_s(now), 3)}
            generation = version(self._held.record)[0]
            self._audit.record({**told, "user": request.user.name, "generation": generation}, now)
        return [answer(request, **self._held.describe(reveal=reveal))]

    def recall(self, request: LocalRequest, now: float) -> list[Effect]:
        """`settings.history`: the generations that are kept."""
        return [answer(request, history=self._held.history.describe(version(self._held.record)))]
