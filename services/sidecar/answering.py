"""The end of a hand-off: the answer to the host service, and the event for the audit stream.

The answer names the CFM that acked; else the first one tried that is still alive; else any that is; else the
configured default. Without any of them, or if the row's authority has ended, it is `try_again`.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

from pydantic_core import to_json

from bus.device import device_text
from bus.effects import Reply
from bus.envelope import NO_TOKEN, Token
from bus.telemetry.audit import Audit
from bus.telemetry.metrics import Histogram
from fileid.handoff import Settled
from fileid.row import is_partial
from services.instance.metrics import HANDOFF_BOUNDS_S
from services.sidecar.peers import Peers
from services.sidecar.requests import Create


@lru_cache(maxsize=1024)  # the CFMs of a fleet, and the orders in which they are tried
def _json(value: str | tuple[str, ...] | None) -> str:
    return to_json(value).decode()


class Ticket(NamedTuple):
    """The facts for the answer to a request when its row is settled: minted at `since`, under `token`."""

    session: int
    request: Create
    serial: str
    since: float
    token: Token = NO_TOKEN


class Answers:
    """Answers the requests whose rows are settled. `token` gives the token under which we may act now."""

    def __init__(
        self,
        *,
        peers: Peers,
        audit: Audit,
        token: Callable[[float], Token | None],
        default_next_server: str | None,
    ) -> None:
        self.handoff_s = Histogram(HANDOFF_BOUNDS_S)
        self._peers = peers
        self._audit = audit
        self._token = token
        self._default_next_server = default_next_server

    def answer(self, settled: list[Settled], now: float, wall_offset_s: float) -> list[Reply]:
        """A reply for each; Unix time is `now + wall_offset_s`."""
        replies = []
        server, server_of = None, None
        token = self._token(now)
        for end in settled:
            ticket: Ticket = end.ticket
            if not end.cfm or end.cfm != server_of:  # the rows of a frame have one CFM
                server = self._peers.next_server(end.cfm, end.tried) or self._default_next_server
                server_of = end.cfm
            sealed = "partial" if is_partial(end.row.body) else "full"
            body: dict[str, Any] = {
                "id": ticket.request.id,
                "file": end.row.name.decode(),
                "fileid": ticket.serial,
                "next_server": server,
                "acked": end.acked,
                "sealed": sealed,
            }
            if server is None or ticket.token != token:
                reason = "no CFM is alive and no default is configured"
                if ticket.token != token:
                    reason = "this sidecar lost its role meanwhile"
                body = {"id": ticket.request.id, "error": "try_again", "detail": reason}
            replies.append(Reply(ticket.session, body))
            took_s = now - ticket.since
            self.handoff_s.observe(took_s)
            # Names of classes and instances need no escape in JSON; a server's address comes from outside.
            self._audit.record(
                f'{{"event":"{"fileid.acked" if end.cfm else "fileid.unacked"}",'
                f'"device":"{device_text(ticket.request.device)}","fileid":"{ticket.serial}",'
                f'"at":{now + wall_offset_s:.3f},"class":"{ticket.request.class_name}",'
                f'"sealed":"{sealed}","cfm":"{end.cfm}","tried":{_json(tuple(end.tried))},'
                f'"next_server":{_json(server)},"handoff_ms":{took_s * 1000:.1f}}}',
                now,
            )
        return replies
