"""The carrier of mode multicast: the group, and a replica of the settings in place of a topic."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from bus.envelope import Stamp
from bus.errors import LocalError
from bus.fleet.identity import Identity
from bus.fleet.trust import Believing
from bus.machine import AnyMachine
from bus.reason import Reason
from bus.telemetry.metrics import Sample
from bus.transport.carrier import CHECK_TIMEOUT_S, Sends
from bus.transport.multicast.group import Multicast
from bus.transport.multicast.incarnations import Remembering
from bus.transport.multicast.replica import Replica
from bus.wire.datagram import DATA_BYTES_MAX, GroupKey
from bus.wire.proof import Proofs

LIVE_CHECK_S = 0.1  # a datagram of ours is back within a millisecond; nothing else is done meanwhile


class GroupCarrier:
    """One instance in its group (`bus.transport.carrier`). `keys` reads the group's keys from the disk;
    `sends` tells the columns by which messages leave. The carrier closes the group.
    """

    mode = "multicast"
    scheme = "udp"
    has_log = False
    data_bytes_max = DATA_BYTES_MAX

    def __init__(
        self,
        group: Multicast,
        stamp: Stamp,
        trust: Believing,
        keys: Callable[[], Sequence[GroupKey]],
        proofs: Proofs,
        sends: Sends,
    ) -> None:
        self.send = group.send
        self.publish = group.publish
        self._group = group
        self._stamp = stamp
        self._trust = trust
        self._keys = keys
        self._proofs = proofs
        self._sends = sends
        self._replica: Replica | None = None
        self._remembering: Remembering | None = None

    @property
    def endpoint(self) -> str:
        """The endpoint of messages to us alone, and from us."""
        return self._group.endpoint

    def connect(self, peer: str, endpoint: str) -> None:
        """Do nothing: its datagrams tell the address of a peer."""

    def catch_up(self, traffic: str) -> None:
        """Listen anew for settings that are newer than ours; other classes have no history (`LocalError`)."""
        if traffic != "config" or self._replica is None:
            raise LocalError(f"{traffic} has no history over multicast")
        self._replica.catch_up()

    def begin(self, has_copy: bool) -> None:
        """`UnavailableError` unless we hear ourselves: without the group we reach nobody, copy or not."""
        self._group.check_heard(CHECK_TIMEOUT_S)

    @property
    def settings_digest(self) -> str:
        """The digest of the settings in the replica."""
        return "" if self._replica is None else self._replica.settings_digest

    def begin_live(self) -> None:
        """`UnavailableError` unless we hear ourselves at once."""
        self._group.check_heard(LIVE_CHECK_S)

    def around(self, machine: AnyMachine) -> AnyMachine:
        """The machine in a replica, which stands in for the topic of the settings, and in one that keeps the
        incarnations of peers; the same ones each time, for they hold what was heard.
        """
        if self._remembering is not None:
            return self._remembering
        self._replica = Replica(machine, self._stamp, self._trust, self._sends)
        self._remembering = Remembering(self._replica, self._proofs, self._stamp.instance)
        return self._remembering

    def handlers(self) -> Mapping[type, Callable[[Any], None]]:
        """None: whoever opens several columns has those of all."""
        return {}

    def renew(self, identity: Identity) -> Callable[[], None]:
        """A function that takes the group's keys as on the disk now, and believes these instances alone."""
        keys = self._keys()
        names = list(identity.fleet.instances)

        def renewed() -> None:
            self._group.use(keys)
            self._group.keep_to(names)

        return renewed

    def samples(self) -> Iterator[Sample]:
        """The group's metrics, and the outcomes of fetching settings."""
        yield from self._group.samples()
        if self._replica is not None:
            yield from self._replica.samples()
        if self._remembering is not None:
            yield from self._remembering.samples()

    def lacks(self) -> list[Reason]:
        """A disk that does not take the incarnations of peers; their silence tells everything else."""
        return [] if self._remembering is None else self._remembering.lacks()

    def leave(self) -> None:
        """Leave the group: that waits for nobody."""
        self.close()

    def close(self) -> None:
        """Leave the group."""
        self._group.close()
