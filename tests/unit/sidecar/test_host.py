"""The host beside a sidecar: attached, left, gone, and what it was told."""

from bus.messages import HostCame, HostGone, LocalRequest, SessionClosed
from heartbeat.timing import LEASE_S
from services.sidecar.role.host import GRACE_S, Host, HostState, News

OURS, OTHER = 5, 6
ACTS, RESTS = News(may_act=True, epoch=4), News(may_act=False, epoch=-1)


def attached() -> Host:
    host = Host(has_leases=lambda: True)
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
    host = Host(has_leases=lambda: True)
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
    host = Host(has_leases=lambda: True)
    host.begin(10.0)
    host.begin(20.0)
    assert host.lease_until == 10.0 + LEASE_S


def test_where_all_may_act_there_are_no_leases_to_wait_for() -> None:
    host = Host(has_leases=lambda: False)
    host.begin(10.0)
    host.granted(99.0)
    assert host.lease_until == 0.0


def test_the_attached_host_hears_of_what_changed_since_it_asked() -> None:
    host = attached()
    assert host.waits_for(ACTS) is None
    request = LocalRequest(OURS, {"op": "authority", "id": 1})
    host.told(request, ACTS)
    assert host.waits_for(ACTS) is None
    assert host.waits_for(RESTS) is request
    host.told(LocalRequest(OTHER, {"op": "authority"}), RESTS)
    assert host.waits_for(RESTS) is request
    host.receive(HostGone(OURS))
    assert host.waits_for(RESTS) is None


def falls_silent(host: Host, now: float) -> None:
    for at in (now, now + GRACE_S):
        host.watch(at, may_act=True)
    assert host.state is HostState.SILENT


def asks(host: Host, now: float, news: News = ACTS, **fields: int) -> None:
    host.watch(now, may_act=news.may_act)
    host.asked(LocalRequest(OURS, {"op": "authority", "id": 1, **fields}), now)


def test_one_that_asks_no_more_is_silent_until_it_asks_again() -> None:
    host = attached()
    asks(host, 10.0)
    assert host.overdue_at() == 10.0 + LEASE_S
    host.watch(10.0 + LEASE_S - 0.1, may_act=True)
    assert host.is_here
    host.watch(10.0 + LEASE_S, may_act=True)
    host.watch(10.0 + LEASE_S + GRACE_S - 0.01, may_act=True)
    assert host.is_here
    assert host.watch_at() == 10.0 + LEASE_S + GRACE_S
    host.watch(10.0 + LEASE_S + GRACE_S, may_act=True)
    assert (host.state, host.is_here, host.is_known) == (HostState.SILENT, False, True)
    assert host.silences == 1
    asks(host, 20.0, RESTS)
    assert host.is_here


def test_a_question_without_progress_is_none() -> None:
    host = attached()
    asks(host, 10.0, progress=7)
    asks(host, 12.0, progress=7)
    assert host.overdue_at() == 10.0 + LEASE_S
    falls_silent(host, 10.0 + LEASE_S)
    asks(host, 14.0, progress=7)
    assert host.state is HostState.SILENT
    asks(host, 14.5)
    assert host.state is HostState.SILENT
    asks(host, 15.0, progress=8)
    assert (host.state, host.overdue_at()) == (HostState.HERE, 15.0 + LEASE_S)


def test_a_right_that_begins_leaves_time_to_ask() -> None:
    host = attached()
    for began in (50.0, 99.0):
        host.watch(began, may_act=True)
        assert (host.is_here, host.overdue_at()) == (True, began + LEASE_S)
        host.watch(began + 2.0, may_act=False)


def test_nobody_follows_a_silent_one_that_lives() -> None:
    host = attached()
    asks(host, 0.0)
    falls_silent(host, LEASE_S)
    assert host.attach(OTHER, 99.0) == ("refused", "another host service is attached")
    host.receive(HostGone(OURS))
    assert host.attach(OTHER, 99.0) is None


def test_a_question_that_waited_while_we_slept_is_heard_first() -> None:
    host = attached()
    asks(host, 10.0)
    host.watch(10.0 + LEASE_S + 7.0, may_act=True)  # we wake, and it has asked meanwhile
    asks(host, 10.0 + LEASE_S + 7.0)
    host.watch(10.0 + LEASE_S + 7.0 + GRACE_S, may_act=True)
    assert (host.is_here, host.silences) == (True, 0)


def test_one_that_never_asks_is_never_silent() -> None:
    host = Host(has_leases=lambda: True)
    host.receive(HostCame(-1))
    host.watch(1.0, may_act=True)
    host.watch(1e9, may_act=True)
    assert host.is_here
