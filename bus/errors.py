"""The errors of provbus, sorted by who must act.

`LocalError`: we broke a rule and must change the call. `RemoteError`: a peer broke one; a retry is useless.
`TransportError`: nobody broke one, and the same call may succeed later. A class of its own exists only where
some caller acts differently.
"""


class ProvbusError(Exception):
    """Base of everything provbus raises on purpose."""


class LocalError(ProvbusError):
    """We broke a rule: change the call, the state or the configuration."""


class StateError(LocalError):
    """The call is not legal in the present state."""


class ConfigError(LocalError):
    """The configuration is wrong; the message names file, line and what would be right."""


class OversizeError(LocalError):
    """The message is larger than its class may carry. Nothing was sent."""

    def __init__(self, size_bytes: int, size_bytes_max: int) -> None:
        self.size_bytes = size_bytes
        self.size_bytes_max = size_bytes_max
        super().__init__(f"message of {size_bytes} bytes exceeds the limit of {size_bytes_max}")


class RemoteError(ProvbusError):
    """A peer broke a rule: count it, skip it, do not retry."""


class DecodeError(RemoteError):
    """Bytes or a field of the wrong format for their place."""


class TransportError(ProvbusError):
    """Nobody broke a rule: the same call may succeed later."""


class UnavailableError(TransportError):
    """A needed part (peer, broker, program) is not there. Nothing was sent."""


class BusyError(TransportError):
    """A port, path or lock that we need cannot be had now."""


class TryAgainError(TransportError):
    """Something else is under way; the same call succeeds when that is over."""


class BackpressureError(TransportError):
    """A bounded queue is full. Nothing was sent; the caller keeps the message."""
