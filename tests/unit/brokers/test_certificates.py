"""Certificates of a run: each is of its authority and for one address."""

import ssl
from pathlib import Path

from cryptography import x509

from services.brokers.certificates import CertificateAuthority
from services.brokers.properties import NODES
from services.lab.network.broker_machines import BrokerMachines


def test_a_certificate_is_of_its_authority_and_for_its_address() -> None:
    authority, other = CertificateAuthority(), CertificateAuthority()
    issued = x509.load_pem_x509_certificate(authority.issue("10.0.0.201"))
    root = x509.load_pem_x509_certificate(authority.certificate)
    issued.verify_directly_issued_by(root)
    assert x509.load_pem_x509_certificate(other.certificate).public_key() != root.public_key()
    names = issued.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(one) for one in names.get_values_for_type(x509.IPAddress)] == ["10.0.0.201"]


def test_every_broker_has_a_key_that_only_its_owner_reads(tmp_path: Path) -> None:
    places = BrokerMachines(lambda machine: ["/bin/enter", machine], tmp_path)
    nodes = places.draw()
    assert len({node.address for node in nodes}) == len(nodes) == NODES
    assert places.enter(2) == ["/bin/enter", "kafka-2"]
    node = tmp_path / "2"
    node.mkdir()
    places.furnish(nodes[1], node)
    assert (node / "node.pem").stat().st_mode & 0o777 == 0o600
    context = ssl.create_default_context(cafile=places.client["ssl.ca.location"])
    context.load_cert_chain(node / "node.pem")
