"""Machines of a run: network namespaces on one switch, which can be cut off from each other.

Each is held by a process that waits for the end of its input, and then kills whoever is left on its machine.
So all of them are gone when the lab ends, in whichever way, and the lab's own namespace, with the switch.
"""

import ctypes
import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from itertools import count
from types import TracebackType
from typing import IO, Self

from bus.errors import UnavailableError
from bus.wire.endpoint import Endpoint
from services.lab.network import plan
from services.lab.network.link_weather import LinkWeather
from services.lab.network.slow_link import SlowLink, taps_lacking

PROGRAMS = ("ip", "bridge", "nsenter", "unshare", "sh", "cat", "readlink")
FIRST_PORT = 20_000  # below those that a kernel gives to connections
_CLONE_NEWNET = 0x40000000
_SBIN = "/usr/sbin:/sbin"
_HOLD = """
echo here
cat > /dev/null
here=$(readlink /proc/$$/ns/net)
for process in /proc/[0-9]*; do
  pid=${process#/proc/}
  [ "$pid" = $$ ] || [ "$(readlink $process/ns/net)" != "$here" ] || kill -9 "$pid"
done
"""


class Machines:
    """Machines of these names and addresses, of which `plant` has those of all devices besides. A process is
    on the machine that `home_of` names for it, if there is such a one, and else where the lab is.
    """

    def __init__(self, addresses: Mapping[str, str], plant: str, home_of: Callable[[str], str]) -> None:
        self._machines = plan.numbered(addresses)
        self._plant = self._machines[plant]
        self._home_of = home_of
        self._programs = {name: _program(name) for name in PROGRAMS}
        self._ports = count(FIRST_PORT)
        self._holders: dict[str, int] = {}
        self._slow: dict[str, SlowLink] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with self._stack as stack:
            stack.enter_context(_own_namespace())
            self._ip(plan.switch_commands())
            others = [*self._machines.values()]
            for one in others:
                self._holders[one.name] = pid = stack.enter_context(self._held())
                self._ip(plan.port_commands(one, pid))
                self._ip(plan.machine_commands(one, others, self._plant), at=one.name)
            self._ip(plan.neighbour_commands(plan.SWITCH, others))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._stack:
            for link in self._slow.values():
                link.close()

    def address(self, planned: str) -> str:
        """The address, or the subnet, that is in the place of this planned one."""
        return plan.real_address(planned)

    def http_address(self, own: str) -> str:
        """The address at which an instance with this one answers for its health: that of its machine."""
        return own

    def free_port(self, addresses: Iterable[str], kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
        """A port that this object gave to nobody yet: nobody else is on these machines."""
        return next(self._ports)

    def free_endpoints(self, hosts: Sequence[str]) -> list[str]:
        """An endpoint on each of these addresses, no two the same."""
        return [str(Endpoint("tcp", host, self.free_port([host]))) for host in hosts]

    def enter(self, process: str) -> Sequence[str]:
        """The words before the command of the process of this name, which have it run on its machine."""
        machine = self._home_of(process)
        return self._words(machine) if machine in self._machines else ()

    def die(self, name: str) -> None:
        """From now on nothing of this machine arrives anywhere, and nothing arrives there."""
        self._run(["bridge", "link", "set", "dev", self._machines[name].port, "state", str(plan.DISABLED)])

    def revive(self, name: str) -> None:
        """Take `die` back."""
        self._run(["bridge", "link", "set", "dev", self._machines[name].port, "state", str(plan.FORWARDING)])

    def cut(self, name: str, others: Iterable[str], *, is_cut: bool) -> None:
        """From now on all is lost, or no longer, that this machine sends to those others; what they send to
        it arrives.
        """
        self._ip([plan.cut_command(self._machines[other], is_cut=is_cut) for other in others], at=name)

    def slow(self, name: str, weather: LinkWeather, seed: int = 0) -> None:
        """From now on the link of this machine has this weather, both ways; `seed` draws what it loses."""
        one = self._machines[name]
        link = self._slow[name] = SlowLink(one.port, plan.tap(one), weather, seed)
        self._ip(plan.slow_commands(one, is_slow=True))
        link.start()

    def hold_back(self, name: str, others: Iterable[str]) -> None:
        """From now on hold back what this machine, whose link is slow, and those others send each other."""
        addresses = [plan.link_address(self._machines[other].address) for other in others]
        self._slow[name].hold([bytes.fromhex(one.replace(":", "")) for one in addresses])

    def quicken(self, name: str) -> int:
        """Take `slow` and `hold_back` back. What is held back arrives. Returns the number of frames that the
        link lost until now; those that are under way at this moment are lost as well.
        """
        link = self._slow[name]
        link.let_go()
        self._ip(plan.slow_commands(self._machines[name], is_slow=False))
        link.close()
        del self._slow[name]
        return link.lost

    def _words(self, machine: str) -> list[str]:
        return [self._programs["nsenter"], f"--net=/proc/{self._holders[machine]}/ns/net", "--"]

    def _ip(self, commands: Iterable[str], at: str = "") -> None:
        words = self._words(at) if at else []
        self._run([*words, "ip", "-batch", "-"], "".join(f"{command}\n" for command in commands))

    def _run(self, command: Sequence[str], text: str = "") -> None:
        words = [self._programs.get(word, word) for word in command]
        done = subprocess.run(words, input=text, capture_output=True, text=True)
        if done.returncode != 0:
            raise UnavailableError(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")

    @contextmanager
    def _held(self) -> Iterator[int]:
        """A process in a namespace of its own, which ends with its input."""
        words = [self._programs[word] for word in ("unshare", "sh")]
        holder = subprocess.Popen(
            [words[0], "--net", words[1], "-c", _HOLD],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        with holder:
            _wait_for_line(holder.stdout)
            yield holder.pid


def lacking(*, slow: bool) -> str:
    """Why machines cannot be made here, in a sentence; empty if they can. `slow`: also slow links."""
    if os.geteuid() != 0:
        return "machines of their own (hosts: true) are network namespaces, which only root may make"
    missing = [name for name in PROGRAMS if shutil.which(name, path=_path()) is None]
    if missing:
        return f"hosts: true needs {', '.join(missing)}, of iproute2 and util-linux"
    return taps_lacking() if slow else ""


def _wait_for_line(out: IO[bytes] | None) -> None:
    if out is None or not out.readline():
        raise UnavailableError("no network namespace can be made: unshare --net failed")


def _path() -> str:
    return f"{os.environ.get('PATH', os.defpath)}:{_SBIN}"


def _program(name: str) -> str:
    found = shutil.which(name, path=_path())
    if found is None:
        raise UnavailableError(f"hosts: true needs the program {name}")
    return found


@contextmanager
def _own_namespace() -> Iterator[None]:
    """This thread, and all threads and processes that it starts, in a new network namespace; then it is back
    in the former one. Python 3.12 has these calls.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    former = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        _check(libc.unshare(_CLONE_NEWNET), "unshare")
        try:
            yield
        finally:
            _check(libc.setns(former, _CLONE_NEWNET), "setns")
    finally:
        os.close(former)


def _check(code: int, what: str) -> None:
    if code != 0:
        number = ctypes.get_errno()
        raise UnavailableError(f"{what}: {os.strerror(number)}: no network namespace of our own")
