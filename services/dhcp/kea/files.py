"""The files of `minter.kea.files` as plain values."""

from ipaddress import IPv4Network

from fileid.lease import LeaseFile
from services.config.sections import KeaSection


def lease_files(section: KeaSection) -> list[LeaseFile]:
    """The files that Kea gives out, in the order of the configuration."""
    return [
        LeaseFile(
            one.kind,
            one.name,
            tuple(one.cfms),
            frozenset(one.subnet_ids),
            tuple(map(IPv4Network, one.networks)),
            takes_no_remote_id=one.remote_id == "none",
        )
        for one in section.files
    ]
