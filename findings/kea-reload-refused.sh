#!/usr/bin/env bash
# ISC Kea 2.2.0 (Debian 12): a config-reload that Kea refuses may close its sockets for DHCP, and no command tells.
#
# Guessed: a file that Kea refuses changes nothing, or status-get says what it broke, since it has a word for the state of the sockets.
# Seen: it depends on the mistake. An unknown keyword, like a syntax error, changes nothing. After a pool outside its subnet, an interface
# that does not exist, a wrong expression of a class or a missing hook library the UDP socket is gone and no device gets an offer.
# Meanwhile config-get shows the old configuration, status-get says that the sockets are ready, and lease4-get-page reads the leases.
# A reload of a right file heals it.
# What follows: give the file to config-test before each reload. It finds each of these mistakes and does no harm. Only a DHCP packet tells
# whether Kea hears. The manual warns that such a reload can leave the server unusable, but not that the server calls itself well then.
#
# Needs apt of Debian 12 and Python 3, no root; works in a temporary folder and on loopback, half a minute; exit 1 if the behaviour is another.
set -euo pipefail
# shellcheck source=findings/kea/kea.sh
source "$(dirname "$0")/kea/kea.sh"
said=$(python3 - <<'PY'
import json

from kea import HOOKS, ROOT, Kea, subnet

right = {"hooks_libraries": [{"library": str(HOOKS / "libdhcp_lease_cmds.so")}], "subnet4": [subnet(1)]}
WRONG = {
    "unknown keyword": {"subnets": []},
    "pool outside its subnet": {"subnet4": [subnet(1, pools=[{"pool": "10.2.0.10 - 10.2.0.99"}])]},
    "no such interface": {"interfaces_config": {"interfaces": ["none"]}},
    "class expression": {"client_classes": [{"name": "wrong", "test": "option[60].none"}]},
    "no such hook library": {"hooks_libraries": [{"library": str(ROOT / "none.so")}]},
}
def state() -> str:
    ready = kea.ask("status-get")["arguments"]["sockets"]["status"]
    pool = kea.ask("config-get")["arguments"]["Dhcp4"]["subnet4"][0]["pools"][0]["pool"]
    page = kea.ask("lease4-get-page", **{"from": "start", "limit": 1})["text"]
    heard = ("a" if kea.has_socket() else "no") + " UDP socket, " + ("an offer" if kea.discover(1) else "no offer")
    return f"sockets {ready}, {pool}, {page} {heard}"

with Kea(**right) as kea:
    print("right file:", state())
    for mistake, change in WRONG.items():
        kea.write(**right | change)
        tested = kea.ask("config-test", **json.loads(kea.file.read_text()))["result"]
        print(f"{mistake}: config-test {tested}, after it", "an offer" if kea.discover(1) else "no offer")
        print(f"  config-reload {kea.ask('config-reload')['result']}: {state()}")
        kea.write(**right)
        assert kea.ask("config-reload")["result"] == 0 and kea.discover(1), "a reload of the right file does not heal it"
PY
)
echo "$said"
calm="sockets ready, 10.1.0.10-10.1.0.99, 0 IPv4 lease(s) found."
deaf="config-test 1, after it an offer
  config-reload 1: $calm no UDP socket, no offer"
[ "$said" = "right file: $calm a UDP socket, an offer
unknown keyword: config-test 1, after it an offer
  config-reload 1: $calm a UDP socket, an offer
pool outside its subnet: $deaf
no such interface: $deaf
class expression: $deaf
no such hook library: $deaf" ] || { echo "this is not what was seen"; exit 1; }
