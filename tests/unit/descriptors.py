"""A process without descriptors, for the length of a test."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def only(spare: int) -> Iterator[None]:
    """So many descriptors, and no more, can be opened inside."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    found = [os.dup(0) for _ in range(spare + 1)]
    for one in found:
        os.close(one)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(found), limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


@contextmanager
def all_allowed() -> Iterator[None]:
    """As many as the system allows, as `bus.transport.descriptors` has it for what matters."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limits[1], limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
