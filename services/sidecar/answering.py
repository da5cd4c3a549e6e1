"""The end of a hand-off: what the host service is answered, and what the audit stream is told.

The answer names the CFM that acked; else the first one tried that is still alive; else any that is; else the
configured default. Without any of them it is `try_again`; so it is when the row's authority has ended.
"""

from collections.abc import Callable, Collection
from functools import lru_cache
from typing import Any, NamedTuple

from pydantic_core import to_json

from bus.audit import Audit
from bus.envelope import NO_TOKEN, Stamp, Token
from bus.machine import Reply
from bus.metrics import HANDOFF_BOUNDS_S, Histogram
from fileid.handoff import Settled
from fileid.row import is_partial
from heartbeat.balance import Balancer
from heartbeat.roster import Roster
from services.sidecar.offering import Offering
from services.sidecar.requests import Create


@lru_cache(maxsize=1024)  # the CFMs of a fleet, and the orders in which they are tried
def _json(value: str | tuple[str, ...] | None) -> str:
    return to_json(value).decode()


class Ticket(NamedTuple):
    """What the answer to a request needs, when its row is settled. `since` is when it was minted, `token` by
    what authority.
    """

    session: int
    request: Create
    serial: str
    since: float
    token: Token = NO_TOKEN


class Answers:
    """Answers the requests whose rows are settled. No modem is sent to a CFM that is in `unusable`."""

    def __init__(
        self,
        *,
        stamp: Stamp,
        roster: Roster,
        balancer: Balancer,
        offering: Offering,
        audit: Audit,
        may_act: Callable[[float], bool],
        unusable: Collection[str],
        default_next_server: str | None,
    ) -> None:
        self.handoff_s = Histogram(HANDOFF_BOUNDS_S)
        self._stamp = stamp
        self._roster = roster
        self._balancer = balancer
        self._offering = offering
        self._audit = audit
        self._may_act = may_act
        self._unusable = unusable
        self._default_next_server = default_next_server

    def answer(self, settled: list[Settled], now: float, wall_offset_s: float) -> list[Reply]:
        """A reply for each; Unix time is `now + wall_offset_s`."""
        replies = []
        server, server_of = None, None
        token = self._stamp.token if self._may_act(now) else None
        for end in settled:
            ticket: Ticket = end.ticket
            if not end.cfm or end.cfm != server_of:  # the rows of a frame have one CFM
                server, server_of = self._next_server(end), end.cfm
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
            # Names of classes and instances need no escape in JSON; a server's address is somebody's text.
            self._audit.record(
                f'{{"event":"{"fileid.acked" if end.cfm else "fileid.unacked"}",'
                f'"device":"{ticket.request.device.hex(":")}","fileid":"{ticket.serial}",'
                f'"at":{now + wall_offset_s:.3f},"class":"{ticket.request.class_name}",'
                f'"sealed":"{sealed}","cfm":"{end.cfm}","tried":{_json(tuple(end.tried))},'
                f'"next_server":{_json(server)},"handoff_ms":{took_s * 1000:.1f}}}',
                now,
            )
        return replies

    def _next_server(self, end: Settled) -> str | None:
        name: str | None = end.cfm or next(filter(self._roster.is_alive, end.tried), None)
        if not name:
            name = self._balancer.choose([*self._unusable], self._offering.generation)
        peer = None if name is None else self._roster.peer(name)
        if peer is None or peer.name in self._unusable:
            return self._default_next_server
        return peer.beat.endpoints.get("tftp", self._default_next_server)
