"""Shares: what one subscriber may have of a CFM, so that the others keep theirs.

Theory of operation
-------------------
A read of a row, or of a name that a minter sealed, is charged to the leased address in it, whoever asks: a
CMTS that proxies TFTP asks for many, and each of them pays for itself. Only a read that matches neither is
charged to the address it came from (of IPv6 to the /64, of which a subscriber has all addresses).

Behind one such address may be a whole CMTS: one of the configured proxies, or the relay of a row that was
asked for through it within the row's life. Its share has the size of a CMTS.

An address can be forged where the CMTS does not verify the source. So what is refused to an address that owes
is only what costs: a seal is not tried, a read without a row is not parked. A row that is here is served.
"""

from collections import OrderedDict
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import NamedTuple

from bus.wire.buckets import Buckets
from fileid.row import IPV6_BYTES, LIFE_S, NO_RELAY, Fields

Network = IPv4Network | IPv6Network

PARKED_MAX_EACH = 8  # a device has one name, its adapter another; each repeats it every 2 s and slower
PARKED_MAX_CMTS = 500  # half of all without a seal: the early reads of 2,000 devices that boot at once
OPENS_PER_S, OPENS_BURST = 5.0, 50  # names that no minter sealed: a modem has one, a person's client a few
OPENS_PER_S_CMTS, OPENS_BURST_CMTS = (
    500.0,
    5_000,
)  # 50,000 modems that repeat such a name each 100 s; 1 % of a core
CMTS_MAX = 1_000  # relays that are remembered
WORDS_PER_S, WORDS_BURST = 0.1, 5  # events about reads of no FileID
WORDS_PER_S_CMTS, WORDS_BURST_CMTS = 2.0, 20
_PREFIX_BYTES = 8  # /64


class Share(NamedTuple):
    """What an address may have that asks for what matches nothing: reads parked without a seal, forged seals
    that are tried, events in the audit stream.
    """

    parked_max: int
    opens: Buckets
    words: Buckets


class Shares:
    """Who pays for what."""

    def __init__(self, proxies: Sequence[Network] = ()) -> None:
        """`proxies` are the addresses from which a name alone suffices."""
        self.relays_forgotten = 0
        """Relays of live rows that made room for others, and count as one subscriber each again."""
        self._proxies = proxies
        self._relays: OrderedDict[bytes, float] = OrderedDict()
        self._each = Share(
            PARKED_MAX_EACH, Buckets(OPENS_PER_S, OPENS_BURST), Buckets(WORDS_PER_S, WORDS_BURST)
        )
        self._cmts = Share(
            PARKED_MAX_CMTS,
            Buckets(OPENS_PER_S_CMTS, OPENS_BURST_CMTS),
            Buckets(WORDS_PER_S_CMTS, WORDS_BURST_CMTS),
        )

    @property
    def crowded(self) -> int:
        """How often a new address shared a bucket with all other new ones."""
        return sum(one.opens.crowded + one.words.crowded for one in (self._each, self._cmts))

    def may_ask(self, fields: Fields, address: bytes, now: float) -> bool:
        """Whether this is the address of the device, its relay or a proxy. A relay that may is a CMTS."""
        if address == fields.address:
            return address != NO_RELAY
        if address != fields.relay:
            return self._is_proxy(address)
        if address == NO_RELAY:
            return False
        self._relays[address] = now + LIFE_S
        self._relays.move_to_end(address)
        if len(self._relays) > CMTS_MAX:
            _, live_until = self._relays.popitem(last=False)
            self.relays_forgotten += live_until > now
        return True

    def parked_max(self, address: bytes, now: float) -> int:
        """How many reads without a seal this address may have parked."""
        return self._of(address, now).parked_max

    def may_try(self, address: bytes, now: float) -> bool:
        """Whether a seal may be tried that this address asks with."""
        return self._of(address, now).opens.has(source(address), now)

    def was_forged(self, address: bytes, now: float) -> None:
        """The seal was tried, and no minter made it."""
        self._of(address, now).opens.take(source(address), now)

    def may_tell(self, address: bytes, now: float) -> bool:
        """Whether an event may be told about a read of this address; that is charged."""
        return self._of(address, now).words.take(source(address), now)

    def _of(self, address: bytes, now: float) -> Share:
        is_cmts = self._relays.get(address, now) > now or self._is_proxy(address)
        return self._cmts if is_cmts else self._each

    def _is_proxy(self, address: bytes) -> bool:
        return bool(self._proxies) and any(ip_address(address) in one for one in self._proxies)


def source(address: bytes) -> bytes:
    """What stands for an address that asks: itself, or its /64."""
    return address[:_PREFIX_BYTES] if len(address) == IPV6_BYTES else address
