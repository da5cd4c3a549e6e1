"""The layers and the purity of the sources, read from the sources.

Layers (an import points to a lower layer or into its own folder):

    services.lab console cli         tools
    services.operator                what the tools for people share: asking instances, and their files
    services.dhcp mps                composition roots beside a server: a sidecar and what is special there
    services.cfm sidecar             composition roots; never import each other
    services.brokers                 real Kafka brokers on this machine
    services.instance                what their machines share
    services.settings                what a catalogue is; asks docsis why a name is wrong, and what is secret
    services.docsis tftp config      leaf libraries: import only bus (docsis: nothing)
    heartbeat fileid                 domain cores; know the bus, not each other
    bus

The table says it of each folder, also of those within a package. The tools are ordered among themselves: the
command line shows the lab and the lab does not know it.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("bus", "heartbeat", "fileid", "services")

_KAFKA = {"bus.transport.kafka", "bus.transport.kafka.admin"}
_SHELL = {"bus", "bus.config", "bus.fleet", "bus.runtime", "bus.transport", "bus.wire"}
_PROCESS = {
    *(_SHELL - {"bus.config"}),
    "bus.telemetry",
    "bus.transport.zeromq",
    "fileid",
    "heartbeat.liveness",
    "heartbeat.roles",
    "heartbeat.roles.granted",
    "heartbeat.roles.log",
    "services.config",
    "services.instance",
}
_DOCSIS_OF_SERVICES = {"services.docsis", "services.docsis.judge", "services.docsis.text"}
_DOCSIS = {
    "services.docsis",
    "services.docsis.checks",
    "services.docsis.mib",
    "services.docsis.text",
    "services.docsis.tlvs",
    "services.docsis.tlvs.rows",
}

# What each folder may import besides itself.
MAY_IMPORT: dict[str, set[str]] = {
    "bus": set(),
    "bus.wire": {"bus"},
    "bus.telemetry": {"bus", "bus.wire"},
    "bus.switch": {"bus", "bus.telemetry", "bus.wire"},
    "bus.config": {"bus", "bus.switch", "bus.wire"},
    "bus.transport": {"bus", "bus.fleet", "bus.telemetry", "bus.wire"},
    "bus.transport.kafka": {"bus", "bus.config", "bus.telemetry", "bus.transport", "bus.wire"},
    "bus.transport.kafka.admin": {"bus", "bus.transport.kafka", "bus.wire"},
    "bus.transport.multicast": {
        "bus",
        "bus.fleet",
        "bus.switch",
        "bus.telemetry",
        "bus.transport",
        "bus.wire",
    },
    "bus.transport.zeromq": {"bus", "bus.fleet", "bus.telemetry", "bus.transport", "bus.wire"},
    "bus.fleet": {"bus", "bus.config", "bus.telemetry", "bus.wire"},
    "bus.columns": {
        "bus",
        "bus.config",
        "bus.fleet",
        "bus.switch",
        "bus.telemetry",
        "bus.transport",
        "bus.transport.kafka",
    },
    "bus.runtime": {
        "bus",
        "bus.columns",
        "bus.config",
        "bus.fleet",
        "bus.switch",
        "bus.telemetry",
        "bus.transport",
        "bus.transport.kafka",
        "bus.transport.multicast",
        "bus.wire",
    },
    "bus.testing": {"bus", "bus.wire"},
    "heartbeat": set(),
    "heartbeat.liveness": {"bus", "bus.switch", "bus.telemetry", "heartbeat"},
    "heartbeat.roles": {"bus", "bus.telemetry", "heartbeat", "heartbeat.liveness"},
    "heartbeat.roles.log": {
        "bus",
        "bus.switch",
        "bus.telemetry",
        "bus.wire",
        "heartbeat.liveness",
        "heartbeat.roles",
    },
    "heartbeat.roles.elected": {
        "bus",
        "bus.switch",
        "bus.telemetry",
        "heartbeat",
        "heartbeat.liveness",
        "heartbeat.roles",
        "heartbeat.roles.log",
    },
    "heartbeat.roles.granted": {"bus", "heartbeat.roles"},
    "heartbeat.roles.appointed": {"bus", "heartbeat", "heartbeat.roles"},
    "heartbeat.roles.switched": {
        "bus",
        "bus.switch",
        "bus.telemetry",
        "heartbeat",
        "heartbeat.liveness",
        "heartbeat.roles",
        "heartbeat.roles.elected",
        "heartbeat.roles.log",
    },
    "fileid": {"bus", "bus.wire"},
    "services.docsis": set(),
    "services.docsis.mib": {"services.docsis"},
    "services.docsis.checks": {"services.docsis", "services.docsis.mib"},
    "services.docsis.tlvs.rows": {"services.docsis"},
    "services.docsis.tlvs": {"services.docsis", "services.docsis.mib", "services.docsis.tlvs.rows"},
    "services.docsis.text": _DOCSIS - {"services.docsis.text"},
    "services.docsis.foreign": _DOCSIS,
    "services.docsis.judge": _DOCSIS,
    "services.tftp": {"bus", "bus.telemetry", "bus.transport"},
    "services.instance": {
        "bus",
        "bus.fleet",
        "bus.switch",
        "bus.telemetry",
        "bus.wire",
        "heartbeat.liveness",
        "services.instance.contracts",
        "services.settings",
    },
    "services.instance.contracts": {
        "bus",
        "bus.switch",
        "bus.telemetry",
        "bus.wire",
        "fileid",
        "heartbeat.liveness",
        "heartbeat.roles",
        "heartbeat.roles.log",
        "services.settings",
    },
    "services.config": {"bus", "bus.config", "bus.wire"},
    "services.settings": {
        "bus",
        "bus.config",
        "bus.telemetry",
        "fileid",
        "services.docsis",
        "services.docsis.judge",
        "services.docsis.mib",
        "services.docsis.text",
    },
    "services.sidecar": {
        *_PROCESS,
        "heartbeat.roles.appointed",
        "heartbeat.roles.elected",
        "heartbeat.roles.switched",
        *_DOCSIS_OF_SERVICES,
        "services.instance.contracts",
        "services.settings",
        "services.sidecar.role",
    },
    "services.sidecar.parent": {
        "bus",
        "bus.fleet",
        "bus.runtime",
        "bus.transport.kafka",
        "bus.transport.kafka.admin",
        "heartbeat.roles",
        "heartbeat.roles.log",
        "services.config",
        "services.sidecar.role",
    },
    "services.sidecar.role": {
        "bus",
        "bus.switch",
        "bus.telemetry",
        "heartbeat",
        "heartbeat.liveness",
        "heartbeat.roles",
        "heartbeat.roles.granted",
        "heartbeat.roles.log",
        "heartbeat.roles.switched",
        "services.instance",
    },
    "services.cfm": {
        *_PROCESS,
        "bus.config",
        "bus.switch",
        *_DOCSIS_OF_SERVICES,
        "services.cfm.reading",
        "services.settings",
        "services.tftp",
    },
    "services.cfm.reading": {"bus", "bus.telemetry", "bus.wire", "fileid", "services.instance"},
    "services.dhcp.client": {"bus"},
    "services.dhcp": {
        "bus",
        "fileid",
        "services.config",
        "services.dhcp.kea",
        "services.sidecar",
        "services.sidecar.parent",
    },
    "services.dhcp.kea.journal": {"bus", "bus.runtime", "bus.telemetry", "bus.wire", "fileid"},
    "services.dhcp.kea.daemon": {"bus", "bus.telemetry", "fileid", "services.dhcp.kea.journal"},
    "services.dhcp.kea.reload": {"bus", "services.dhcp.kea.daemon", "services.dhcp.kea.journal"},
    "services.dhcp.kea": {
        "bus",
        "bus.runtime",
        "bus.telemetry",
        "bus.transport",
        "fileid",
        "services.config",
        "services.dhcp.kea.daemon",
        "services.dhcp.kea.journal",
        "services.settings",
    },
    "services.dhcp.kea.doctor": {
        "bus",
        "fileid",
        "services.dhcp.client",
        "services.dhcp.kea.daemon",
        "services.dhcp.kea.journal",
    },
    "services.mps": {"bus", "fileid", "services.config", "services.sidecar", "services.sidecar.parent"},
    "services.brokers": {"bus", "bus.transport.kafka.admin"},
    "services.lab.network": {"bus", "bus.wire", "services.brokers"},
    "services.lab.site": {
        *(_SHELL - {"bus.transport", "bus.wire"}),
        "bus.transport.kafka.admin",
        "fileid",
        "services.brokers",
        "services.tftp",
        "services.lab.network",
    },
    "services.lab.plant": {
        "bus",
        "bus.config",
        "services.dhcp.client",
        "services.docsis.checks",
        "services.lab.site",
        "services.tftp",
        "services.lab.network",
    },
    "services.lab.hosts": {
        "bus",
        "services.dhcp.client",
        "services.lab.plant",
        "services.lab.site",
        "services.lab.network",
    },
    "services.lab.baseline": {
        "bus",
        "bus.runtime",
        "bus.transport",
        "services.docsis.text",
        "services.lab.plant",
        "services.lab.site",
        "services.lab.network",
    },
    "services.lab.books": {
        "bus",
        "bus.telemetry",
        "bus.wire",
        "heartbeat.liveness",
        "services.lab.plant",
        "services.lab.site",
    },
    "services.lab.kea": {
        "bus",
        "bus.config",
        "fileid",
        "services.brokers",
        "services.dhcp.kea",
        "services.dhcp.kea.daemon",
        "services.dhcp.kea.doctor",
        "services.lab.books",
        "services.lab.plant",
        "services.lab.site",
        "services.lab.network",
    },
    "services.lab.faults": {
        *_SHELL,
        "bus.transport.zeromq",
        "fileid",
        "heartbeat.roles",
        "services.lab.site",
        "services.settings",
    },
    "services.lab.faults.attack": {
        "bus",
        "bus.fleet",
        "fileid",
        "services.lab.books",
        "services.lab.site",
        "services.tftp",
        "services.lab.network",
    },
    "services.lab.faults.insider": {
        *_SHELL,
        "bus.transport.multicast",
        "bus.transport.zeromq",
        "fileid",
        "heartbeat.liveness",
        "heartbeat.roles",
        "heartbeat.roles.log",
        "services.lab.site",
        "services.settings",
        "services.lab.network",
    },
    "services.lab.faults.kafka": {"bus", "bus.transport.kafka.admin", "services.brokers"},
    "services.lab.faults.schedule": {
        "bus",
        "heartbeat",
        "heartbeat.roles",
        "heartbeat.roles.log",
        "services.brokers",
        "services.lab.books",
        "services.lab.faults.kafka",
        "services.lab.network",
        "services.lab.site",
    },
    "services.lab.steps": {
        *(_SHELL - {"bus.fleet", "bus.runtime"}),
        "services.lab.books",
        "services.lab.faults",
        "services.lab.site",
        "services.lab.network",
        "services.lab.faults.schedule",
    },
    "services.lab.steps.kafka": {
        "bus",
        *_KAFKA,
        "services.brokers",
        "services.lab.books",
        "services.lab.faults.kafka",
        "services.lab.site",
        "services.lab.steps",
    },
    "services.lab.steps.kea": {
        "bus",
        "bus.config",
        "services.dhcp.kea.daemon",
        "services.lab.books",
        "services.lab.kea",
        "services.lab.site",
        "services.lab.steps",
    },
    "services.lab.release": {"bus", "services.lab.site"},
    "services.lab.script": {
        "bus",
        "bus.config",
        "services.lab.faults",
        "services.lab.site",
        "services.lab.steps",
        "services.lab.steps.kafka",
        "services.lab.steps.kea",
    },
    "services.lab": {
        "bus",
        "bus.transport",
        "services.brokers",
        "services.lab.books",
        "services.lab.faults",
        "services.lab.faults.attack",
        "services.lab.faults.insider",
        "services.lab.hosts",
        "services.lab.kea",
        "services.lab.plant",
        "services.lab.release",
        "services.lab.script",
        "services.lab.site",
        "services.lab.steps",
        "services.lab.network",
        "services.lab.faults.schedule",
    },
    "services.operator.fleet": {
        "bus",
        "bus.fleet",
        "fileid",
        "heartbeat.liveness",
        "services.config",
        "services.instance",
        "services.operator",
    },
    "services.operator.trace": {
        "bus",
        "bus.fleet",
        "bus.telemetry",
        "bus.transport.kafka",
        "bus.wire",
        "fileid",
        "services.config",
        "services.operator",
    },
    "services.operator": {
        "bus",
        "bus.config",
        "bus.fleet",
        "bus.runtime",
        "bus.switch",
        "bus.transport",
        "bus.transport.kafka",
        "bus.transport.kafka.admin",
        "bus.wire",
        "services.cfm",
        "services.config",
        "services.docsis",
        "services.docsis.judge",
        "services.docsis.mib",
        "services.docsis.text",
        "services.settings",
        "services.sidecar",
    },
    "services.operator.kea": {
        "bus",
        "bus.wire",
        "fileid",
        "services.config",
        "services.dhcp.client",
        "services.dhcp.kea",
        "services.dhcp.kea.daemon",
        "services.dhcp.kea.doctor",
        "services.dhcp.kea.journal",
        "services.dhcp.kea.reload",
        "services.operator",
        "services.settings",
    },
    "services.cli": {
        "bus",
        "bus.config",
        "bus.fleet",
        "bus.switch",
        "bus.telemetry",
        "bus.transport.kafka.admin",
        "services.cfm",
        "services.config",
        "services.dhcp",
        "services.docsis.mib",
        "services.docsis.text",
        "services.mps",
        "services.operator",
        "services.operator.trace",
        "services.settings",
    },
    "services.cli.fleet": {"bus.fleet", "fileid", "services.cli", "services.operator.fleet"},
    "services.cli.file": {
        "bus",
        "bus.config",
        "services.cli",
        "services.docsis",
        "services.docsis.checks",
        "services.docsis.foreign",
        "services.docsis.judge",
        "services.docsis.mib",
        "services.docsis.text",
        "services.docsis.tlvs",
        "services.docsis.tlvs.rows",
        "services.operator",
        "services.settings",
    },
    "services.cli.kea": {
        "bus",
        "bus.wire",
        "services.cli",
        "services.dhcp.client",
        "services.dhcp.kea",
        "services.dhcp.kea.doctor",
        "services.operator.kea",
    },
    "services.cli.lab": {
        "bus",
        "services.brokers",
        "services.cli",
        "services.lab",
        "services.lab.baseline",
        "services.lab.books",
        "services.lab.script",
        "services.lab.site",
    },
}

FLAT_MAX = 14  # modules side by side: more than that one cannot take in

# Two classes of one name are two words for a reader. These pairs mean one thing.
TWINS = {
    "CfmStatus": "what a CFM says of itself, and its contract",
    "Files": "the files of a configuration, of either service",
    "Follower": "what a sidecar asks of one, and the one that follows Kea",
    "Parts": "the parts of a machine, of either service",
    "Pause": "a fault of the simulation, and the step that does it for real",
    "Recreate": "as Pause",
    "Release": "a role given back, in the log and by grant",
    "Stop": "as Pause",
}

# So are two modules of one name. These mean one thing, each in its room.
FILE_TWINS = {
    "fleet": "the instances of a fleet: their file, and the command that shows them",
    "addresses": "IP addresses: as values of TLVs, and those of a lab",
    "asking": "questions and their answers, of Kafka and of a DHCP server",
    "assembly": "which parts of a machine know each other, of either service",
    "authority": "the right to act: a sidecar's, and a host service's",
    "brokers": "the brokers of a run, and the steps that end them",
    "carrier": "the Protocol, and multicast's",
    "catalogue": "a settings catalogue: compiled, and judged",
    "crowd": "a fault, and its steps",
    "edges": "what arrives at a machine and what leaves, of either service",
    "effects": "what leaves a core: a machine's, and a TFTP session's",
    "errors": "the expected errors, of the bus and of the codec",
    "extension": "extension fields (43): their rows, and their rules",
    "faults": "what is done to a simulated world, and to a real Kea",
    "health": "whether somebody is well: an instance, and Kea",
    "holder": "who holds a role: the Protocol, and its kinds",
    "host": "the service beside a sidecar: as the sidecar sees it, and Kea in a lab",
    "instances": "the instances of a run, and the steps on them",
    "lab": "the lab, and its commands",
    "machine": "the Protocol, a CFM's, and the rules of a switch",
    "messages": "what arrives at a machine: in general, and of grants",
    "metrics": "the declared metrics: the Registry, and those of all instances",
    "modem": "a cable modem: its settings, and the simulated one",
    "node": "what runs a machine: a real one, and a simulated one",
    "objects": "SNMP objects: by name, in a text of another tool, and judged",
    "operator": "an operator's words: as a sidecar hears them, and as steps of a lab",
    "parts": "what a whole is put together from: a file, a machine, a lab",
    "party": "the parts of a machine as a switch asks them, of either service",
    "peers": "the CFMs as a minter sees them, and the command that shows them",
    "program": "a process of a lab that does harm: an insider, and attackers",
    "process": "a process and its composition root: an instance's, and those of a lab",
    "record": "what is kept: of the settings, and of a role",
    "records": "records of Kafka: of a reader, and of the role log",
    "rights": "a fault, and its steps",
    "rotation": "of keys: the command's, and the lab's",
    "run": "what runs: an instance, and a scenario",
    "settings": "a settings catalogue: commands, contracts and steps",
    "status": "an instance's status: of either service, and its contract",
    "topics": "Kafka's topics: simulated, administered, commanded, and made anew",
    "trace": "what happened step by step: to a simulated world, and to a FileID",
    "transport": "the transport and its switch: as asked of an instance, ordered, and commanded",
    "values": "values of TLVs: in our words, and in those of another tool",
}

# The shells: everything else is a core and touches neither clock, socket, thread, log, file nor global
# randomness.
SHELLS = (
    "bus/columns/hybrid_bus.py",
    "bus/columns/switch_file.py",
    "bus/config/model.py",
    "bus/config/paths.py",
    "bus/config/secret_file.py",
    "bus/config/yaml_file.py",
    "bus/fleet/",
    "bus/runtime/accepting.py",
    "bus/runtime/carriers.py",
    "bus/runtime/child.py",
    "bus/runtime/exchange.py",
    "bus/runtime/http_server.py",
    "bus/runtime/instance_lock.py",
    "bus/runtime/local_socket.py",
    "bus/runtime/node.py",
    "bus/runtime/notify.py",
    "bus/runtime/process_watch.py",
    "bus/runtime/runner.py",
    "bus/runtime/shortage.py",
    "bus/state_file.py",
    "bus/telemetry/own_faults.py",
    "bus/telemetry/log.py",
    "bus/transport/",
    "services/config/instance.py",
    "services/config/location.py",
    "services/config/sections.py",
    "services/cfm/fence_file.py",
    "services/cfm/process.py",
    "services/cfm/promises_file.py",
    "services/dhcp/client/asking.py",
    "services/dhcp/kea/daemon/control.py",
    "services/dhcp/kea/daemon/conversation.py",
    "services/dhcp/kea/follower.py",
    "services/dhcp/kea/reload/including.py",
    "services/dhcp/kea/journal/open_file.py",
    "services/dhcp/kea/journal/position.py",
    "services/dhcp/kea/daemon/presence.py",
    "services/dhcp/kea/daemon/procfs.py",
    "services/dhcp/kea/journal/reading.py",
    "services/dhcp/kea/reload/reloading.py",
    "services/sidecar/parent/guarded.py",
    "services/sidecar/role/record_file.py",
    "services/sidecar/process.py",
    "services/tftp/sockets.py",
    "services/settings/history_files.py",
    "services/settings/store.py",
    "services/brokers/",
    "services/operator/",
    "services/cli/",
    "services/console/",
    "services/lab/",
)
# Who looks for the name that was meant, and why that may take its time.
GUESSES = {
    "bus/config": "a start ends with it, and reads one file of its operator",
    "services/cli/file": "a command of a person",
    "services/docsis/foreign": "an import, which is a command of a person",
    "services/docsis/text": "the difference of two classes, which is a command of a person",
    "services/operator": "commands of a person",
}
# The threads of the product, and what becomes of an exception in each.
THREADS = {
    "bus/runtime/shortage.py": "waits for an event and does nothing else",
    "bus/transport/here.py": "asks the resolver once; its error is the answer",
    "bus/transport/kafka/client.py": "a turn that raises is counted, and the next one comes after a second",
    "services/dhcp/kea/follower.py": "a turn that raises is counted, and the thread begins anew",
}
IMPURE_MODULES = {
    "asyncio",
    "confluent_kafka",
    "io",
    "logging",
    "multiprocessing",
    "os",
    "pathlib",
    "secrets",
    "select",
    "selectors",
    "shutil",
    "signal",
    "socket",
    "structlog",
    "subprocess",
    "tempfile",
    "threading",
    "time",
    "zmq",
}
IMPURE_CALLS = {"open", "print", "input", "datetime.now", "datetime.utcnow", "date.today", "random.random"}
FORBIDDEN_IN_TESTS = ("sleep", "patch", "Mock", "MagicMock", "monkeypatch")


class Import(NamedTuple):
    """One imported module, where it is imported, and the names taken from it."""

    module: str
    line: int
    names: tuple[str, ...]


def sources(*folders: str) -> list[Path]:
    """Every Python file below these folders, relative to the project."""
    found = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    return [path.relative_to(ROOT) for path in found]


def imports(tree: ast.AST) -> Iterator[Import]:
    """Every import in a module, also those inside functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, node.lineno, ()) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names = tuple(alias.name for alias in node.names)
            yield Import("." * node.level + (node.module or ""), node.lineno, names)


