"""The examination of a Kea's configuration: mistakes that keep leases from us, or files from our modems.

The configuration is the answer to `config-get`.
"""

from collections.abc import Iterator, Mapping, Sequence

from fileid.lease import LeaseFile
from services.dhcp.kea.doctor.client_classes import Classes
from services.dhcp.kea.doctor.levels import Level, scopes
from services.dhcp.kea.doctor.naming import Naming
from services.dhcp.kea.doctor.remarks import Remark
from services.dhcp.kea.doctor.reserving import Reserving
from services.dhcp.kea.doctor.upkeep import upkeep
from services.dhcp.kea.doctor.wanted import Wanted


def examine(
    config: Level, version: str, journal: str, files: Sequence[LeaseFile], addresses: Mapping[str, str]
) -> list[Remark]:
    """The mistakes in Kea's `Dhcp4` for a sidecar that follows `journal` and makes rows for these files.

    `addresses` are those at which CFMs serve files, as far as they are known.
    """
    return [*upkeep(config, version, journal), *_handing_out(config, Wanted(files, addresses))]


def _handing_out(config: Level, wanted: Wanted) -> Iterator[Remark]:
    if wanted.unknown:
        yield Remark(
            "minter.kea.files",
            f"nobody says where {', '.join(wanted.unknown)} serves files, so next-server is not judged: "
            "start the instance, or add --server CFM=ADDRESS",
            is_note=True,
        )
    there = scopes(config)
    if not there:
        yield Remark("Dhcp4", 'there is no subnet, so nobody gets a lease: write one into "subnet4"')
        return
    classes = Classes(config)
    reserving = Reserving(config, classes, there, wanted)
    reserved = reserving.remarks()
    yield from Naming(classes, there, wanted).remarks(reserving.named)
    yield from reserved
