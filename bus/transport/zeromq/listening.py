"""A CFM's end of the hand-off connections: a router that lets in only the fleet's minters.

CURVE fails open without its ZAP handler (`bus.transport.zeromq.curve`), so the two are opened, rekeyed and
closed together, and the router proves at its start that it refuses a stranger.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import zmq

from bus.fleet.key_pair import KeyPair
from bus.reason import Reason
from bus.telemetry.metrics import Sample
from bus.transport.poller import Poller
from bus.transport.zeromq.curve import ZapHandler, check_strangers_refused
from bus.transport.zeromq.owners import Owners
from bus.transport.zeromq.router import Router


class Listening:
    """One end of the connections (`bus.transport.carrier.Link`), at an endpoint."""

    def __init__(
        self,
        context: zmq.Context[Any],
        poller: Poller,
        keys: KeyPair,
        peers: Mapping[str, Sequence[bytes]],
        listen: Callable[[Owners], Router],
        announced: Callable[[str], str] = str,
    ) -> None:
        """`listen` opens the router for the owners of keys, and may try for a while; its errors, and
        `StateError` if a stranger gets in. `announced` turns the router's endpoint into the one for peers.
        """
        self._owners = Owners(_by_key(peers))
        self._zap = ZapHandler(context, poller, self._owners)
        try:
            self._router = listen(self._owners)
        except BaseException:
            self._zap.close()
            raise
        try:
            check_strangers_refused(context, self._zap, self._router.endpoint, keys.public)
            self.endpoint = announced(self._router.endpoint)
        except BaseException:
            self.close()
            raise
        self.send = self._router.send

    def connect(self, peer: str, endpoint: str) -> None:
        """Do nothing: minters connect to us."""

    def use(self, keys: KeyPair, peers: Mapping[str, Sequence[bytes]]) -> None:
        """Accept these minters' keys and no others, also on connections that stand; use this pair as the
        server's.
        """
        self._owners.use(_by_key(peers))
        self._router.use(keys)

    def samples(self) -> Iterator[Sample]:
        """Messages and refused connections."""
        yield from self._zap.samples()
        yield from self._router.samples()

    def lacks(self) -> list[Reason]:
        """The faults of the router, and keys that were refused."""
        return [*self._router.lacks(), *self._zap.lacks()]

    def close(self) -> None:
        """Stop listening and end every connection."""
        self._router.close()
        self._zap.close()


def _by_key(peers: Mapping[str, Sequence[bytes]]) -> dict[bytes, str]:
    """The owner of each key."""
    return {key: name for name, keys in peers.items() for key in keys}