def folder(module: str) -> str:
    """The folder that an imported name or module is in."""
    words = module.split(".")
    while words and not (ROOT / "/".join(words)).is_dir():
        words.pop()
    return ".".join(words)


def layer_faults(path: str, text: str) -> list[str]:
    """What a module imports that its folder must not."""
    own = path.rpartition("/")[0].replace("/", ".")
    faults = []
    for found in imports(ast.parse(text)):
        if found.module.startswith("."):
            faults.append(f"{path}:{found.line} imports relatively; import in full")
            continue
        if found.module.split(".")[0] not in PACKAGES:
            continue
        for other in {folder(f"{found.module}.{name}") for name in found.names or ("",)}:
            if other != own and other not in MAY_IMPORT.get(own, set()):
                faults.append(f"{path}:{found.line} imports {other}: not for {own}")
        private = [name for name in found.names if name.startswith("_") and not name.startswith("__")]
        faults += [f"{path}:{found.line} imports the private {name} of {found.module}" for name in private]
    return faults


def purity_faults(path: str, text: str) -> list[str]:
    """What a pure module does that only a shell may."""
    if path.startswith(SHELLS):
        return []
    tree = ast.parse(text)
    faults = []
    for found in imports(tree):
        top = found.module.split(".")[0]
        if top in IMPURE_MODULES:
            faults.append(f"{path}:{found.line} imports {top} in a core")
        if top == "random" and set(found.names) != {"Random"}:
            faults.append(f"{path}:{found.line} imports global randomness: take a Random as an argument")
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in IMPURE_CALLS:
            faults.append(f"{path}:{node.lineno} calls {ast.unparse(node.func)} in a core")
    return faults


