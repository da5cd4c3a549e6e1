"""The process at the other end of a Unix socket, by the kernel's word, and whether a socket is for it.

The kernel notes a client's user and groups when it connects. SO_PEERCRED has the primary group alone, and who
was put into a group by `usermod --append` has it as a supplementary one: SO_PEERGROUPS has those.
"""

import grp
import os
import pwd
import socket
import struct
from functools import lru_cache
from typing import NamedTuple

from bus.errors import ConfigError
from bus.messages import LocalDoor, User

USER_NAME_MAX = 64
"""Characters of a user's name: those of a host have 32, those of a directory service may have more."""
GROUPS_MAX = 256
"""Of a process with more supplementary groups only the primary one counts: Python asks the kernel for at most
1,024 bytes.
"""
ROOT = 0
_SO_PEERGROUPS = 59  # asm-generic/socket.h; Python has no name for it
_CREDENTIALS = struct.Struct("3i")
_GROUP = struct.Struct("I")


class LocalPeer(NamedTuple):
    """A client as it was when it connected; `pid` is 0 if it is of another PID namespace."""

    pid: int
    uid: int
    groups: frozenset[int]


def peer_of(connection: socket.socket) -> LocalPeer:
    """The client of this connection (`OSError`)."""
    found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid, uid, primary = _CREDENTIALS.unpack(found)
    return LocalPeer(pid, uid, frozenset((primary, *_supplementary(connection))))


def may_enter(peer: LocalPeer, door: LocalDoor, own_uid: int, group: int) -> bool:
    """Whether this door is for that peer: root and our own user enter each, the members of `group` enter the
    host service's.
    """
    return peer.uid in (ROOT, own_uid) or (door is LocalDoor.HOST and group in peer.groups)


def group_named(name: str | None) -> int:
    """The number of this group of the host; our own without a name. `ConfigError` if there is none, or if we
    are not in it and so cannot give it a socket.
    """
    if name is None:
        return os.getegid()
    try:
        found = grp.getgrnam(name).gr_gid
    except KeyError as error:
        mistake = f"there is no group {name!r} on this host: groupadd --system {name}"
        raise ConfigError(f"local.group: {mistake}") from error
    if os.geteuid() != ROOT and found not in (os.getegid(), *os.getgroups()):
        own = user_of(os.geteuid()).name
        raise ConfigError(
            f"local.group: {own} is not in the group {name}: usermod --append --groups {name} {own}, or"
            f" SupplementaryGroups={name} in the unit"
        )
    return found


def user_of(uid: int) -> User:
    """The user of this number. A name that would not fit into a record on one line counts as none."""
    try:
        name = _name_of(uid)
    except KeyError:
        name = ""
    is_usable = name.isprintable() and 0 < len(name) <= USER_NAME_MAX
    return User(uid, name if is_usable else f"uid {uid}")


def _supplementary(connection: socket.socket) -> tuple[int, ...]:
    try:
        found = connection.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, GROUPS_MAX * _GROUP.size)
    except OSError:  # more of them than there is room for, or a kernel that does not tell
        return ()
    return tuple(group for (group,) in _GROUP.iter_unpack(found))


@lru_cache(maxsize=64)
def _name_of(uid: int) -> str:
    """Known names are not asked for again: a directory service may be slow, and the loop waits for it."""
    return pwd.getpwuid(uid).pw_name
