#!/usr/bin/env bash
# ISC Kea 2.2.0 (Debian 12): "next-server": "0.0.0.0" hides the outer value in a subnet or a shared network, not in a class or a reservation.
#
# Guessed: it says "no next server" wherever it stands. The manual says so of a subnet, and of several classes that the first counts which
# specifies the field.
# Seen: siaddr is 0.0.0.0 for a subnet, or for a shared network around one, that says 0.0.0.0 below a global value. A class and a reservation
# that say 0.0.0.0 count as silent: the subnet's value goes out, and of two classes that of the second.
# What follows: a class or a reservation cannot take the next server away from a device. An empty boot-file-name takes nothing away anywhere.
#
# Needs apt of Debian 12 and Python 3, no root; works in a temporary folder and on loopback, ten seconds; exit 1 if the behaviour is another.
set -euo pipefail
# shellcheck source=findings/kea/kea.sh
source "$(dirname "$0")/kea/kea.sh"
said=$(python3 - <<'PY'
from kea import Kea, subnet

NOTHING = {"next-server": "0.0.0.0", "boot-file-name": ""}
def named(level: str, last: int) -> dict[str, str]:
    return {"next-server": f"192.0.2.{last}", "boot-file-name": level}

reserved = [{"hw-address": "02:00:00:00:00:09", "ip-address": "10.1.0.5", **NOTHING}]
configuration = named("global", 1) | {
    "client-classes": [
        {"name": "silent", "test": "option[60].exists", **NOTHING},
        {"name": "second", "test": "option[60].text == 'both'", **named("class", 7)},
    ],
    "subnet4": [subnet(1, "127.0.0.1", reservations=reserved, **named("subnet", 2)), subnet(2, "127.0.0.2", **NOTHING)],
    "shared-networks": [{"name": "network", "subnet4": [subnet(3, "127.0.0.3")], **NOTHING}],
}
with Kea(**configuration) as kea:
    for what, device, relay, *options in (
        ("subnet 0.0.0.0 below a global value", 1, "127.0.0.2"),
        ("network 0.0.0.0 below a global value", 2, "127.0.0.3"),
        ("class 0.0.0.0 above a subnet's", 3, "127.0.0.1", (60, b"one")),
        ("class 0.0.0.0 before another class", 4, "127.0.0.1", (60, b"both")),
        ("reservation 0.0.0.0 above a subnet's", 9, "127.0.0.1"),
    ):
        offer = kea.discover(device, relay, *options)
        print(f"{what}: siaddr {offer.next_server}, file {offer.file}" if offer else f"{what}: no offer")
PY
)
echo "$said"
[ "$said" = "subnet 0.0.0.0 below a global value: siaddr 0.0.0.0, file global
network 0.0.0.0 below a global value: siaddr 0.0.0.0, file global
class 0.0.0.0 above a subnet's: siaddr 192.0.2.2, file subnet
class 0.0.0.0 before another class: siaddr 192.0.2.7, file class
reservation 0.0.0.0 above a subnet's: siaddr 192.0.2.2, file subnet" ] || { echo "this is not what was seen"; exit 1; }
