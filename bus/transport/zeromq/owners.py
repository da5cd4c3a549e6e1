"""The owner of each public key that is in force, as the two ends of one question need it.

libzmq asks once for each connection whose key it is, and attaches the answer, the user id, to every frame of
that connection for as long as it stands. A user id therefore holds the instance *and the key*: when a key is
dropped, the router can tell the connections that were made with it from the others of the same instance,
which stand.
"""

from collections.abc import Mapping

import zmq.utils.z85 as z85


class Owners:
    """The keys in force, each of one instance.

    >>> key = b"rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
    >>> owners = Owners({key: "dhcp-1"})
    >>> user_id = owners.user_id(z85.decode(key))
    >>> owners.source(user_id.decode())
    'dhcp-1'
    >>> owners.use({})
    >>> owners.source(user_id.decode()) is None
    True
    """

    def __init__(self, instances: Mapping[bytes, str]) -> None:
        """`instances` maps public keys (Z85) to instance names."""
        self.use(instances)

    def use(self, instances: Mapping[bytes, str]) -> None:
        """These keys are in force from now on, and no others."""
        told = {key: f"{name} {key.decode()}" for key, name in instances.items()}
        self._user_ids = {z85.decode(key): user_id.encode() for key, user_id in told.items()}
        self._sources = {user_id: instances[key] for key, user_id in told.items()}

    def user_id(self, key: bytes) -> bytes | None:
        """The user id for a connection with this public key of 32 bytes; None if it is not in force."""
        return self._user_ids.get(key)

    def source(self, user_id: str) -> str | None:
        """The instance that speaks on connections of this user id; None if their key is not in force."""
        return self._sources.get(user_id)


def name_in(user_id: str) -> str:
    """The instance that a user id names, whether its key is in force or not."""
    return user_id.partition(" ")[0]