def test_faults(path: str, text: str) -> list[str]:
    """Sleeps and patches in a test: wait for a condition, pass a fake."""
    faults = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call):
            name, line = ast.unparse(node.func).split(".")[-1], node.lineno
        elif isinstance(node, ast.arg):
            name, line = node.arg, node.lineno
        else:
            continue
        if name in FORBIDDEN_IN_TESTS:
            faults.append(f"{path}:{line} uses {name}")
    return faults


test_faults.__test__ = False  # type: ignore[attr-defined]


@pytest.mark.parametrize("path", sources(*PACKAGES), ids=str)
def test_imports_point_down(path: Path) -> None:
    assert layer_faults(str(path), (ROOT / path).read_text()) == []


@pytest.mark.parametrize("path", sources(*PACKAGES), ids=str)
def test_cores_are_pure(path: Path) -> None:
    assert purity_faults(str(path), (ROOT / path).read_text()) == []


@pytest.mark.parametrize("path", sources("tests"), ids=str)
def test_tests_neither_sleep_nor_patch(path: Path) -> None:
    assert test_faults(str(path), (ROOT / path).read_text()) == []


def test_the_table_is_the_layout() -> None:
    placed = {".".join(path.parent.parts) for path in sources(*PACKAGES) if path.name != "__init__.py"}
    assert placed == set(MAY_IMPORT)
    assert set().union(*MAY_IMPORT.values()) <= placed


