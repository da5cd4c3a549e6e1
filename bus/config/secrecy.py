"""The memory of a process that holds keys: nobody else looks into it, and no crash leaves it on a disk.

systemd ends a process that hangs with SIGABRT, and a host that collects cores would keep the keys of the
fleet, the CMTS's secret and Kafka's password. A limit of 0 bytes (`ulimit -c`) does not bind a host that
pipes its cores to a program; PR_SET_DUMPABLE does. It also gives the files of `/proc/PID` to root, so nobody
of our own user reads memory, environment or descriptors, nor traces us. What a monitor needs (`stat`,
`status`, `statm`) everybody may read all the same. A child that is forked is as we are.
"""

import ctypes

_PR_SET_DUMPABLE = 4


def close_memory() -> None:
    """Close the memory of this process to others of our user, and to cores, from now on (`OSError`)."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_DUMPABLE)")
