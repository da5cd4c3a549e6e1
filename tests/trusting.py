"""Who believes everybody: for tests of what comes behind the proof of a message's writer."""

from collections.abc import Collection
from functools import lru_cache

from bus.envelope import Envelope
from bus.fleet.fleet import SERVICES
from bus.wire.signature import verify
from heartbeat.roles.log.records import Logged


class Anybody:
    """Believes everybody (`bus.fleet.trust.Believing`)."""

    def __init__(self) -> None:
        self.refused: set[str] = set()

    def check(self, envelope: Envelope, now: float, services: Collection[str] = SERVICES) -> None:
        """Believe it."""

    def is_of(self, name: str, content: bytes, signature: bytes) -> bool:
        """It is."""
        return True

    def is_current(self, envelope: Envelope) -> bool:
        """It does."""
        return True


ANYBODY = Anybody()


@lru_cache(maxsize=4096)
def verify_once(key: bytes, signature: bytes, content: bytes) -> bool:
    """As `bus.wire.signature.verify`; many readers of one process look at the same message."""
    return verify(key, signature, content)


class _Anybody:
    """Believes everybody who writes the role log (`heartbeat.roles.log.writers.Proves`)."""

    def key_of(self, logged: Logged) -> str:
        """A key for each writer."""
        return logged.source or "nobody"

    def lists(self, source: str, key: str) -> bool:
        """Every one is listed."""
        return True

    def read(self, source: str, key: str, *, is_live: bool) -> None:
        """Nothing is noted."""


anybody = _Anybody()
