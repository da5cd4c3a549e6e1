"""Proof that a peer is there now: the incarnation of each that answered a nonce of ours.

Theory of operation
-------------------
A group's datagrams can be recorded, and played again to a receiver that was restarted and remembers nothing.
So nothing of an incarnation is believed before it answered a nonce: at our start, and when a peer has a new
one. The answer names the numbers that the peer has used, and only later ones are believed from then on. A
tape has no answer to a nonce, and what it holds has earlier numbers.

A nonce is a keyed digest of whom it is for, where he is and when, so nothing is remembered of those that did
not answer, and nobody can wear out a memory. It is good for `NONCE_S` to twice as long.

The highest incarnation of each peer is kept over restarts of ours: a lower one is not even asked.
"""

import hashlib
from collections.abc import Mapping

NONCE_BYTES = 16
SECRET_BYTES = 32
NONCE_S = 4.0


class Proofs:
    """The proven incarnations, by the names of their instances. `secret` is random and new at each start,
    `highest` has the incarnations that were proven before it.
    """

    def __init__(self, secret: bytes, highest: Mapping[str, int]) -> None:
        self.changes = 0
        """How often `highest` changed."""
        self.highest = dict(highest)
        self._secret = secret
        self._proven: dict[str, int] = {}

    def is_proven(self, name: str, incarnation: int) -> bool:
        """Whether this incarnation has answered, and no later one."""
        return self._proven.get(name) == incarnation

    def is_over(self, name: str, incarnation: int) -> bool:
        """Whether a later incarnation has answered, also before our start."""
        return incarnation < self.highest.get(name, 0)

    def nonce(self, name: str, incarnation: int, address: str, now: float, turn: int = 0) -> bytes:
        """What this incarnation at this address has to answer; at another turn it is another nonce."""
        return self._nonce(name, incarnation, address, int(now / NONCE_S), turn)

    def prove(
        self, name: str, incarnation: int, address: str, nonce: bytes, now: float, turn: int = 0
    ) -> bool:
        """Whether this is the answer to a nonce of lately, of this turn; then the incarnation is proven."""
        slot = int(now / NONCE_S)
        good = (self._nonce(name, incarnation, address, at, turn) for at in (slot, slot - 1))
        if self.is_over(name, incarnation) or nonce not in [*good]:
            return False
        self._proven[name] = incarnation
        if self.highest.get(name, 0) < incarnation:
            self.highest[name] = incarnation
            self.changes += 1
        return True

    def _nonce(self, name: str, incarnation: int, address: str, slot: int, turn: int) -> bytes:
        said = f"{name} {incarnation} {address} {slot} {turn}".encode()
        return hashlib.blake2b(said, key=self._secret, digest_size=NONCE_BYTES).digest()
