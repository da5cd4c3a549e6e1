"""The endpoints that CFMs announce, if they are usable.

A CFM's beats announce two endpoints: `fileid`, to which its minters connect, and `tftp`, which modems are
told. A beat that announces an unreachable endpoint (`bus.wire.endpoint`) still proves that its CFM lives. So
it counts as a sign of life, but the CFM gets no rows and no modem until it announces a usable endpoint.
"""

from collections.abc import Container, Iterable, Mapping

from bus.wire.endpoint import wrong_address, wrong_announced, wrong_pinned


class Announced:
    """The last announcement of each CFM. Its `fileid` endpoint must be of `scheme`, and each at the address
    that `pins` has for it, if any.
    """

    def __init__(self, scheme: str, pins: Mapping[str, Mapping[str, str]]) -> None:
        self.unusable: dict[str, str] = {}
        """Why, by CFM, its last announcement is unusable."""
        self.ignored = 0
        """The number of beats whose announcement was unusable."""
        self._scheme = scheme
        self._pins = pins
        self._last: dict[str, Mapping[str, str]] = {}
        self._connected: dict[str, str] = {}

    @property
    def connected(self) -> Iterable[str]:
        """The CFMs to which we were told to connect."""
        return self._connected

    def heard(self, cfm: str, endpoints: Mapping[str, str]) -> str | None:
        """Take the endpoints that a CFM's beat announced: the one to connect to; None if none is new and
        usable.
        """
        if self._last.get(cfm) != endpoints:
            self._last[cfm] = endpoints
            self._judge(cfm, endpoints)
        if cfm in self.unusable:
            self.ignored += 1
            return None
        endpoint = endpoints.get("fileid")
        if endpoint is None or self._connected.get(cfm) == endpoint:
            return None
        self._connected[cfm] = endpoint
        return endpoint

    def keep_to(self, cfms: Container[str], pins: Mapping[str, Mapping[str, str]]) -> None:
        """Forget the announcements of all other CFMs, and judge those of these by these `pins`."""
        self._pins = pins
        for known in (self.unusable, self._last, self._connected):
            for name in [name for name in known if name not in cfms]:
                del known[name]
        for name, endpoints in self._last.items():
            self._judge(name, endpoints)

    def _judge(self, cfm: str, endpoints: Mapping[str, str]) -> None:
        reason = ""
        if "fileid" in endpoints:
            reason = wrong_announced(endpoints["fileid"], self._scheme)
        if not reason and "tftp" in endpoints:
            reason = wrong_address(endpoints["tftp"])
        for name, pin in self._pins.get(cfm, {}).items():
            if not reason and name in endpoints:
                reason = wrong_pinned(endpoints[name], pin)
        if reason:
            self.unusable[cfm] = reason if reason.isprintable() else repr(reason)
        else:
            self.unusable.pop(cfm, None)
