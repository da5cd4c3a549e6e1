"""The host beside a sidecar: attached, left, gone, and what it was told."""

from bus.messages import HostCame, HostGone, LocalRequest, SessionClosed
from heartbeat.timing import LEASE_S
from services.sidecar.role.host import Host, HostState, News

OURS, OTHER = 5, 6
ACTS, RESTS = News(may_act=True, epoch=4), News(may_act=False, epoch=-1)


def attached() -> Host:
    host = Host(has_leases=True)
    assert host.attach(OURS, 0.0) is None
    return host


def test_a_second_host_is_refused_while_the_first_is_here() -> None:
    host = attached()
    assert host.attach(OTHER, 0.0) == ("refused", "another host service is attached")
    assert host.attach(OURS, 0.0) is None


def test_after_one_that_left_another_waits_for_its_lease() -> None:
    host = attached()
    host.granted(2.0)
    host.receive(SessionClosed(OTHER))
    assert host.is_here
    host.receive(SessionClosed(OURS))
    assert (host.state, host.is_here, host.is_known) == (HostState.LEFT, False, True)
    refusal = host.attach(OTHER, 1.9)
    assert refusal is not None
    assert refusal[0] == "try_again"
    assert host.attach(OTHER, 2.0) is None


def test_one_that_is_gone_has_no_lease() -> None:
    host = attached()
    host.granted(9.0)
    host.receive(HostGone(OTHER))
    assert host.is_here
    host.receive(HostGone(OURS))
    assert (host.state, host.lease_until) == (HostState.ABSENT, 0.0)
    assert host.attach(OTHER, 0.0) is None


def test_one_that_does_not_ask_may_come_and_go() -> None:
    host = Host(has_leases=True)
    host.receive(HostCame(-1))
    assert host.is_here
    host.receive(HostGone(-1))
    assert not host.is_known


def test_a_lease_only_grows_and_ends_when_the_host_says_so() -> None:
    host = attached()
    host.granted(5.0)
    host.granted(3.0)
    assert host.lease_until == 5.0
    host.stopped()
    assert host.lease_until == 0.0


def test_a_start_waits_for_what_our_former_process_may_have_told_once() -> None:
    host = Host(has_leases=True)
    host.begin(10.0)
    host.begin(20.0)
    assert host.lease_until == 10.0 + LEASE_S


def test_where_all_may_act_there_are_no_leases_to_wait_for() -> None:
    host = Host(has_leases=False)
    host.begin(10.0)
    host.granted(99.0)
    assert host.lease_until == 0.0


def test_the_attached_host_hears_of_what_changed_since_it_asked() -> None:
    host = attached()
    assert host.waits_for(ACTS) is None
    request = LocalRequest(OURS, {"op": "authority", "id": 1})
    host.asked(request, ACTS)
    assert host.waits_for(ACTS) is None
    assert host.waits_for(RESTS) is request
    host.asked(LocalRequest(OTHER, {"op": "authority"}), RESTS)
    assert host.waits_for(RESTS) is request
    host.receive(HostGone(OURS))
    assert host.waits_for(RESTS) is None
