"""Certificates of a run: an authority of its own, and a key with a certificate for each address.

Kafka reads both as PEM (KIP-651): a node's file has its secret key in PKCS #8, in clear, and its certificate.
"""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

LIFE = timedelta(days=2)


class CertificateAuthority:
    """An authority that is made anew, and lives as long as its object."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("provbus lab")
        own = x509.BasicConstraints(ca=True, path_length=0)
        unsigned = _certificate(self._name, self._key.public_key(), self._name)
        self._certificate = unsigned.add_extension(own, critical=True).sign(self._key, hashes.SHA256())

    @property
    def certificate(self) -> bytes:
        """Its certificate, in PEM."""
        return self._certificate.public_bytes(Encoding.PEM)

    def issue(self, address: str) -> bytes:
        """A new secret key and a certificate for this IP address, in PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        unsigned = _certificate(_name(address), key.public_key(), self._name)
        place = x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))])
        certificate = unsigned.add_extension(place, critical=False).sign(self._key, hashes.SHA256())
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return secret + certificate.public_bytes(Encoding.PEM)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _certificate(
    subject: x509.Name, key: ec.EllipticCurvePublicKey, issuer: x509.Name
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + LIFE)
    )
