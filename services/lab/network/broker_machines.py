"""The brokers of a run on machines of their own: each at its address, over TLS.

provbus writes nothing in clear to a broker beyond loopback, and a lab that let it would test another product.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from services.brokers.certificates import CertificateAuthority
from services.brokers.properties import NODES, BrokerNode
from services.brokers.state import DATA
from services.lab.network.homes import broker_address, broker_machine
from services.lab.network.small_disk import small_disk

TLS = "tls.properties"
PORT, CONTROLLER_PORT = 9093, 9094
DISK_KIB = 512 << 10


class BrokerMachines:
    """The places of brokers on machines. The certificate of the run's authority is a file in `directory`.
    With `disks` each has a small disk of its own until those end; their writes then take no time.
    """

    def __init__(
        self, enter: Callable[[str], Sequence[str]], directory: Path, disks: ExitStack | None = None
    ) -> None:
        self._enter = enter
        self._disks = disks
        self._authority = CertificateAuthority()
        self._trusted = directory / "kafka-authority.pem"
        self._trusted.write_bytes(self._authority.certificate)

    @property
    def client(self) -> Mapping[str, str]:
        """TLS, with the authority of the run."""
        return {"security.protocol": "SSL", "ssl.ca.location": str(self._trusted)}

    def draw(self) -> list[BrokerNode]:
        """The same places always, for nobody else is on those machines; the disks of before are gone."""
        if self._disks is not None:
            self._disks.close()
        numbers = range(1, NODES + 1)
        return [BrokerNode(number, broker_address(number), PORT, CONTROLLER_PORT) for number in numbers]

    def furnish(self, node: BrokerNode, directory: Path) -> None:
        """Give a node its key, its certificate, the one of the authority, and its disk."""
        if self._disks is not None:
            self._disks.enter_context(small_disk(directory / DATA, DISK_KIB))
        secret = directory / "node.pem"
        secret.touch(mode=0o600)
        secret.write_bytes(self._authority.issue(node.address))
        (directory / "authority.pem").write_bytes(self._authority.certificate)

    def enter(self, node: int) -> Sequence[str]:
        """The words that start a node on its machine."""
        return self._enter(broker_machine(node))
