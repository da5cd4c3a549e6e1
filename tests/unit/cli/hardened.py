"""Runs a program as a unit of systemd does: `python hardened.py GID PROGRAM ARGUMENT...`.

It has a user namespace with the users of `PrivateUsers=yes` (root, which here is its own user, and its own
group, and nobody else), and no netlink sockets: without AF_NETLINK in `RestrictAddressFamilies=` socket(2)
fails with EAFNOSUPPORT. Only on x86-64, and as root.
"""

import ctypes
import os
import struct
import sys
from pathlib import Path

CLONE_NEWUSER = 0x10000000  # linux/sched.h
_NO_NETLINK = (
    (0x20, 0, 0, 0),  # the number of the system call
    (0x15, 0, 3, 41),  # socket(2)?
    (0x20, 0, 0, 16),  # its first argument
    (0x15, 0, 1, 16),  # AF_NETLINK?
    (0x06, 0, 0, 0x50000 | 97),  # EAFNOSUPPORT
    (0x06, 0, 0, 0x7FFF0000),  # anything else goes on
)
"""A filter of seccomp(2), as classic BPF."""


def main(gid: int, program: list[str]) -> None:
    """Become that, and run the program."""
    libc = ctypes.CDLL(None, use_errno=True)
    unshared, unshare = os.pipe()
    mapped, map_ = os.pipe()
    own = os.getpid()
    if os.fork() == 0:  # root outside of the namespace writes its maps
        os.close(unshare)
        os.read(unshared, 1)
        Path(f"/proc/{own}/uid_map").write_text("0 0 1\n")
        Path(f"/proc/{own}/gid_map").write_text(f"0 0 1\n{gid} {gid} 1\n")
        os._exit(0)
    os.close(map_)
    if libc.unshare(CLONE_NEWUSER) != 0:
        sys.exit(f"no user namespace can be made: {os.strerror(ctypes.get_errno())}")
    os.close(unshare)
    os.read(mapped, 1)
    os.wait()
    os.setgroups([])
    os.setgid(gid)
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *one) for one in _NO_NETLINK))
    filter_ = ctypes.create_string_buffer(struct.pack("@HP", len(_NO_NETLINK), ctypes.addressof(code)))
    # no new privileges, and the filter: linux/prctl.h
    if libc.prctl(38, 1, 0, 0, 0) != 0 or libc.prctl(22, 2, filter_, 0, 0) != 0:
        sys.exit(f"no filter can be set: {os.strerror(ctypes.get_errno())}")
    os.execv(program[0], program)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
