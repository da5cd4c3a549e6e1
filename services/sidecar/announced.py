"""Where the CFMs say they are, as far as that is of use.

A CFM's beats announce two places: `fileid`, to which its minters connect, and `tftp`, which modems are told.
A beat that announces what nobody can reach (`bus.endpoint`) proves all the same that its CFM lives. So it
counts as a sign of life, and until it says something better that CFM gets no rows and no modem.
"""

from collections.abc import Iterable, Mapping

from bus.endpoint import wrong_address, wrong_announced


class Announced:
    """What each CFM announced last; its `fileid` endpoint must be of `scheme`."""

    def __init__(self, scheme: str) -> None:
        self.unusable: dict[str, str] = {}
        """Why, by CFM."""
        self.ignored = 0
        """Beats that announced what is of no use."""
        self._scheme = scheme
        self._last: dict[str, Mapping[str, str]] = {}
        self._connected: dict[str, str] = {}

    @property
    def connected(self) -> Iterable[str]:
        """The CFMs to which we were told to connect."""
        return self._connected

    def heard(self, cfm: str, endpoints: Mapping[str, str]) -> str | None:
        """A beat of this CFM announced these: the endpoint to connect to; None if nothing is new."""
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
