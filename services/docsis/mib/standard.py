"""The standard modules that an operator's MIBs import, as short as an import allows.

Each is made of the built-in names of `services.docsis.mib.objects`, the nodes below, and the textual
conventions of the RFCs. A module that the operator has is read instead of this one. A compiler itself knows
the macros and base types of the SMI (RFC 2578, 2579 and 2580).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from services.docsis.mib.objects import MODULES, ROOTS

_NODES: Final = {
    "SNMPv2-SMI": {name: oid for name, oid in ROOTS.items() if "." in oid},
    "SNMPv2-MIB": {"snmpMIB": "1.3.6.1.6.3.1", "snmp": "1.3.6.1.2.1.11"},
    "IF-MIB": {"ifEntry": "1.3.6.1.2.1.2.2.1", "ifXEntry": "1.3.6.1.2.1.31.1.1.1", "ifMIB": "1.3.6.1.2.1.31"},
    "CLAB-DEF-MIB": {
        "clabProject": "1.3.6.1.4.1.4491.2",
        "clabProjCableHome": "1.3.6.1.4.1.4491.2.4",
        "pktcSecurity": "1.3.6.1.4.1.4491.2.2.4",
        "pktcLawfulIntercept": "1.3.6.1.4.1.4491.2.2.5",
        "pktcEnhancements": "1.3.6.1.4.1.4491.2.2.6",
    },
    "SNMPv2-CONF": {},
}

_TEXT = "OCTET STRING (SIZE (0..255))"
_CONVENTIONS: Final = {
    "SNMPv2-TC": {
        "DisplayString": _TEXT,
        "PhysAddress": "OCTET STRING",
        "MacAddress": "OCTET STRING (SIZE (6))",
        "TruthValue": "INTEGER { true(1), false(2) }",
        "TestAndIncr": "INTEGER (0..2147483647)",
        "AutonomousType": "OBJECT IDENTIFIER",
        "InstancePointer": "OBJECT IDENTIFIER",
        "VariablePointer": "OBJECT IDENTIFIER",
        "RowPointer": "OBJECT IDENTIFIER",
        "RowStatus": (
            "INTEGER { active(1), notInService(2), notReady(3), createAndGo(4), createAndWait(5), "
            "destroy(6) }"
        ),
        "TimeStamp": "TimeTicks",
        "TimeInterval": "INTEGER (0..2147483647)",
        "DateAndTime": "OCTET STRING (SIZE (8 | 11))",
        "StorageType": "INTEGER { other(1), volatile(2), nonVolatile(3), permanent(4), readOnly(5) }",
        "TDomain": "OBJECT IDENTIFIER",
        "TAddress": "OCTET STRING (SIZE (1..255))",
    },
    "SNMP-FRAMEWORK-MIB": {
        "SnmpEngineID": "OCTET STRING (SIZE (5..32))",
        "SnmpSecurityModel": "INTEGER (0..2147483647)",
        "SnmpMessageProcessingModel": "INTEGER (0..2147483647)",
        "SnmpSecurityLevel": "INTEGER { noAuthNoPriv(1), authNoPriv(2), authPriv(3) }",
        "SnmpAdminString": _TEXT,
    },
    "SNMP-TARGET-MIB": {"SnmpTagValue": _TEXT, "SnmpTagList": _TEXT},
    "INET-ADDRESS-MIB": {
        "InetAddressType": "INTEGER { unknown(0), ipv4(1), ipv6(2), ipv4z(3), ipv6z(4), dns(16) }",
        "InetAddress": _TEXT,
        "InetAddressIPv4": "OCTET STRING (SIZE (4))",
        "InetAddressIPv6": "OCTET STRING (SIZE (16))",
        "InetAddressDNS": "OCTET STRING (SIZE (1..255))",
        "InetAddressPrefixLength": "Unsigned32 (0..2040)",
        "InetPortNumber": "Unsigned32 (0..65535)",
        "InetVersion": "INTEGER { unknown(0), ipv4(1), ipv6(2) }",
    },
    "IF-MIB": {
        "OwnerString": _TEXT,
        "InterfaceIndex": "Integer32 (1..2147483647)",
        "InterfaceIndexOrZero": "Integer32 (0..2147483647)",
    },
    "DOCS-IF-MIB": {"TenthdBmV": "Integer32", "TenthdB": "Integer32"},
}


def _nodes(module: str) -> Iterator[tuple[str, str]]:
    yield from _NODES.get(module, {}).items()
    for parent, first, names in MODULES.get(module, ()):
        for number, name in enumerate(names.split(), start=first):
            yield name, f"{parent}.{number}"


def _text(module: str) -> str:
    lines = [f"{module} DEFINITIONS ::= BEGIN"]
    lines += [f"{name} OBJECT IDENTIFIER ::= {{ {oid.replace('.', ' ')} }}" for name, oid in _nodes(module)]
    for name, syntax in _CONVENTIONS.get(module, {}).items():
        lines.append(f'{name} ::= TEXTUAL-CONVENTION STATUS current DESCRIPTION "" SYNTAX {syntax}')
    return "\n".join([*lines, "END", ""])


STANDARD: Final = {module: _text(module) for module in sorted({*MODULES, *_NODES, *_CONVENTIONS})}
"""The texts of the modules by name."""
