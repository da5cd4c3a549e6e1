"""The command `provbus` in a process of its own, forked from one that has imported everything.

Importing takes longer than most commands do, and it would be most of what the tests of the command line wait
for. A call is still a process: the interpreter ends it as it ends any other, by its exit code, an uncaught
error or a signal. What a command imports by itself is tested elsewhere (`test_imports`).

    test ──line, 3 descriptors──> server ─fork─> attendant ─fork─> the command
         <──────exit code──────────────────────── attendant

A test that gives up hangs up, and the attendant ends its command.
"""

import gc
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import NoReturn, Self

PACKAGES = ("bus", "heartbeat", "fileid", "services")
CHUNK_BYTES = 65_536
ROOT = Path(__file__).parents[3]


class WarmCommand:
    """The command, ready to be called until the end of its `with`. The server listens at `path`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._server = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "tests.unit.cli.warm", str(path)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def __enter__(self) -> Self:
        assert self._server.stdout is not None
        assert self._server.stdout.readline() == b"ready\n"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.communicate()  # the end of its input ends it

    def run(
        self, arguments: list[str], directory: Path, environment: Mapping[str, str], timeout_s: float
    ) -> subprocess.CompletedProcess[str]:
        """The command's output and exit code; raises TimeoutError where it is not over in time."""
        line = json.dumps([arguments, str(directory), dict(environment)]).encode() + b"\n"
        with (
            socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as call,
            tempfile.TemporaryFile("w+") as out,
            tempfile.TemporaryFile("w+") as said,
            open(os.devnull) as nothing,
        ):
            call.settimeout(timeout_s)
            call.connect(str(self._path))
            sent = socket.send_fds(call, [line], [nothing.fileno(), out.fileno(), said.fileno()])
            call.sendall(line[sent:])
            code = int(call.makefile().readline())
            out.seek(0)
            said.seek(0)
            return subprocess.CompletedProcess(["provbus", *arguments], code, out.read(), said.read())


def _import_everything() -> None:
    for package in PACKAGES:
        for module in pkgutil.walk_packages(import_module(package).__path__, f"{package}."):
            if not module.name.endswith("__main__"):
                import_module(module.name)


def _next_call(listener: socket.socket) -> socket.socket:
    """Returns in an attendant, once for each call; the server itself ends with its input."""
    while True:
        if sys.stdin.fileno() in select.select([listener, sys.stdin.fileno()], [], [])[0]:
            os._exit(0)
        call, _ = listener.accept()
        if os.fork() == 0:
            return call
        call.close()


def _attend(child: int, call: socket.socket) -> NoReturn:
    """Tell the test how its command ended; end it if the test hangs up before."""
    ended = os.pidfd_open(child)
    if ended not in select.select([call.fileno(), ended], [], [])[0]:
        os.kill(child, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    with suppress(BrokenPipeError):
        call.sendall(f"{code}\n".encode())
    os._exit(0)


def _become_the_command(listener: socket.socket) -> None:
    """Returns in the process of a command, its descriptors, directory, environment and arguments set."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for an attendant
    call = _next_call(listener)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    listener.close()
    line, descriptors, _, _ = socket.recv_fds(call, CHUNK_BYTES, 3)
    while not line.endswith(b"\n"):
        line += call.recv(CHUNK_BYTES)
    child = os.fork()
    if child:
        _attend(child, call)
    call.close()
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    arguments, directory, environment = json.loads(line)
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv[1:] = arguments


if __name__ == "__main__":
    _import_everything()
    gc.freeze()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as own:
        own.bind(sys.argv[1])
        own.listen()
        print("ready", flush=True)
        _become_the_command(own)
    runpy.run_module("services.cli", run_name="__main__", alter_sys=True)
