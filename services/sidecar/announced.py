"""The endpoints that CFMs announce, if they are usable.

A CFM's beats announce two endpoints: `fileid`, to which its minters connect, and `tftp`, which modems are
told. A beat that announces an unreachable endpoint (`bus.wire.endpoint`) still proves that its CFM lives. So
it counts as a sign of life, but the CFM gets no rows and no modem until it announces a usable endpoint.
"""

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from typing import Any

from bus.wire.endpoint import wrong_address, wrong_announced, wrong_pinned


class Announced:
    """The last announcement of each CFM. It must have an endpoint of one of `schemes`, the leading one first:
    `fileid`, or `fileid.SCHEME` of a CFM that is reached by several; and each at the address that `pins` has
    for it, if any.
    """

    def __init__(self, schemes: Callable[[], Sequence[str]], pins: Mapping[str, Mapping[str, str]]) -> None:
        self.unusable: dict[str, str] = {}
        """Why, by CFM, its last announcement is unusable."""
        self.ignored = 0
        """The number of beats whose announcement was unusable."""
        self._schemes = schemes
        self._pins = pins
        self._last: dict[str, Mapping[str, str]] = {}
        self._connected: dict[str, dict[str, str]] = {}

    @property
    def connected(self) -> Iterable[str]:
        """The CFMs to which we were told to connect."""
        return self._connected

    def heard(self, cfm: str, endpoints: Mapping[str, str]) -> list[str]:
        """Take the endpoints that a CFM's beat announced: those to connect to, which are new and usable."""
        if self._last.get(cfm) != endpoints:
            self._last[cfm] = endpoints
            self._judge(cfm, endpoints)
        if cfm in self.unusable:
            self.ignored += 1
            return []
        known = self._connected.get(cfm, {})
        found = self._places(endpoints)
        fresh = {scheme: place for scheme, place in found.items() if known.get(scheme) != place}
        if fresh:
            self._connected[cfm] = {**known, **fresh}
        return [*fresh.values()]

    def moved(self) -> None:
        """Judge by other schemes from now on; connections of others are gone."""
        schemes = self._schemes()
        for known in self._connected.values():
            for scheme in [scheme for scheme in known if scheme not in schemes]:
                del known[scheme]
        for name, endpoints in self._last.items():
            self._judge(name, endpoints)

    def keep_to(self, cfms: Container[str], pins: Mapping[str, Mapping[str, str]]) -> None:
        """Forget the announcements of all other CFMs, and judge those of these by these `pins`."""
        self._pins = pins
        tables: tuple[dict[str, Any], ...] = (self.unusable, self._last, self._connected)
        for known in tables:
            for name in [name for name in known if name not in cfms]:
                del known[name]
        for name, endpoints in self._last.items():
            self._judge(name, endpoints)

    def _places(self, endpoints: Mapping[str, str]) -> dict[str, str]:
        """The endpoint of each of our schemes."""
        found = {}
        for scheme in self._schemes():
            place = endpoints.get(f"fileid.{scheme}", "")
            if not place and endpoints.get("fileid", "").startswith(f"{scheme}://"):
                place = endpoints["fileid"]
            if place:
                found[scheme] = place
        return found

    def _judge(self, cfm: str, endpoints: Mapping[str, str]) -> None:
        reason = ""
        found = self._places(endpoints)
        if not found and "fileid" in endpoints:
            reason = wrong_announced(endpoints["fileid"], self._schemes()[0])
        for scheme, place in found.items():
            reason = reason or wrong_announced(place, scheme)
        if not reason and "tftp" in endpoints:
            reason = wrong_address(endpoints["tftp"])
        for name, pin in self._pins.get(cfm, {}).items():
            pinned = [place for key, place in endpoints.items() if key.partition(".")[0] == name]
            for place in pinned:
                reason = reason or wrong_pinned(place, pin)
        if reason:
            self.unusable[cfm] = reason if reason.isprintable() else repr(reason)
        else:
            self.unusable.pop(cfm, None)
