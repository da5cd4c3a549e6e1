"""One request and one answer of each operation, as the page shows them and a real machine gives them.

`test_local_api.py` in `tests/unit/sidecar` and in `tests/unit/cfm` sends each request to a machine and
compares the shape of its answer with the one here. Texts and numbers are those of a plant, not of the test.
"""

from typing import Any, NamedTuple

from services.settings.catalogue import digest

MODEM = {
    "kind": "cm",
    "placeholders": {"customer": {"kind": "uint32"}},
    "body": [
        {"network_access": 1},
        {"upstream_service_flow": [{"reference": 1}, {"qos_parameter_set_type": 7}]},
        {"downstream_service_flow": [{"reference": 2}, {"qos_parameter_set_type": 7}]},
        {"snmp_set": {"oid": "1.3.6.1.2.1.1.6.0", "string": "customer ${customer}"}},
    ],
}
RULES = [{"mac": "001a.2c00.0001", "class": "residential", "values": {"customer": 17}}]
DEVICE, FILEID, FILE = "001a.2c00.0001", "350e16c640af088b", "AQDl...fUw.residential"
CLAIM_ID, PLAN_ID = "5c1f0d7be2a94413", "b81e64f0c2d97a35"


class Example(NamedTuple):
    """What an instance of a service, `sidecar` or `cfm`, is asked beside `op`, and what it answers."""

    service: str
    request: dict[str, Any]
    answer: dict[str, Any]


_AUTHORITY = {
    "role": "dhcp/lab",
    "state": "active",
    "may_act": True,
    "era": 0,
    "epoch": 17,
    "claim_id": CLAIM_ID,
    "lease_until_s": 48213.9,
}
_STANDING = {
    "role": "dhcp/lab",
    "state": "active",
    "since_s": 41.2,
    "reason": "",
    "holder": "dhcp-1",
    "authority": "log:8d969eef6ecad3c2",
    "era": 0,
    "epoch": 17,
    "claim_id": CLAIM_ID,
    "lease_s": 2.7,
    "position": 93,
    "able": True,
    "revoked": [],
    "locked": False,
    "drained": False,
    "host": True,
    "unkept": "",
}
_PEER = {
    "state": "alive",
    "twice": False,
    "service": "cfm",
    "incarnation": 1763700000000,
    "draining": False,
    "load": {"in_flight": 3, "p99_ms": 4.2, "capacity": 1000},
    "generation": 3,
    "sealed": "00",
    "endpoints": {"fileid": "tcp://192.0.2.11:7001", "tftp": "192.0.2.11"},
    "phi": 0.1,
    "clock_skew_s": 0.004,
    "verdict": "ready",
    "reason": "",
    "version": "0.1.0",
    "transport": "bus",
    "keys": {"fleet": "20a1767f", "seal": "0001", "seals": "", "group": "", "settings": "00"},
    "standing": None,
    "beat_age_s": 0.213,
    "longest_gap_s": 0.531,
}

