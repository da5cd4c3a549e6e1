"""The layers and the purity of the sources, read from the sources.

Layers (an import points to a lower layer or into its own package):

    services.lab console cli     tools
    services.dhcp cfm mps sidecar    composition roots; never import each other
    services.docsis tftp settings    leaf libraries: import only bus (docsis: nothing)
    heartbeat fileid             domain cores; know the bus, not each other
    bus

The tools are ordered among themselves: the command line shows the lab and the lab does not know it.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("bus", "heartbeat", "fileid", "services")
ROOTS = {"services.dhcp", "services.cfm", "services.mps", "services.sidecar"}
LEAVES = {"services.docsis", "services.tftp", "services.settings"}
CORES = {"heartbeat", "fileid"}

# What each package may import besides itself.
MAY_IMPORT: dict[str, set[str]] = {
    "bus": set(),
    "heartbeat": {"bus"},
    "fileid": {"bus"},
    "services.docsis": set(),
    "services.tftp": {"bus"},
    "services.settings": {"bus"},
    **{root: {"bus", *CORES, *LEAVES} for root in ROOTS},
    "services.lab": {"bus", *CORES, *LEAVES, *ROOTS},
    "services.console": {"bus", *CORES, *LEAVES, *ROOTS},
    "services.cli": {"bus", *CORES, *LEAVES, *ROOTS, "services.lab", "services.console"},
}

# The shells: everything else is a core and touches neither clock, socket, thread, log, file nor global
# randomness.
SHELLS = (
    "bus/transport/",
    "bus/config.py",
    "bus/descriptors.py",
    "bus/config_paths.py",
    "bus/fleet.py",
    "bus/log.py",
    "bus/node.py",
    "bus/notify.py",
    "bus/rotation.py",
    "bus/runner.py",
    "bus/instance_lock.py",
    "bus/secret_file.py",
    "bus/shortage.py",
    "bus/service_sections.py",
    "bus/state_file.py",
    "bus/yaml_file.py",
    "services/cfm/fence_file.py",
    "services/cfm/process.py",
    "services/cfm/promises_file.py",
    "services/dhcp/kea/control.py",
    "services/dhcp/kea/follower.py",
    "services/dhcp/kea/journal_file.py",
    "services/dhcp/kea/position.py",
    "services/dhcp/kea/presence.py",
    "services/sidecar/failover_file.py",
    "services/sidecar/process.py",
    "services/tftp/sockets.py",
    "services/settings/store.py",
    "services/cli/",
    "services/console/",
    "services/lab/",
)
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


def package(module: str) -> str:
    """The package whose layer counts: two words under services, one elsewhere."""
    words = module.split(".")
    return ".".join(words[:2]) if words[0] == "services" else words[0]


def layer_faults(path: str, text: str) -> list[str]:
    """What a module imports that its layer must not."""
    own = package(path.removesuffix(".py").replace("/", "."))
    faults = []
    for found in imports(ast.parse(text)):
        if found.module.startswith("."):
            faults.append(f"{path}:{found.line} imports relatively; import in full")
            continue
        modules = [found.module]
        if found.module == "services":
            modules = [f"services.{name}" for name in found.names]
        for other in (package(module) for module in modules if module.split(".")[0] in PACKAGES):
            if other != own and other not in MAY_IMPORT.get(own, set()):
                faults.append(f"{path}:{found.line} imports {other}: not below {own}")
            private = [name for name in found.names if name.startswith("_") and not name.startswith("__")]
            faults += [f"{path}:{found.line} imports the private {name} of {other}" for name in private]
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


def test_every_package_has_its_place() -> None:
    placed = {package(str(path.with_suffix("")).replace("/", ".")) for path in sources(*PACKAGES)}
    assert placed - {"services.__init__"} <= set(MAY_IMPORT)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("bus/codec.py", "from heartbeat.roster import Roster"),
        ("bus/codec.py", "import services.cfm.machine"),
        ("heartbeat/roster.py", "from fileid.row import Row"),
        ("fileid/row.py", "def f():\n    from heartbeat import roster"),
        ("services/docsis/mic.py", "from bus.errors import LocalError"),
        ("services/tftp/packets.py", "from services.docsis import mic"),
        ("services/cfm/machine.py", "from services.sidecar.minter import Minter"),
        ("services/cfm/machine.py", "from services import lab"),
        ("services/lab/run.py", "from services.cli.main import main"),
        ("bus/codec.py", "from .envelope import Envelope"),
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