def test_the_bus_names_no_service_but_in_its_table_of_types() -> None:
    named = {
        str(path): len(re.findall(r"kea|tftp|catalogue|docsis", (ROOT / path).read_text(), re.IGNORECASE))
        for path in sources("bus")
    }
    assert {path: times for path, times in named.items() if times} == {"bus/wire/codec.py": 1}


def test_what_the_tools_share_knows_no_terminal() -> None:
    found = {
        (str(path), one.module.partition(".")[0])
        for path in sources("services/operator")
        for one in imports(ast.parse((ROOT / path).read_text()))
    }
    assert {(path, package) for path, package in found if package in ("click", "rich")} == set()


def test_only_people_are_told_what_was_meant() -> None:
    """A guess costs a comparison with every name, and a topic may bring thousands of wrong ones."""
    found = {
        str(path.parent)
        for path in sources(*PACKAGES)
        if any(one.module == "difflib" for one in imports(ast.parse((ROOT / path).read_text())))
    }
    assert found == GUESSES.keys()


def test_no_thread_ends_by_an_exception_unheard() -> None:
    """Each thread of the product is in the table, which says why an exception in it is not lost."""
    found = {
        str(path)
        for path in sources("bus", "services")
        if not str(path).startswith(("services/lab/", "services/cli/lab/"))
        for node in ast.walk(ast.parse((ROOT / path).read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "Thread"
    }
    assert found == THREADS.keys()


def test_no_folder_is_crowded() -> None:
    counted = Counter(
        ".".join(path.parent.parts) for path in sources(*PACKAGES) if path.name != "__init__.py"
    )
    assert {own: count for own, count in counted.items() if count > FLAT_MAX} == {}


def test_a_class_name_means_one_thing() -> None:
    named = Counter(
        node.name
        for path in sources(*PACKAGES)
        for node in ast.parse((ROOT / path).read_text()).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert {name for name, count in named.items() if count > 1} == TWINS.keys()


def test_a_file_name_means_one_thing() -> None:
    named = Counter(path.stem for path in sources(*PACKAGES) if not path.stem.startswith("__"))
    assert {name for name, count in named.items() if count > 1} == FILE_TWINS.keys()


def test_no_folder_leads_back_to_itself() -> None:
    """Also not over others."""
    assert list(TopologicalSorter(MAY_IMPORT).static_order())


def test_what_a_folder_may_import_some_module_does() -> None:
    used: dict[str, set[str]] = {own: set() for own in MAY_IMPORT}
    for path in sources(*PACKAGES):
        if path.name != "__init__.py":
            for found in imports(ast.parse((ROOT / path).read_text())):
                if found.module.split(".")[0] in PACKAGES:
                    others = {folder(f"{found.module}.{name}") for name in found.names or ("",)}
                    used[".".join(path.parent.parts)] |= others
    unused = {own: may - used[own] for own, may in MAY_IMPORT.items() if may - used[own]}
    assert unused == {}


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("bus/wire/codec.py", "from heartbeat.liveness.roster import Roster"),
        ("bus/wire/codec.py", "import services.cfm.machine"),
        ("heartbeat/liveness/roster.py", "from fileid.row import Row"),
        ("fileid/row.py", "def f():\n    from heartbeat.liveness import roster"),
        ("services/docsis/checks/mic.py", "from bus.errors import LocalError"),
        ("services/tftp/packets.py", "from services.docsis.checks import mic"),
        ("services/cfm/machine.py", "from services.sidecar.minter import Minter"),
        ("services/cfm/machine.py", "from services import lab"),
        ("services/lab/run.py", "from services.cli.main import main"),
        ("services/operator/ask.py", "from services.cli.options import load"),
        ("services/operator/ask.py", "from services.lab.run import running"),
        ("services/docsis/checks/mic.py", "from services.docsis.judge.rules import RULES"),
        ("services/dhcp/kea/journal/tail.py", "from services.dhcp.kea.doctor.remarks import Remark"),
        ("services/dhcp/client/bootp.py", "import services.dhcp.kea.journal.tail"),
        ("bus/rooms/codec.py", "from bus.envelope import Envelope"),
        ("bus/wire/codec.py", "from .envelope import Envelope"),
        ("fileid/seal.py", "from fileid.row import _LENGTHS"),
    ],
)
def test_a_wrong_import_is_found(path: str, text: str) -> None:
    assert layer_faults(path, text) != []


@pytest.mark.parametrize(
    "text",
    [
        "import time",
        "from time import monotonic",
        "import socket",
        "import threading",
        "import logging",
        "from pathlib import Path",
        "import random",
        "from random import randrange",
        "with open('x') as f: pass",
        "from datetime import datetime\nnow = datetime.now()",
    ],
)
def test_an_impure_core_is_found(text: str) -> None:
    assert purity_faults("fileid/table.py", text) != []


@pytest.mark.parametrize(
    "text", ["import time\ntime.sleep(1)", "def test_x(monkeypatch): pass", "with mock.patch('x'): pass"]
)
def test_a_sleeping_or_patching_test_is_found(text: str) -> None:
    assert test_faults("tests/unit/test_x.py", text) != []
