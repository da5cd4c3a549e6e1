"""How patient a DHCP sidecar is.

A DHCP server must answer in any case: a modem that hears nothing starts over after seconds. Three tries of 50
ms are a hundred round trips of a healthy CFM each; what is not acked by then is served from the seal or by a
pull.
"""

from fileid.handoff import Budget

BUDGET = Budget(try_s=0.050, budget_s=0.150)
"""Design, section 6.3."""
