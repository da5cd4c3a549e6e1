"""A check-up of the Kea that an instance follows: examined as it runs, or asked as a device asks it."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bus.errors import ConfigError, RemoteError, UnavailableError
from services.config.sections import KeaSection
from services.dhcp.client import asking
from services.dhcp.client.asking import CLIENT_PORT, SERVER_PORT, Place
from services.dhcp.kea.daemon.control import ONE_LEASE, command, peer_pid
from services.dhcp.kea.daemon.procfs import hears_modems
from services.dhcp.kea.doctor import question
from services.dhcp.kea.doctor.examination import examine
from services.dhcp.kea.doctor.question import Device, KeaOffer
from services.dhcp.kea.doctor.remarks import Remark
from services.dhcp.kea.doctor.signs import DEAF, journal_head, pulse, unreadable
from services.dhcp.kea.files import lease_files
from services.dhcp.kea.journal.open_file import loaded
from services.dhcp.kea.journal.tail import LINE_BYTES_MAX


class KeaAnswer(NamedTuple):
    """What Kea answered, if it did, and what is wrong with that."""

    answer: KeaOffer | None
    remarks: list[Remark]


def examine_kea(section: KeaSection, addresses: Mapping[str, str]) -> list[Remark]:
    """Everything that is wrong with the Kea that a sidecar follows; `UnavailableError` if it is not there."""
    version = str(_told(section, "version-get", "text"))
    found = _running(section)
    return [
        *_pulse(section),
        *_journal(section.journal, version),
        *examine(found, version, str(section.journal), lease_files(section), addresses),
    ]


def ask_kea(
    section: KeaSection,
    addresses: Mapping[str, str],
    device: Device,
    relay: Place | None = None,
    at: Place | None = None,
    listen: Place | None = None,
) -> KeaAnswer:
    """Ask as this device, and judge the answer; `UnavailableError` if none comes."""
    config = _running(section)
    mute = _pulse(section)
    if mute:
        return KeaAnswer(None, [*mute])
    at = at or _hears_at(config)
    own = listen or (asking.towards(at), CLIENT_PORT)
    behind = relay[0] if relay else own[0]
    scope = question.subnet_of(config, behind, device.kind)
    if scope is None and relay is None:
        raise ConfigError(f"no subnet of this Kea is for {behind}: name the device's CMTS with --relay")
    if scope is None:
        return KeaAnswer(None, [question.no_subnet(behind)])
    asked = question.discover(device, own[0], scope if relay else None, asking.new_xid())
    offer = asking.ask(asked, at, own)
    if offer is None:
        raise UnavailableError(question.why_silent(config, f"{at[0]}:{at[1]}"))
    answer = question.answer_of(offer)
    return KeaAnswer(answer, [*question.judge(answer, device, config, lease_files(section), addresses)])


def _hears_at(config: Mapping[str, Any]) -> Place:
    heard = asking.hears_at(question.interfaces(config))
    if heard is None:
        raise ConfigError("nobody knows where this Kea hears: say it with --at")
    return heard, SERVER_PORT


def _running(section: KeaSection) -> dict[str, Any]:
    """The `Dhcp4` that Kea has in force."""
    found: dict[str, Any] = _told(section, "config-get", "arguments", "Dhcp4")
    return found


def _told(section: KeaSection, name: str, *path: str) -> Any:
    """What stands there in Kea's answer to a command; `RemoteError` if nothing does."""
    found: Any = command(section.control_socket, name)
    try:
        for key in path:
            found = found[key]
    except (LookupError, TypeError) as error:
        raise RemoteError(f"Kea's answer to {name} has no {'.'.join(path)}") from error
    return found


def _pulse(section: KeaSection) -> Sequence[Remark]:
    """Why this Kea answers no modem, if it does not."""
    try:
        command(section.control_socket, "lease4-get-page", ONE_LEASE)
    except RemoteError as error:
        remarks = [*pulse(error)]
        if remarks:
            return remarks
    return [DEAF] if hears_modems(peer_pid(section.control_socket)) is False else []


def _journal(journal: Path, version: str) -> Iterator[Remark]:
    """A journal that is not there comes with Kea's start, or another finding names the one that is."""
    for path in loaded(journal):
        try:
            with path.open("rb") as file:
                line = file.readline(LINE_BYTES_MAX)
        except FileNotFoundError:
            continue
        except OSError as error:
            yield unreadable(str(path), error.strerror or str(error))
        else:
            yield from journal_head(str(path), line, version)
