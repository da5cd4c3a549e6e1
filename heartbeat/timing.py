"""The times of the election, in seconds, and why none of them may be another.

A holder's lease runs from before it sent a renewal, a candidate's silence from when it read one. So with
LEASE_S < SILENCE_S the lease is over first, whatever the log's delay and even if the clocks differ in rate by
a tenth of what lies between the two (0.5 s of 3 s; the clocks of real hosts differ by 0.01 %).
"""

LEASE_S = 3.0
SILENCE_S = 3.5
RENEW_EVERY_S = 0.5
PROBE_AFTER_S = 1.5  # of silence
PROBE_AGAIN_S = 1.0  # and who cannot read back in this time what he wrote does not stand
QUIET_S = 2.0  # without a renewal, since our probe came back: a stalled partition silences everyone alike
SUSPENDED_S_MAX = 5.0
SETTLE_S_MAX = 5.0  # then with the settings that are there: Kafka's trouble is not the subscribers'
HAND_OVER_S = 1.0  # who gave the role back leaves it to the others for so long
RANK_S = 0.05  # who is second in the fleet stands that much later, and mostly finds the role taken
CHECKPOINT_EVERY = 10_000  # records: an hour and a half with one role
CHECKPOINT_AGAIN_S = 5.0