EXAMPLES: dict[str, Example] = {
    "fileid.create": Example(
        "sidecar",
        {
            "id": 7,
            "device": DEVICE,
            "address": "127.64.0.5",
            "relay": "127.0.0.4",
            "settings": {"class": "residential", "customer": 17},
        },
        {
            "id": 7,
            "file": FILE,
            "fileid": FILEID,
            "next_server": "192.0.2.11",
            "acked": True,
            "sealed": "full",
        },
    ),
    "authority": Example("sidecar", {"id": 2}, {"id": 2, **_AUTHORITY}),
    "host.attach": Example("sidecar", {"id": 1}, {"id": 1, "attached": True, **_AUTHORITY}),
    "host.yielded": Example("sidecar", {"id": 3}, {"id": 3, "yielded": True}),
    "host.reloads": Example("sidecar", {"id": 1, "seconds": 30}, {"id": 1, "seconds": 30}),
    "failover.status": Example("sidecar", {"id": 1}, {"id": 1, **_STANDING}),
    "failover.drain": Example("sidecar", {"id": 1, "on": True}, {"id": 1, "drained": True, "vacant": False}),
    "failover.lock": Example("sidecar", {"id": 1, "on": False}, {"id": 1, "locked": False, "vacant": False}),
    "failover.promote": Example("sidecar", {"id": 1}, {"id": 1, "promoting": True, "state": "standby"}),
    "failover.era": Example("sidecar", {"id": 1}, {"id": 1, "era": 5}),
    "settings": Example(
        "sidecar",
        {"id": 1},
        {
            "id": 1,
            "generation": 3,
            "digest": digest({"residential": MODEM}, RULES),
            "time_ms": 1763700000000,
            "author": "ann@dhcp-1",
            "comment": "more upstream",
            "classes": {"residential": MODEM},
            "lookup": RULES,
            "masked": 0,
        },
    ),
    "settings.history": Example(
        "sidecar",
        {"id": 1},
        {
            "id": 1,
            "history": [
                {
                    "generation": 3,
                    "digest": digest({"residential": MODEM}, RULES),
                    "time_ms": 1763700000000,
                    "author": "ann@dhcp-1",
                    "comment": "more upstream",
                    "classes": 1,
                    "in_force": True,
                }
            ],
        },
    ),
    "settings.rollback": Example(
        "sidecar",
        {"id": 1, "generation": 2, "comment": "the CMTS rejects it"},
        {"id": 1, "applied": True, "generation": 4, "was": 3},
    ),
    "settings.apply": Example(
        "sidecar",
        {
            "id": 1,
            "classes": {"residential": MODEM, "business": MODEM},
            "lookup": RULES,
            "comment": "a class for offices",
        },
        {"id": 1, "applied": True, "generation": 4, "was": 3},
    ),
    "status": Example(
        "sidecar",
        {"id": 1},
        {
            "id": 1,
            "instance": "dhcp-1",
            "service": "dhcp",
            "incarnation": 1763700000000,
            "generation": 3,
            "sealed": "00",
            "draining": False,
            "verdict": "ready",
            "reason": "",
            "version": _PEER["version"],
            "transport": _PEER["transport"],
            "keys": _PEER["keys"],
            "missing": [],
            "degraded": [],
            "peers": {"cfm-1": _PEER},
            "cfms": ["cfm-1"],
            "unusable": {},
            "failover": _STANDING,
            "handoffs": {
                "acked": 600,
                "unacked": 0,
                "retried": 0,
                "refused": 0,
                "late_acks": 0,
                "unasked_acks": 0,
            },
            "counts": {"created": 600, "refused": 0, "undecodable": 0, "unknown_pulls": 0, "disowned": 0},
            "leases": {
                "seen": 0,
                "acked": 0,
                "late": 0,
                "unacked": 0,
                "ignored": 0,
                "moved": 0,
                "no_settings": 0,
                "bad_settings": 0,
                "stale": 0,
                "shed": 0,
            },
            "audit": {"pending": 0, "dropped": 0},
        },
    ),
    "transport.status": Example(
        "sidecar",
        {"id": 1},
        {
            "id": 1,
            "mode": "bus",
            "hears": ["bus", "multicast"],
            "sends": ["bus"],
            "leads": "bus",
            "can": ["bus", "multicast"],
            "era": 0,
            "step": "hear",
            "to": "multicast",
            "by": "dhcp-1",
            "plan": PLAN_ID,
            "is_over": False,
            "since_s": 0.31,
            "waits_for": ["cfm-1"],
            "lost_to": "",
            "because": "",
            "fleet": {
                "cfm-1": {
                    "step": "",
                    "leads": "bus",
                    "hears": ["bus"],
                    "era": 0,
                    "lacks": "",
                    "heard_s": 0.213,
                }
            },
        },
    ),
    "transport.parity": Example(
        "sidecar",
        {"id": 1},
        {
            "id": 1,
            "carrying": {"hears": ["bus", "multicast"], "sends": ["bus", "multicast"]},
            "peers": {
                "cfm-1": {
                    "heartbeat": {
                        "both": 41,
                        "only": {"bus": 0, "multicast": 0},
                        "late_ms": {"bus": 6.4, "multicast": 0.0},
                        "green": True,
                    }
                }
            },
            "settings": {"bus": "9f6c1d20a7b3e845", "multicast": "9f6c1d20a7b3e845"},
            "settings_agree": True,
        },
    ),
    "transport.switch": Example(
        "sidecar",
        {"id": 1, "verb": "switch", "to": "multicast"},
        {"id": 1, "plan": PLAN_ID, "era": 1, "to": "multicast", "quick": False},
    ),
    "trace": Example(
        "sidecar",
        {"id": 2, "device": DEVICE},
        {
            "id": 2,
            "instance": "dhcp-1",
            "events": [
                {
                    "event": "fileid.acked",
                    "device": DEVICE,
                    "fileid": FILEID,
                    "at": 1763700123.456,
                    "class": "residential",
                    "sealed": "full",
                    "cfm": "cfm-1",
                    "tried": ["cfm-1"],
                    "next_server": "192.0.2.11",
                    "handoff_ms": 0.7,
                }
            ],
        },
    ),
    "fileid.lookup": Example(
        "cfm",
        {"id": 1, "file": FILE, "address": "127.64.0.5"},
        {"id": 1, "device": DEVICE, "fileid": FILEID, "how": "row", "content": "AwEBBAEB...CA=="},
    ),
    "fileid.done": Example("cfm", {"id": 2, "file": FILE}, {"id": 2, "done": True}),
    "failover.admit": Example(
        "cfm",
        {"id": 1, "floors": {"dhcp/lab": {"era": 1, "epoch": 193}}},
        {"id": 1, "votes": True},
    ),
}


def shape(value: Any) -> Any:
    """What a JSON value is: texts and numbers by their kind, a list by its first element."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [shape(inner) for inner in value[:1]]
    return {bool: "boolean", int: "number", float: "number", str: "string"}.get(type(value))
