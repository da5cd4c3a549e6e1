"""Seeds that found something once, and what. Each is run for ever."""

_FORMER = "a CFM restarted from its disk could not serve the generation before the one in force"
_PATIENCE = "a read without template left its session behind, and the next try ended with that one"

FOUND: dict[int, str] = {**dict.fromkeys((10, 21, 55, 59), _FORMER), 5362: _PATIENCE}

FAILOVER: dict[str, str] = {
    "a holder that is heard and hears nothing": "suspended, it renewed for ever, and nobody could take over",
    "a host that sleeps through the restart of its sidecar": (
        "a new process gave the role back under the lease that its former one had told the host"
    ),
    "an era under a running lease, and a renewal behind it": (
        "the renewal made the role one that somebody had given back, and a second lease began at once"
    ),
    "the log of two roles loses its end": "a CFM acked rows of an epoch that was not on its disk",
    "retention leaves nothing of the log, and a person is asked to begin an era": "nobody was asked",
}
"""Scenarios of `tests.simulation.failover.directed` that found something, and what."""
