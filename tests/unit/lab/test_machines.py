"""The machines of a run on paper, and in namespaces where they can be made."""

import os
import select
import signal
import subprocess
import sys

import pytest

from services.lab.network import plan
from services.lab.network.homes import broker_address, broker_machine, home_of, machines_of
from services.lab.network.link_weather import LinkWeather
from services.lab.network.machines import Machines
from tests.requirement import need_namespaces, need_taps

A = plan.MachinePlan("a", "port1", "10.0.0.2")
B = plan.MachinePlan("b", "port2", "10.0.0.11")
PLANT = plan.MachinePlan("plant", "port3", "10.0.0.4")


def test_a_machine_knows_the_link_addresses_of_all_others() -> None:
    commands = [*plan.machine_commands(A, [A, B, PLANT], PLANT)]
    told = [command.split()[2] for command in commands if command.startswith("neighbour")]
    assert told == ["10.0.0.11", "10.0.0.4", plan.SWITCH_ADDRESS]
    assert f"route add {plan.DEVICES} via 10.0.0.4 dev eth0" in commands


def test_the_plant_has_the_addresses_of_all_devices() -> None:
    commands = [*plan.machine_commands(PLANT, [A, B, PLANT], PLANT)]
    assert f"route add local {plan.DEVICES} dev lo" in commands
    assert not any("via" in command for command in commands)


def test_what_is_cut_off_is_sent_to_nobody() -> None:
    cut, mended = (plan.cut_command(B, is_cut=is_cut) for is_cut in (True, False))
    assert plan.NOWHERE in cut
    assert plan.link_address(B.address) in mended


def test_a_host_service_is_on_the_machine_of_its_sidecar() -> None:
    assert [home_of(name) for name in ("dhcp-1", "host-dhcp-1", "plant-2")] == ["dhcp-1", "dhcp-1", "plant"]


def reaches(machines: Machines, process: str, address: str) -> bool:
    """Whether the machine of this address refuses this process a connection; nobody listens there."""
    code = "import socket, sys; socket.create_connection((sys.argv[1], 7), 0.3)"
    words = [*machines.enter(process), sys.executable, "-c", code, address]
    said = subprocess.run(words, capture_output=True, text=True).stderr
    assert "refused" in said or "timed out" in said, said
    return "refused" in said


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may make network namespaces")
def test_machines_reach_each_other_and_die_as_black_holes() -> None:
    need_namespaces(os.environ)
    outside = os.readlink("/proc/thread-self/ns/net")
    with machines_of(["dhcp-1", "cfm-1"]) as machines:
        assert os.readlink("/proc/thread-self/ns/net") != outside
        assert reaches(machines, "dhcp-1", "10.0.0.11")
        assert reaches(machines, "cfm-1", "10.64.0.9")  # a device, which is the plant's
        assert reaches(machines, "plant-1", broker_address(3))
        assert reaches(machines, "lab", "10.0.0.2")

        machines.cut("dhcp-1", [broker_machine(3)], is_cut=True)
        assert not reaches(machines, "dhcp-1", broker_address(3))
        assert reaches(machines, "dhcp-1", broker_address(2))
        machines.cut("dhcp-1", [broker_machine(3)], is_cut=False)
        assert reaches(machines, "dhcp-1", broker_address(3))

        machines.die("cfm-1")
        assert not reaches(machines, "dhcp-1", "10.0.0.11")
        assert not reaches(machines, "cfm-1", "10.0.0.2")
        machines.revive("cfm-1")
        assert reaches(machines, "dhcp-1", "10.0.0.11")
    assert os.readlink("/proc/thread-self/ns/net") == outside


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may make network namespaces")
def test_who_is_left_on_a_machine_goes_with_it() -> None:
    need_namespaces(os.environ)
    with machines_of(["dhcp-1", "cfm-1"]) as machines:
        words = [*machines.enter("cfm-1"), "sleep", "60"]
        left = subprocess.Popen(words, start_new_session=True)
        assert left.poll() is None
    assert left.wait(10) == -signal.SIGKILL


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may make network namespaces")
def test_one_way_is_lost_and_the_other_is_not() -> None:
    need_namespaces(os.environ)
    listen = (
        "import socket; one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); one.bind(('0.0.0.0', 7));"
        "print(flush=True); one.settimeout(2.0); print(one.recv(9).decode())"
    )
    tell = "import socket, sys; socket.socket(2, 2).sendto(b'heard', (sys.argv[1], 7))"
    with machines_of(["dhcp-1", "cfm-1"]) as machines:
        machines.cut("dhcp-1", ["cfm-1"], is_cut=True)
        for ours, theirs, address, is_heard in (
            ("cfm-1", "dhcp-1", "10.0.0.2", True),
            ("dhcp-1", "cfm-1", "10.0.0.11", False),
        ):
            words = [*machines.enter(theirs), sys.executable, "-c", listen]
            with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as listener:
                assert listener.stdout is not None
                listener.stdout.readline()
                subprocess.run([*machines.enter(ours), sys.executable, "-c", tell, address], check=True)
                assert (listener.stdout.read() == b"heard\n") is is_heard


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may make network namespaces")
def test_a_slow_link_takes_its_time_and_what_is_held_back_arrives_at_its_end() -> None:
    need_namespaces(os.environ)
    need_taps(os.environ)
    listen = (
        "import socket, time; one = socket.socket(2, 2); one.bind(('0.0.0.0', 7)); one.settimeout(10.0);"
        "print(flush=True)\n"
        "for _ in range(2): said = one.recv(64).split(); print(time.monotonic() - float(said[0]), flush=True)"
    )
    tell = (
        "import socket, sys, time;"
        "socket.socket(2, 2).sendto(str(time.monotonic()).encode(), (sys.argv[1], 7))"
    )
    with machines_of(["dhcp-1", "cfm-1"]) as machines:
        words = [*machines.enter("cfm-1"), sys.executable, "-c", listen]
        with subprocess.Popen(words, stdout=subprocess.PIPE) as listener:
            assert listener.stdout is not None
            listener.stdout.readline()
            told = [*machines.enter("dhcp-1"), sys.executable, "-c", tell, "10.0.0.11"]
            machines.slow("dhcp-1", LinkWeather(delay_s=0.3))
            subprocess.run(told, check=True)
            assert float(listener.stdout.readline()) >= 0.3
            machines.hold_back("dhcp-1", ["cfm-1"])
            subprocess.run(told, check=True)
            assert select.select([listener.stdout], [], [], 0.5)[0] == []
            machines.quicken("dhcp-1")
            assert float(listener.stdout.readline()) >= 0.5
        assert reaches(machines, "dhcp-1", "10.0.0.11")


def test_no_port_is_given_twice() -> None:
    machines = machines_of(["dhcp-1", "cfm-1"])
    assert machines.free_port(["10.0.0.2"]) != machines.free_port(["10.0.0.2"])
    assert len({*machines.free_endpoints(["10.0.0.11"] * 3)}) == 3
    assert machines.address("127.96.0.0/11") == "10.96.0.0/11"
