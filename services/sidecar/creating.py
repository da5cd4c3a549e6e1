"""`fileid.create`: mint a row, hand it off, and answer.

The answer goes out when a CFM acked, or when the hand-off's budget is over. Rows stay here for 60 s, so that
a CFM which is asked for a file that it does not know can pull the row.

A switch of the transport lets who holds a role go on in another era. The rows of the era before that are on
their way then would be refused by every CFM, so their FileIDs are minted anew, and nobody who waits notices.
"""

from collections.abc import Callable, Iterator

from bus.effects import Effect, Reply, Send
from bus.envelope import Envelope, Stamp, Token
from bus.errors import BackpressureError, DecodeError, OversizeError
from bus.messages import LocalRequest, Received
from bus.telemetry.metrics import Sample, labelled
from fileid.handoff import Budget, Handoff
from fileid.minted import Minted
from fileid.row import DISOWNED, PULLED, Row, cut_rows, pack_names, pack_rows, unpack_names
from fileid.seal import is_sealed
from services.docsis.errors import DocsisError
from services.instance.local_api import refuse
from services.sidecar.answering import Answers, Ticket
from services.sidecar.minting import Mint, NotNowError
from services.sidecar.peers import Peers
from services.sidecar.requests import parse_create


class Creating:
    """The FileIDs of one minter. `counts` are its machine's counters."""

    def __init__(
        self,
        *,
        stamp: Stamp,
        budget: Budget,
        peers: Peers,
        mint: Mint,
        minted: Minted,
        answers: Answers,
        counts: dict[str, int],
        data_bytes_max: Callable[[], int],
    ) -> None:
        self.handoff = Handoff(stamp, peers.choose, budget, data_bytes_max=data_bytes_max)
        self.minted = minted
        self._stamp = stamp
        self._peers = peers
        self._mint = mint
        self._answers = answers
        self._counts = counts
        self._data_bytes_max = data_bytes_max

    def __len__(self) -> int:
        """The number of rows that are being handed off."""
        return len(self.handoff)

    def create(
        self, request: LocalRequest, now: float, wall_offset_s: float, token: Token | None, why_not: str
    ) -> list[Effect]:
        """Mint a FileID under this token; without one answer `try_again`, with `why_not` as detail."""
        try:
            create = parse_create(request.body)
            if token is None:
                raise NotNowError(why_not)
            row, ticket = self._minted(Ticket(request.session, create, "", now, token), now, wall_offset_s)
            self.handoff.offer(row, ticket, now)
            self.minted.add(row, now)
        except (NotNowError, BackpressureError) as error:
            self._counts["refused"] += 1
            return [refuse(request, "try_again", str(error))]
        except (DecodeError, DocsisError, OversizeError) as error:
            self._counts["refused"] += 1
            return [refuse(request, "bad_request", str(error))]
        self._counts["created"] += 1
        return []

    def acked(self, ack: Envelope, now: float, wall_offset_s: float) -> list[Reply]:
        """The answers that waited for this ack of a CFM (`DecodeError`)."""
        return self._answers.answer(self.handoff.acked(ack), now, wall_offset_s)

    def pulled(self, message: Received, now: float, wall_offset_s: float, *, is_alone: bool) -> list[Effect]:
        """Send a CFM the rows that it asks for by name (`DecodeError`). Sealed names that we do not remember
        are disowned, if we would remember them and no other process has our name: somebody has our seal key.
        """
        envelope = message.envelope
        names = unpack_names(envelope.data)
        rows = self.minted.find(names, now)
        self._counts["unknown_pulls"] += len(names) - len(rows)
        sent_ms = int((now + wall_offset_s) * 1000)
        answers: list[Effect] = [
            Send(envelope.source, self._stamp.envelope(PULLED, pack_rows(some), time_ms=sent_ms))
            for some in cut_rows(rows, self._data_bytes_max())
        ]
        if len(rows) < len(names) and is_alone and self.minted.knows_all(now):
            known = {row.name for row in rows}
            foreign = [name for name in names if name not in known and is_sealed(name)]
            if foreign:
                self._counts["disowned"] += len(foreign)
                disowned = self._stamp.envelope(DISOWNED, pack_names(foreign), time_ms=sent_ms)
                answers.append(Send(envelope.source, disowned))
        return answers

    def make_anew(self, token: Token, now: float, wall_offset_s: float) -> list[Effect]:
        """Mint anew the FileIDs under way that are of another token; the answer to those that cannot be."""
        refused: list[Effect] = []
        for ticket in self.handoff.withdraw(lambda ticket: ticket.token != token):
            try:
                row, anew = self._minted(ticket._replace(token=token), now, wall_offset_s)
                self.handoff.offer_again(row, anew, ticket.since)
                self.minted.add(row, now)
            except (NotNowError, DecodeError, DocsisError, OversizeError) as error:
                self._counts["refused"] += 1
                body = {"id": ticket.request.id, "error": "try_again", "detail": str(error)}
                refused.append(Reply(ticket.session, body))
        return refused

    def tick(self, now: float, wall_offset_s: float) -> list[Effect]:
        """Frames to send, and the answers whose time is over."""
        self.minted.expire(now)
        sends, settled = self.handoff.tick(now, wall_offset_s)
        effects: list[Effect] = [*sends]
        if settled:
            effects += self._answers.answer(settled, now, wall_offset_s)
        for send in sends:
            self._peers.gave(send)
        return effects

    def deadline(self) -> float | None:
        """When `tick` is due."""
        return self.handoff.deadline()

    def _minted(self, ticket: Ticket, now: float, wall_offset_s: float) -> tuple[Row, Ticket]:
        """A row for this request under its token, and its ticket (the errors of `Mint.mint`)."""
        row, serial = self._mint.mint(ticket.request, now + wall_offset_s, ticket.token)
        return row, ticket._replace(serial=serial.hex())

    def samples(self) -> Iterator[Sample]:
        """The metrics of FileIDs and their hand-offs."""
        handoffs = self.handoff.counts
        outcomes = {name: self._counts[name] for name in ("created", "refused")}
        outcomes |= {name: handoffs[name] for name in ("acked", "unacked")}
        yield from labelled("provbus_fileids_total", "outcome", outcomes)
        events = {name: handoffs[name] for name in ("retried", "refused", "late_acks", "unasked_acks")}
        yield from labelled("provbus_handoff_events_total", "event", events)
        yield Sample("provbus_handoff_seconds", self._answers.handoff_s)
        yield Sample("provbus_unknown_pulls_total", self._counts["unknown_pulls"])
        yield Sample("provbus_disowned_names_total", self._counts["disowned"])
