"""Where everything of a lab is, on loopback: addresses of 127.0.0.0/8, which need no set-up.

The hosts are on 127.0.0.2, 127.0.0.3 and 127.0.0.6, the CMTS that relays on 127.0.0.4, CFM n on
127.0.0.(10+n), the devices from 127.64.0.0/10 upwards.
"""

HOST_ADDRESS = {"dhcp-1": "127.0.0.2", "mps-1": "127.0.0.3", "dhcp-2": "127.0.0.6"}
"""Of the host beside each sidecar."""
KEA_ADDRESS = "127.0.0.1"  # the one that Kea finds on the interface lo
HTTP_ADDRESS = "127.0.0.1"  # of the health pages of all instances
RELAY_ADDRESS = "127.0.0.4"
POOLS = {"dhcp": "127.64.0.0/11", "mps": "127.96.0.0/11"}
BAIT_NETWORK = "127.95.255"  # of the pool of DHCP, and never reached
STRANGERS_NETWORK = "127.200.0"
