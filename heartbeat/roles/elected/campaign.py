"""A candidacy: from the first probe to the claim that comes back, or does not.

The gate lets a claim through when the holder was silent for `SILENCE_S` *and* `QUIET_S` have passed since our
own probe came back through the same partition. A partition that stands still silences everyone alike, and no
probe comes back through it. A probe that took longer than `PROBE_AGAIN_S` shows that we were cut off from the
log and may have missed the holder, so silence begins anew with it; and it does not open the gate, for an
instance that reads so late could not keep a lease. A free role needs only the timely probe.
"""

from heartbeat.timing import LEASE_S, PROBE_AGAIN_S, QUIET_S, SILENCE_S


def gate_opens_at(*, is_free: bool, heard_at: float, probe_back: float) -> float:
    """The earliest time of a claim; the holder was read last at `heard_at`, our probe came back at
    `probe_back`.
    """
    if is_free:
        return probe_back
    return max(heard_at + SILENCE_S, probe_back + QUIET_S)


class Campaign:
    """One candidacy. `claim_id` is the one of the claim under way, empty before."""

    def __init__(self) -> None:
        self.claim_id = ""
        self.claimed_at = 0.0
        self.skips_silence = False
        self.follows_another = True
        self._probed_at: float | None = None
        self._probe_back: float | None = None
        self._is_blind = False

    def goes_without_probe(self) -> None:
        """Skip the probe: our own former process held the role."""
        self._probe_back = 0.0

    def probe(self, now: float) -> bool:
        """Whether to send a probe now: the first one, or one to replace a late one."""
        if self._probe_back is not None or self.claim_id:
            return False
        if self._probed_at is not None:
            if now < self._probed_at + PROBE_AGAIN_S:
                return False
            self._is_blind = True
        self._probed_at = now
        return True

    def came_back(self, sent_at: float, now: float) -> bool:
        """Note that a probe came back; True if silence begins anew."""
        if self._probe_back is not None or self.claim_id:
            return False
        is_late = now > sent_at + PROBE_AGAIN_S
        was_blind = self._is_blind or is_late
        if not is_late:
            self._probe_back = now
        self._is_blind = is_late
        return was_blind

    def may_claim(self, *, is_free: bool, heard_at: float, now: float) -> bool:
        """Whether the gate is open."""
        return self._probe_back is not None and now >= gate_opens_at(
            is_free=is_free, heard_at=heard_at, probe_back=self._probe_back
        )

    def claim(self, claim_id: str, now: float, *, skips_silence: bool, follows_another: bool) -> None:
        """Note the sent claim; it may skip the silence, or follow another holder."""
        self.claim_id, self.claimed_at = claim_id, now
        self.skips_silence, self.follows_another = skips_silence, follows_another

    def is_late(self, now: float) -> bool:
        """Whether the claim's own lease ended before it came back."""
        return bool(self.claim_id) and now >= self.claimed_at + LEASE_S

    def deadline(self, *, is_free: bool, heard_at: float) -> float:
        """The time of the next step."""
        if self.claim_id:
            return self.claimed_at + LEASE_S
        if self._probe_back is not None:
            return gate_opens_at(is_free=is_free, heard_at=heard_at, probe_back=self._probe_back)
        return 0.0 if self._probed_at is None else self._probed_at + PROBE_AGAIN_S
