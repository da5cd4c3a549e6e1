"""The endpoints that CFMs announce, if they are usable.

A CFM's beats announce two endpoints: `fileid`, to which its minters connect, and `tftp`, which modems are
told. A beat that announces an unreachable endpoint (`bus.wire.endpoint`) still proves that its CFM lives. So
it counts as a sign of life, but the CFM gets no rows and no modem until it announces a usable endpoint.
"""

from collections.abc import Iterable, Mapping

from bus.wire.endpoint import wrong_address, wrong_announced


class Announced:
    """The last announcement of each CFM; its `fileid` endpoint must be of `scheme`."""

    def __init__(self, scheme: str) -> None:
        self.unusable: dict[str, str] = {}
        """Why, by CFM, its last announcement is unusable."""
        self.ignored = 0
        """The number of beats whose announcement was unusable."""
        self._scheme = scheme
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

    def _judge(self, cfm: str, endpoints: Mapping[str, str]) -> None:
        reason = ""
        if "fileid" in endpoints:
            reason = wrong_announced(endpoints["fileid"], self._scheme)
        if not reason and "tftp" in endpoints:
            reason = wrong_address(endpoints["tftp"])
        if reason:
            self.unusable[cfm] = reason if reason.isprintable() else repr(reason)
        else:
            self.unusable.pop(cfm, None)
