"""The times of the election, in seconds, and the reasons for their values.

A holder's lease runs from before it sent a renewal, a candidate's silence from when it read one. So with
LEASE_S < SILENCE_S the lease is over first, whatever the log's delay, unless the candidate's clock is faster
by a sixth (0.5 s of 3 s; the clocks of real hosts differ by 0.01 %).
"""

LEASE_S = 3.0
SILENCE_S = 3.5
RENEW_EVERY_S = 0.5
PROBE_AFTER_S = 1.5  # of silence
PROBE_AGAIN_S = 1.0  # an instance that reads its own record back later than this does not stand
QUIET_S = 2.0  # without a renewal, since our probe came back: a stalled partition silences everyone
SUSPENDED_S_MAX = 5.0
SETTLE_S_MAX = 5.0  # then with the settings that are there: Kafka's trouble is not the subscribers'
HAND_OVER_S = 1.0  # an instance that gave the role back leaves it to the others for this time
RANK_S = 0.05  # the next in the fleet stands that much later, and mostly finds the role taken
CHECKPOINT_EVERY = 10_000  # records: an hour and a half with one role
CHECKPOINT_AGAIN_S = 5.0
