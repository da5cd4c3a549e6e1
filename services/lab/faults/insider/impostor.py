"""The impostor: datagrams of a group in the names of others, by somebody who has its key.

The header of a datagram names its instance, and the key of the group is all that proves it. So he writes
datagrams for each name, from his own address, in two ways that take turns:

    as a later incarnation    and answers nonces there, signed by his own key
    in its place              as the next number of the incarnation that is heard, before the true one
"""

from __future__ import annotations

import socket
from itertools import cycle
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from bus.config.model import MulticastSection
from bus.envelope import Envelope, Stamp, number_of
from bus.routes import SIGNED, route
from bus.runtime.carriers import group_keys
from bus.wire.codec import to_frame
from bus.wire.datagram import (
    CHALLENGE,
    CHALLENGED,
    DATAGRAM_BYTES_MAX,
    ENCRYPTED,
    EVERYBODY,
    HEADER,
    TO_GROUP,
    VERSION,
    Writer,
    open_sealed,
)
from bus.wire.signature import Signer
from services.lab.faults.insider.forgery import INCARNATION_MAX


class Impostor:
    """Writes to the group in anybody's name from `mouth`, where nonces come to; hears the group at `ear`."""

    def __init__(self, section: MulticastSection, site: str, signer: Signer) -> None:
        self._key = group_keys(section)[0]
        self._siv = AESSIV(self._key.key)
        self._site = site
        self._signer = signer
        self._place = (section.group, section.port)
        self._address = section.address
        self._writers: dict[tuple[int, int], Writer] = {}
        self._heard: dict[int, tuple[int, int]] = {}
        self._in_place = cycle((False, True))
        here = socket.inet_aton(section.address)
        self.mouth = _socket()
        self.mouth.bind((section.address, 0))
        self.mouth.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, here)
        self.ear = _socket()
        self.ear.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.ear.bind(self._place)
        member = socket.inet_aton(section.group) + here
        self.ear.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)

    def publish(self, envelope: Envelope, key: str) -> None:
        """Send this to everybody, as its source."""
        heard = self._heard.get(number_of(envelope.source))
        may_be_in_place = heard is not None and envelope.incarnation != INCARNATION_MAX
        if heard is not None and may_be_in_place and next(self._in_place):
            datagram = self._next_of(envelope, *heard)
        else:
            datagram = self._writer(envelope).write(envelope, EVERYBODY, to_group=True)
        self.mouth.sendto(datagram, self._place)

    def hear(self) -> list[Any]:
        """Note the number of a datagram that another one sent to the group."""
        datagram, (address, _) = self.ear.recvfrom(DATAGRAM_BYTES_MAX)
        if len(datagram) >= HEADER.size and address != self._address:
            _, flags, _, _, source, _, incarnation, number = HEADER.unpack_from(datagram)
            if flags & TO_GROUP:
                self._heard[source] = incarnation, number
        return []

    def answer(self) -> list[Any]:
        """Answer a nonce, as the instance that is asked."""
        datagram, address = self.mouth.recvfrom(DATAGRAM_BYTES_MAX)
        _, flags, _, _, asker, asked, _, _ = HEADER.unpack_from(datagram)
        if flags & CHALLENGE:
            nonce, incarnation = CHALLENGED.unpack(open_sealed(self._siv, datagram, flags))
            writer = self._writers.get((asked, incarnation))
            if writer is not None:
                self.mouth.sendto(writer.answer(asker, nonce, self._address), address)
        return []

    def close(self) -> None:
        """Close the sockets."""
        self.mouth.close()
        self.ear.close()

    def _writer(self, envelope: Envelope) -> Writer:
        speaker = number_of(envelope.source), envelope.incarnation
        if speaker not in self._writers:
            stamp = Stamp(envelope.source, self._site, envelope.incarnation)
            stamp.signs(self._signer, SIGNED)
            self._writers[speaker] = Writer(stamp, self._key)
        return self._writers[speaker]

    def _next_of(self, envelope: Envelope, incarnation: int, number: int) -> bytes:
        """The datagram that its source would send next."""
        frame = to_frame(envelope._replace(incarnation=incarnation))
        encrypted = not route(envelope.traffic).is_readable
        flags, source = TO_GROUP | ENCRYPTED * encrypted, number_of(envelope.source)
        key_id, check = self._key.key_id, self._key.check
        header = HEADER.pack(VERSION, flags, key_id, check, source, EVERYBODY, incarnation, number + 1)
        if encrypted:
            return header + self._siv.encrypt(frame, [header])
        return header + frame + self._siv.encrypt(b"", [header, frame])


def _socket() -> socket.socket:
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
