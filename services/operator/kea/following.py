"""The Kea that an instance follows, and the reservations that the rules of a catalogue make of it."""

from collections.abc import Mapping
from pathlib import Path

from bus.errors import ConfigError, UnavailableError
from bus.wire.endpoint import wrong_address
from fileid.lease import LeaseFile
from services.config.instance import Config
from services.config.sections import KeaSection
from services.dhcp.kea.files import lease_files
from services.dhcp.kea.reservations import Reservation, reserve
from services.operator.ask import ask, in_force
from services.operator.suggestions import suggested
from services.settings.judging import catalogue_problems
from services.settings.store import read_catalogue


def kea_section(config: Config) -> KeaSection:
    """`minter.kea`; `ConfigError` if this instance follows no Kea."""
    if config.minter is None or config.minter.kea is None:
        raise ConfigError(f"{config.instance} follows no Kea: its configuration has no 'minter.kea'")
    return config.minter.kea


def known_servers(
    config: Config, files: list[LeaseFile], given: Mapping[str, str], *, must_answer: bool = True
) -> dict[str, str]:
    """Where each CFM serves files: as given, and for others as the running instance knows from their beats.

    `UnavailableError` if it must answer and does not.
    """
    if all(cfm in given for file in files for cfm in file.cfms):
        return dict(given)
    try:
        peers = ask(config, {"op": "status"})["peers"]
    except UnavailableError:
        if must_answer:
            raise
        peers = {}
    told = {name: peer.get("endpoints", {}).get("tftp") for name, peer in peers.items()}
    return {
        **{name: address for name, address in told.items() if address and not wrong_address(address)},
        **given,
    }


def collect(config: Config, catalogue: Path | None, servers: Mapping[str, str]) -> list[Reservation]:
    """A reservation for each `mac` rule of that file, or of the catalogue in force."""
    section = kea_section(config)
    if catalogue is None:
        found = in_force(config)
        classes, rules = found["classes"], found["lookup"]
    else:
        record = read_catalogue(catalogue, catalogue_problems, word=suggested).sound()
        classes, rules = record.classes, record.lookup
    kinds = {name: definition["kind"] for name, definition in classes.items()}
    files = lease_files(section)
    return [*reserve(rules, kinds, files, known_servers(config, files, servers))]
