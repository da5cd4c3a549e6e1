#!/usr/bin/env bash
# ISC Kea 2.2.0 (Debian 12), memfile: each config-reload begins lfc-interval anew, so with reloads often enough no clean-up ever runs.
#
# Guessed: the lease file is cleaned up every lfc-interval seconds, whatever is done to the configuration meanwhile.
# Seen: with lfc-interval 2 and a reload of an unchanged file every second there is no clean-up in 7 s. Without them there is one after 2 s.
# What follows: a platform that reloads Kea for each change, more than once an hour, with the default of 3600 s, has a lease file that grows
# with each renewal. Each start and reload reads all of it. Let lfc-interval be a fraction of the time between changes.
#
# Needs apt of Debian 12 and Python 3, no root; works in a temporary folder and on loopback, 15 s; exit 1 if the behaviour is another.
set -euo pipefail
# shellcheck source=findings/kea/kea.sh
source "$(dirname "$0")/kea/kea.sh"
said=$(python3 - <<'PY'
import time

from kea import ROOT, Kea, subnet, within

cleaned, journal = ROOT / "leases4.csv.2", ROOT / "leases4.csv"
database = {"type": "memfile", "name": str(journal), "lfc-interval": 2}
with Kea(subnet4=[subnet(1)], lease_database=database) as kea:
    for _ in range(7):
        assert kea.ask("config-reload")["result"] == 0
        time.sleep(1)
    print("with reloads:", "a clean-up" if cleaned.exists() else "no clean-up")
    print("without:", "a clean-up" if within(5, cleaned.exists) else "no clean-up")
PY
)
echo "$said"
[ "$said" = "with reloads: no clean-up
without: a clean-up" ] || { echo "this is not what was seen"; exit 1; }
