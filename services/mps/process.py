"""The process beside a Multimedia Provisioning Service.

It is a sidecar with the patience of an MPS, which tells the telephone adapter its file name only after a CFM
acked, because a name whose values do not fit into the seal is worth nothing without its row. So the hand-off
goes on, ever slower, for most of the time in which the adapter waits for its answer.
"""

from bus.effects import Exit
from fileid.handoff import Budget
from services.config.instance import Config
from services.sidecar import process
from services.sidecar.parent import guarded

BUDGET = Budget(try_s=0.050, budget_s=2.0)
"""Two seconds: half of the first retry of a DHCP client (4 s, RFC 2131 section 4.1)."""


def run(config: Config) -> Exit:
    """Run the sidecar of an MPS, below a parent, until it is stopped."""
    return guarded.run(config, lambda: process.run(config, "mps", BUDGET))
