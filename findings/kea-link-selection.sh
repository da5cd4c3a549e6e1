#!/usr/bin/env bash
# ISC Kea 2.2.0 (Debian 12): the relays that a subnet names count for giaddr, and not for the link selection of option 82 (RFC 3527).
#
# Guessed: the address in sub-option 5 takes the place of giaddr, so what selects a subnet as giaddr selects it there as well.
# Seen: Kea looks for that address in the prefixes of subnets alone. The giaddr of a relay that a subnet names outside its prefix
# (`relay: ip-addresses`) selects this subnet. The same address in sub-option 5 does not: no offer. An address of the prefix does. Where
# sub-option 5 fits no subnet, giaddr does not count any more, either: no offer behind a relay that has one without the sub-option.
# What follows: whoever reads from a configuration which subnet a relay gets must know whether the relay sends sub-option 5.
#
# Needs apt of Debian 12 and Python 3, no root; works in a temporary folder and on loopback, ten seconds; exit 1 if the behaviour is another.
set -euo pipefail
# shellcheck source=findings/kea/kea.sh
source "$(dirname "$0")/kea/kea.sh"
said=$(python3 - <<'PY'
from kea import Kea, link_selection, subnet

with Kea(subnet4=[subnet(1, "127.0.0.1"), subnet(9, "127.0.0.9")]) as kea:
    asked = [("127.0.0.9", None), ("127.0.0.1", None), ("127.0.0.1", "127.0.0.9"), ("127.0.0.1", "10.9.0.1"), ("127.0.0.1", "192.0.2.1")]
    for device, (giaddr, link) in enumerate(asked):
        offer = kea.discover(device, giaddr, *([link_selection(link)] if link else []))
        print(f"giaddr {giaddr}, link selection {link}: {offer.address.rpartition('.')[0] if offer else 'no offer'}")
PY
)
echo "$said"
[ "$said" = "giaddr 127.0.0.9, link selection None: 10.9.0
giaddr 127.0.0.1, link selection None: 10.1.0
giaddr 127.0.0.1, link selection 127.0.0.9: no offer
giaddr 127.0.0.1, link selection 10.9.0.1: 10.9.0
giaddr 127.0.0.1, link selection 192.0.2.1: no offer" ] || { echo "this is not what was seen"; exit 1; }
