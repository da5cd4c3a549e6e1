"""Signs of life: that Kea has its leases, and that it will load its journal again."""

from collections.abc import Iterator

from bus.errors import RemoteError
from services.dhcp.kea.daemon.control import MuteError
from services.dhcp.kea.doctor.remarks import Remark
from services.dhcp.kea.journal.entries import is_refused

_COLUMNS = (
    "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context"
)
HEADERS = {(2, 2): _COLUMNS, (2, 6): f"{_COLUMNS},pool_id"}
"""The first line of the journal from a version on; 3.0.4 has that of 2.6.3."""

_UNKNOWN_COMMAND = "not supported"

DEAF = Remark(
    "Kea",
    "it has no socket at which it hears modems, because a reload was refused, or no interface is up: its log "
    "says why; mend that, then send config-reload, or restart kea-dhcp4",
)


def pulse(error: RemoteError) -> Iterator[Remark]:
    """The meaning of Kea's refusal of `lease4-get-page`; none if it only has no such command."""
    if isinstance(error, MuteError):
        yield Remark(
            "Kea",
            "it answers no DHCP, because a reload failed and left it without its leases: its log says why; "
            "mend that, then send config-reload, or restart kea-dhcp4",
        )
    elif _UNKNOWN_COMMAND not in str(error):
        yield Remark("Kea", f"it does not show its leases: {error}")


def journal_head(path: str, first_line: bytes, version: str) -> Iterator[Remark]:
    """The problem of the first line of a file that Kea reads its leases from."""
    if not first_line or is_refused(first_line):  # Kea writes on behind the cut
        yield Remark(
            path,
            "its first line is no header, so somebody cut it, and Kea will refuse it at its next start or "
            f"reload: stop kea-dhcp4, make this the first line, start it: {header(version)}",
        )


def unreadable(path: str, reason: str) -> Remark:
    """The remark that we cannot read the journal."""
    return Remark(
        path,
        f"it cannot be read ({reason}): let the user of the sidecar read it and its directory, as "
        "SupplementaryGroups=_kea in its unit does",
    )


def header(version: str) -> str:
    """The header that this version of Kea writes."""
    number = tuple(int(part) if part.isdigit() else 0 for part in version.split(".")[:2])
    return HEADERS[max((known for known in HEADERS if known <= number), default=min(HEADERS))]
