"""The instances that count in a running process: those of its start that the fleet file still has.

An instance that is taken out of the fleet file counts no more as soon as the file is read again: nothing of
it is believed, and nothing is sent to it. One that is new there counts after a restart only. A machine is
made for the instances of its start, and the sizes of its majorities are theirs: with an electorate that
shrank at one reader and not yet at another, two majorities could do without each other.
"""

from typing import NamedTuple

from bus.fleet.fleet import Fleet


class Members(NamedTuple):
    """The service of each instance that counts, and the two kinds of instances that do not."""

    services: dict[str, str]
    gone: tuple[str, ...]
    """Known at the start, and not in the fleet file any more, or there with another service or site."""
    new: tuple[str, ...]
    """In the fleet file, and not known at the start."""


def members(started: Fleet, present: Fleet) -> Members:
    """The members by the fleet of our start and the present one."""

    def stays(name: str) -> bool:
        then, now = started.instances[name], present.instances.get(name)
        return now is not None and (now.service, now.site) == (then.service, then.site)

    services = {name: service for name, service in started.services().items() if stays(name)}
    gone = tuple(name for name in started.instances if name not in services)
    return Members(services, gone, tuple(name for name in present.instances if name not in started.instances))
