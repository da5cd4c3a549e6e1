"""The files of `minter.kea.files` as plain values."""

from ipaddress import IPv4Network

from bus.service_sections import KeaSection
from fileid.lease import LeaseFile


def lease_files(section: KeaSection) -> list[LeaseFile]:
    """What the configuration says of each file name that Kea gives out, in its order."""
    return [
        LeaseFile(
            one.kind,
            one.name,
            tuple(one.cfms),
            frozenset(one.subnet_ids),
            tuple(map(IPv4Network, one.networks)),
        )
        for one in section.files
    ]
