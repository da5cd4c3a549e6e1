#!/usr/bin/env bash
# ISC Kea 2.2.0 (Debian 12), memfile: config-reload during a clean-up of the lease file leaves a Kea that gives no leases.
#
# Guessed: a reload that fails leaves the server as it was. One with a syntax error in the file does, and here the file is the very one that
# Kea runs with.
# Seen: Kea closes its leases first. Then it refuses to open them, since kea-lfc is at work. The process lives on without leases: config-get,
# status-get and version-get answer with result 0, lease4-get-page says that there is no lease manager, and no device gets an offer.
# That lasts beyond the clean-up. The next reload that succeeds heals it.
# What follows: see before a reload that there is no leases4.csv.pid, read the answer, and reload again if it failed. A check of health
# must ask about leases (lease4-get-page, limit 1), better still for one: kea-reload-refused.sh shows a Kea that only this finds.
# The manual warns of a reload with an incorrect file. This file is correct.
#
# Needs apt of Debian 12 and Python 3, no root; works in a temporary folder and on loopback, ten seconds; exit 1 if the behaviour is another.
set -euo pipefail
# shellcheck source=findings/kea/kea.sh
source "$(dirname "$0")/kea/kea.sh"
said=$(python3 - <<'PY'
import time

from kea import HOOKS, ROOT, Kea, subnet, within

LEASES = 100_000
journal, pid = ROOT / "leases4.csv", ROOT / "leases4.csv.pid"
COLUMNS = "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context"
expire = int(time.time()) + 86400
with journal.open("w") as file:
    print(COLUMNS, file=file)
    for number in range(LEASES):
        low = f"{number >> 16}", f"{number >> 8 & 255}", f"{number & 255}"
        hardware = "06:00:00:" + ":".join(f"{int(part):02x}" for part in low)
        print(f"10.{'.'.join(low)},{hardware},,86400,{expire},1,0,0,,0,", file=file)

configuration = {
    "hooks_libraries": [{"library": str(HOOKS / "libdhcp_lease_cmds.so")}],
    "lease_database": {"type": "memfile", "name": str(journal), "lfc-interval": 2},
    "subnet4": [subnet(1, subnet="10.0.0.0/8", pools=[{"pool": "10.200.0.0/16"}])],
}
def is_served(device: int) -> str:
    return "an offer" if kea.discover(device) else "no offer"

with Kea(**configuration) as kea:
    kea.file.write_text("{")
    print("a file with a syntax error:", "refused," if "syntax error" in kea.reload() else "taken,", is_served(1))
    kea.write(**configuration)
    assert within(30, pid.exists), "no clean-up began"
    print("during a clean-up:", is_served(2))
    print("reload during it:", kea.reload())
    for command in ("config-get", "status-get", "version-get"):
        print(command, kea.ask(command)["result"])
    page = kea.ask("lease4-get-page", **{"from": "start", "limit": 1})
    print("lease4-get-page", page["result"], page["text"])
    assert within(30, lambda: not pid.exists()), "the clean-up does not end"
    print("after it:", is_served(3))
    print("reload after it:", kea.reload() + ",", is_served(4))
PY
)
echo "$said"
[ "$said" = "a file with a syntax error: refused, an offer
during a clean-up: an offer
reload during it: Unable to open database: unable to load leases from files while the lease file cleanup is in progress
config-get 0
status-get 0
version-get 0
lease4-get-page 1 no current lease manager is available
after it: no offer
reload after it: Configuration successful., an offer" ] || { echo "this is not what was seen"; exit 1; }
