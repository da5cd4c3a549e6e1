"""The carrier of an instance that may change its column while it runs.

Theory of operation
-------------------
It holds a carrier for each column that is heard. `Carrying` says which those are, and by which ones messages
leave: by one, or by both (*dual*). The first of these **leads**: it carries the classes of which there is one
stream only. `carry` opens what is to be heard and closes what is not; all else is the carriers' own.

A message of a class that is `in_both` counts as sent if one of the columns took it: the receiver needs one
copy. Settings are published to the topic, and the `Replica` of the group takes them on their way there.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from bus.columns.ways import Ways
from bus.envelope import Envelope
from bus.errors import LocalError, OversizeError, TransportError, UnavailableError
from bus.fleet.identity import Identity
from bus.fleet.trust import Believing
from bus.machine import AnyMachine
from bus.reason import Reason
from bus.routes import Column, route
from bus.switch.carrying import Carrying
from bus.switch.parity import Parity
from bus.telemetry.metrics import Sample
from bus.transport.carrier import ColumnCarrier, Sends

Opener = Callable[[Sends], ColumnCarrier]
"""Opens the carrier of a column, which is given what tells the columns by which messages leave."""


class Columns:
    """Both columns behind the interface of one carrier (`bus.transport.carrier`). `openers` opens the carrier
    of each column that this instance is configured for.
    """

    def __init__(
        self,
        openers: Mapping[Column, Opener],
        configured: Callable[[], frozenset[Column]],
        carrying: Carrying,
        trust: Believing,
        own: str,
        *,
        handlers: Mapping[type, Callable[[Any], None]],
    ) -> None:
        """Open what is to be heard (errors as of the openers). `handlers` are of all columns' effects."""
        self.parity = Parity()
        self._openers = openers
        self._configured = configured
        self._carrying = carrying
        self._trust = trust
        self._own = own
        self._handlers = handlers
        self._machine: AnyMachine | None = None
        self._ways: Ways | None = None
        self._identity: Identity | None = None
        self._open: dict[Column, ColumnCarrier] = {}
        self._only: ColumnCarrier | None = None
        try:
            for column in sorted(carrying.hears):
                self._open[column] = openers[column](self._sends)
        except BaseException:
            self.close()
            raise
        self._note_only()

    @property
    def configured(self) -> frozenset[Column]:
        """The columns that could be heard."""
        return self._configured()

    @property
    def carrying(self) -> Carrying:
        """What is heard, and how messages leave."""
        return self._carrying

    @property
    def mode(self) -> str:
        """The mode in force."""
        return self._carrying.mode

    @property
    def endpoint(self) -> str:
        """The endpoint of the leading column."""
        return self._open[self._carrying.leads].endpoint

    @property
    def endpoints(self) -> dict[str, str]:
        """Our endpoints for rows, by their names in a beat: that of the leading column is `fileid`, and while
        both are heard each one stands there under its scheme, too.
        """
        places = {one.scheme: one.endpoint for one in self._open.values() if one.endpoint}
        named = {"fileid": self.endpoint} if self.endpoint else {}
        return (
            named if len(places) < 2 else {**named, **{f"fileid.{name}": at for name, at in places.items()}}
        )

    @property
    def scheme(self) -> str:
        """The scheme of the endpoints of the leading column."""
        return self._open[self._carrying.leads].scheme

    def schemes(self) -> Sequence[str]:
        """The schemes of all columns that are heard, that of the leading one first."""
        leads = self._carrying.leads
        return [self._open[column].scheme for column in sorted(self._open, key=lambda one: one is not leads)]

    @property
    def has_log(self) -> bool:
        """Whether the column that leads has a log."""
        return self._open[self._carrying.leads].has_log

    @property
    def data_bytes_max(self) -> int:
        """The limit of data in a message of class `fileid`, in bytes: each column that sends it has room."""
        return min(self._open[column].data_bytes_max for column in self._carrying.sends)

    def send(self, to: str | bytes, envelope: Envelope, column: str = "") -> None:
        """As `Carrier.send`, by this column alone if one is named."""
        if self._only is not None and column in ("", self._carrying.leads):
            self._only.send(to, envelope)  # a hand-off costs no more than the column's own call
        else:
            self._by_each(envelope, column, lambda one: one.send(to, envelope))

    def publish(self, envelope: Envelope, key: str, column: str = "") -> None:
        """As `Carrier.publish`, by this column alone if one is named."""
        self._by_each(envelope, column, lambda one: one.publish(envelope, key))

    def connect(self, peer: str, endpoint: str) -> None:
        """As `Carrier.connect`, by the column of the endpoint's scheme."""
        scheme = endpoint.partition("://")[0]
        one = next((one for one in self._open.values() if one.scheme == scheme), None)
        if one is None:
            raise LocalError(f"{peer} is at {endpoint}, which no column that is heard here reaches")
        one.connect(peer, endpoint)

    def catch_up(self, traffic: str) -> None:
        """As `Carrier.catch_up`, of the leading column."""
        self._open[self._carrying.leads].catch_up(traffic)

    def begin(self, has_copy: bool) -> None:
        """Begin each column that is heard (errors as of `Begins.begin`)."""
        for one in self._open.values():
            one.begin(has_copy)

    def around(self, machine: AnyMachine) -> AnyMachine:
        """The machine that is told of each message once."""
        self._machine = machine
        self._ways = Ways(machine, self.parity, self._trust, self._own)
        self._wrap()
        return self._ways

    def handlers(self) -> Mapping[type, Callable[[Any], None]]:
        """Those of all columns, whichever is heard now."""
        return self._handlers

    def carry(self, wanted: Carrying) -> None:
        """Hear and send as is wanted from now on. `TransportError` or `ConfigError` if a column cannot be
        opened: then nothing has changed.
        """
        opened: dict[Column, ColumnCarrier] = {}
        for column in sorted(wanted.hears - self._open.keys()):
            if column not in self._configured():
                raise UnavailableError(f"there is no section for mode {column} in the configuration")
            opened[column] = self._opened(column)
        before, self._carrying = self._carrying, wanted
        self._open |= opened
        for column in [one for one in self._open if one not in wanted.hears]:
            self._open.pop(column).leave()
        self._note_only()
        assert self._ways is not None
        if opened or before.hears != wanted.hears:
            self._wrap()
        is_more = len(wanted.sends) > len(before.sends)
        if is_more or before.leads != wanted.leads:
            # Where messages leave from now on the settings in force may not be yet.
            self._ways.tell_anew("config")
            self.catch_up("config")
        if is_more:
            self.parity.begin()

    def not_green(self, wanted: Mapping[str, Iterable[str]], now: float) -> list[str]:
        """What of these classes of these peers does not come by both columns yet (`Parity.lacks`)."""
        self._note_settings()
        return self.parity.lacks(wanted, now)

    def silent(self) -> list[str]:
        """That the brokers of a column that is heard do not answer: no role log is written now."""
        return [str(one) for one in self.lacks() if one.code == "kafka-silent"]

    def report(self, now: float) -> dict[str, Any]:
        """The parity report, for people."""
        self._note_settings()
        return {"carrying": self._carrying.describe(), **self.parity.report(now)}

    def renew(self, identity: Identity) -> Callable[[], None]:
        """As `Carrier.renew`, of every column that is heard, and of those that will be."""
        takes = [one.renew(identity) for one in self._open.values()]

        def renewed() -> None:
            self._identity = identity
            self.parity.keep_to(identity.fleet.instances)
            for take in takes:
                take()

        return renewed

    def samples(self) -> Iterator[Sample]:
        """The metrics of each column that is heard, and of their parity."""
        for one in self._open.values():
            yield from one.samples()
        if len(self._open) > 1:
            yield from self.parity.samples()

    def lacks(self) -> list[Reason]:
        """The faults of each column that is heard."""
        return [reason for one in self._open.values() for reason in one.lacks()]

    def close(self) -> None:
        """Close every column."""
        while self._open:
            self._open.popitem()[1].close()

    def _sends(self) -> Sequence[Column]:
        return self._carrying.sends

    def _note_only(self) -> None:
        """The carrier of the one column, while only one is heard."""
        self._only = next(iter(self._open.values())) if len(self._open) == 1 else None

    def _note_settings(self) -> None:
        group = self._open.get(Column.MULTICAST)
        if group is not None:
            self.parity.note_settings(group.settings_digest, Column.MULTICAST)

    def _opened(self, column: Column) -> ColumnCarrier:
        """The carrier of a column, begun in the midst of our work."""
        one = self._openers[column](self._sends)
        try:
            one.begin_live()
            if self._identity is not None:
                one.renew(self._identity)()
        except BaseException:
            one.close()
            raise
        return one

    def _wrap(self) -> None:
        """Put each column's own machine around ours, those of columns that are heard."""
        assert self._ways is not None
        assert self._machine is not None
        machine = self._machine
        for column in sorted(self._open):
            machine = self._open[column].around(machine)
        self._ways.inner = machine
        self._ways.is_double = len(self._open) > 1

    def _by_each(self, envelope: Envelope, column: str, take: Callable[[ColumnCarrier], None]) -> None:
        columns = self._columns_of(envelope, column)
        failed: TransportError | OversizeError | None = None
        taken = 0
        for one in columns:
            carrier = self._open.get(one)
            if carrier is None:
                failed = failed or UnavailableError(f"column {one} is not open")
                continue
            try:
                take(carrier)
                taken += 1
            except (TransportError, OversizeError) as error:
                failed = failed or error
        if failed is not None and not taken:
            raise failed

    def _columns_of(self, envelope: Envelope, column: str) -> Sequence[Column]:
        if column:
            return (Column(column),)
        if envelope.traffic == "config":
            # The replica of the group has taken it on its way here.
            return (Column.BUS,) if Column.BUS in self._open else self._carrying.sends[:1]
        return self._carrying.sends if route(envelope.traffic).in_both else self._carrying.sends[:1]
