"""A node's death and what its parent does: a real `Parent`, whose disk and log are there."""

from typing import NamedTuple

from bus.effects import Keep, Publish
from bus.envelope import Envelope, Stamp
from bus.messages import Kept
from heartbeat.roles.claim import Claim
from services.sidecar.parent.parent import Ended, Estate, Parent, Reached
from services.sidecar.role.record import StoreFailover
from tests.model.steps import ROLE

KILLED = -9


class Buried(NamedTuple):
    """What is on the disk behind it, and the record that was sent."""

    kept: Claim | None
    release: Envelope


def bury(name: str, incarnation: int, claim: Claim) -> Buried:
    """The parent of this process, which died with this claim on its disk. It speaks as the incarnation after
    its child's, so that nothing keeps its record behind those of the child.
    """
    parent = Parent(lambda: 0.0)
    estate = Estate(ROLE, claim, StoreFailover(claim), Stamp(name, "lab", incarnation + 1))
    parent.receive(Ended(KILLED, estate))
    (keep,) = parent.receive(Reached(True))
    assert isinstance(keep, Keep)
    (release, _) = parent.receive(Kept(keep.record))
    assert isinstance(release, Publish)
    return Buried(keep.record.claim, release.envelope)
