"""The process beside a DHCP server: of one that asks for its file names, or of a Kea that is followed.

It is a sidecar with the patience of a DHCP server, which must answer in any case: a modem that hears nothing
starts over after seconds. Three tries of 50 ms are a hundred round trips of a healthy CFM each; what is not
acked by then is served from the seal or by a pull. A Kea is not asked: its lease journal is read.
"""

from functools import partial

from bus.effects import Exit
from fileid.handoff import Budget
from services.config.instance import Config
from services.dhcp.kea.files import lease_files
from services.dhcp.kea.follower import Follower
from services.sidecar import process
from services.sidecar.parent import guarded

BUDGET = Budget(try_s=0.050, budget_s=0.150)
"""Three tries, as above."""


def run(config: Config) -> Exit:
    """Run the sidecar of a DHCP server, below a parent, until it is stopped."""
    return guarded.run(config, lambda: _work(config))


def _work(config: Config) -> Exit:
    kea = None if config.minter is None else config.minter.kea
    if kea is None:
        return process.run(config, "dhcp", BUDGET)
    follow = partial(Follower, section=kea, state_directory=config.state_directory)
    return process.run(config, "dhcp", BUDGET, follow, lease_files(kea))
