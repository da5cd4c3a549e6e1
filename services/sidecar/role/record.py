"""The record that a sidecar keeps of its role for a restart."""

from typing import NamedTuple

from heartbeat.roles.claim import Claim, is_log


class StoreFailover(NamedTuple):
    """Effect: keep the claim that is held, and an operator's orders."""

    claim: Claim | None
    locked: bool = False
    drained: bool = False
    is_ours: bool = True
    mode: str = ""  # the transport mode in which a majority of the CFMs was heard last
    lock: str = ""  # the identity of the lock under which this was kept (`bus.runtime.instance_lock`)

    def held_under(self, lock: str) -> Claim | None:
        """The claim of a role log that a process with this very lock kept; None for any other."""
        claim = self.claim
        is_of_log = claim is not None and self.is_ours and is_log(claim.authority)
        return claim if is_of_log and self.lock == lock else None
