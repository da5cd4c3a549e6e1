"""Storms over a plant that switches: which plant, which orders, which troubles, all drawn from the seed.

Most troubles come in the seconds after an order, where a switch has its steps; some strike at a step itself.
Plants that hear both columns from the first day switch within a second, so several times in a run; the others
have to prove parity. What can be repaired is repaired when the storm is over, and then the plant has no
excuse.
"""

from collections.abc import Callable, Iterator
from itertools import count
from random import Random

from bus.routes import Column
from bus.switch.standing import Step
from bus.testing.faults import (
    BROKER,
    DRIFT_MAX,
    Crash,
    Cut,
    Drift,
    Echo,
    Full,
    Mend,
    Pause,
    Recreate,
    Restart,
    Retain,
    SetClock,
    SetWeather,
    Skip,
    Slow,
    SlowLog,
    Stall,
    Stop,
    Truncate,
    Wipe,
    clear,
    draw_weather,
)
from tests.simulation.failover.scenario import Away, Boot, Drain, Promote
from tests.simulation.switch.carriers import in_group
from tests.simulation.switch.parts import CFMS, DHCPS, MPS
from tests.simulation.switch.scenario import (
    Abort,
    CrashAt,
    Deed,
    Finish,
    Order,
    Reconfigure,
    Refuse,
    Scenario,
    Shape,
    Timed,
)

FIRST_S = 6.0  # a role is held by then
PARITY_S = 14.0
MODES = ("bus", "multicast")
STRETCHED = 0.4  # the share of orders for which everybody stands still for a while
ROLES_LOG = "failover"


class _Drawing:
    """The names of a plant, and a source of new slots for whoever acts at that moment."""

    def __init__(self, random: Random, shape: Shape) -> None:
        self.random = random
        self.shape = shape
        self.dhcps = DHCPS[: shape.dhcps]
        self.minters = [*self.dhcps, *([MPS] if shape.mps else [])]
        self._slots = count()

    def primary(self) -> str:
        """Mostly whoever acts, sometimes any sidecar."""
        if self.random.random() < 0.7:
            return f"@{next(self._slots)}"
        return self.random.choice(self.minters)

    def anybody(self) -> str:
        """A sidecar or a CFM."""
        return self.primary() if self.random.random() < 0.6 else self.random.choice(CFMS)


Trouble = Callable[[_Drawing, float, float], list[Timed]]


def _for_a_while(since_s: float, end_s: float, *pairs: tuple[Deed, Deed]) -> list[Timed]:
    return [(since_s, one) for one, _ in pairs] + [(end_s, other) for _, other in pairs]


def _crash(to: _Drawing, since_s: float, end_s: float) -> list[Timed]:
    node = to.anybody()
    return _for_a_while(since_s, end_s, (to.random.choice((Crash, Crash, Stop))(node), Restart(node)))


def _blink(to: _Drawing, since_s: float, _: float) -> list[Timed]:
    """A restart so quick that the lease of the former process still runs."""
    node = to.primary()
    return _for_a_while(since_s, since_s + to.random.uniform(0.01, 1.0), (Crash(node), Restart(node)))


def _wipe(to: _Drawing, since_s: float, end_s: float) -> list[Timed]:
    node = to.anybody()
    return _for_a_while(since_s, end_s, (Wipe(node), Restart(node)))


def _crash_at(to: _Drawing, since_s: float, _: float) -> list[Timed]:
    return [(since_s, CrashAt(to.anybody(), to.random.choice([*Step]), to.random.random() < 0.5))]


def _pause(to: _Drawing, since_s: float, end_s: float) -> list[Timed]:
    return [(since_s, Pause(to.anybody(), end_s - since_s))]


def _host(to: _Drawing, since_s: float, end_s: float) -> list[Timed]:
    if not to.shape.hosts:
        return _pause(to, since_s, end_s)
    host = f"h{to.primary()}".replace("hdhcp", "host")
    if host == f"h{MPS}":
        host = "host-1"
    if to.random.random() < 0.5:
        return [(since_s, Pause(host, end_s - since_s))]
    return _for_a_while(since_s, end_s, (Crash(host), Restart(host)))


def _ways(to: _Drawing, one: str, other: str) -> list[tuple[str, str]]:
    """One direction, or both."""
    return to.random.choice([[(one, other)], [(other, one)], [(one, other), (other, one)]])


def _cut_bus(to: _Drawing, since_s: float, end_s: float) -> list[Timed]:
    """From the brokers."""
    ways = _ways(to, to.anybody(), BROKER)
    return _for_a_while(since_s, end_s, *((Cut(*way), Mend(*way)) for way in ways))


def _cut_link(to: _Drawing, since_s: float, end_s: float) -> list[Timed]:
    """A connection."""
    ways = _ways(to, to.primary(), to.random.choice(CFMS))
    return _for_a_while(since_s, end_s, *((Cut(*way), Mend(*way)) for way in ways))


def _cut_group(to: _Drawing, since_s: float, end_s: float) -> list[Timed]:
    """One node from some others in the group, or from all."""
    node = to.anybody()
    others = [one for one in (*to.minters, *CFMS) if one != node]
    others = others if to.random.random() < 0.5 else to.random.sample(others, 2)
    ways = [way for other in others for way in _ways(to, in_group(node), in_group(other))]
    return _for_a_while(since_s, end_s, *((Cut(*way), Mend(*way)) for way in ways))


def _cut_off(to: _Drawing, since_s: float, end_s: float) -> list[Timed]:
    """One node from everything, in both columns."""
    node = to.anybody()
    others = [one for one in (*to.minters, *CFMS) if one != node]
    pairs = [(node, BROKER), *((node, other) for other in others)]
    pairs += [(in_group(node), in_group(other)) for other in others]
    ways = [way for one, other in pairs for way in ((one, other), (other, one))]
    return _for_a_while(since_s, end_s, *((Cut(*way), Mend(*way)) for way in ways))


def _slow(to: _Drawing, since_s: float, end_s: float) -> list[Timed]:
    node, cfm = to.primary(), to.random.choice(CFMS)
    source, target = to.random.choice([(node, cfm), (cfm, node)])
    if to.random.random() < 0.5:
        source, target = in_group(source), in_group(target)
    delay_s = to.random.choice((0.06, 0.3, 1.0, 4.0))
    return _for_a_while(since_s, end_s, (Slow(source, target, delay_s), Slow(source, target, 0.0)))


def _drift(to: _Drawing, since_s: float, end_s: float) -> list[Timed]:
    one, other = to.random.sample([*to.dhcps, *CFMS], 2)
    sign = to.random.choice((-1.0, 1.0))
    rates = {one: 1.0 + sign * DRIFT_MAX, other: 1.0 - sign * DRIFT_MAX}
    return _for_a_while(
        since_s, end_s, *((Drift(node, rate), Drift(node, 1.0)) for node, rate in rates.items())
    )


def _clock(to: _Drawing, since_s: float, end_s: float) -> list[Timed]:
    node = to.anybody()
    error_s = to.random.choice((0.5, 4.0, 90.0)) * to.random.uniform(-1.0, 1.0)
    return _for_a_while(since_s, end_s, (SetClock(node, error_s), SetClock(node, 0.0)))


def _weather(to: _Drawing, since_s: float, _: float) -> list[Timed]:
    return [(since_s, SetWeather(draw_weather(to.random)))]


def _stall(to: _Drawing, since_s: float, end_s: float) -> list[Timed]:
    logs = to.random.choice([[ROLES_LOG], [ROLES_LOG], [ROLES_LOG, "heartbeat"], ["heartbeat"]])
    return _for_a_while(since_s, end_s, *((Stall(log, True), Stall(log, False)) for log in logs))


def _slow_log(to: _Drawing, since_s: float, end_s: float) -> list[Timed]:
    delay_s = to.random.choice((0.1, 0.5, 1.5, 3.2, 4.0))
    return _for_a_while(since_s, end_s, (SlowLog(ROLES_LOG, delay_s), SlowLog(ROLES_LOG, 0.0)))


def _full(to: _Drawing, since_s: float, end_s: float) -> list[Timed]:
    node, lies = to.anybody(), to.random.random() < 0.5
    return _for_a_while(since_s, end_s, (Full(node, True, lies), Full(node, False)))


def _refuse(to: _Drawing, since_s: float, end_s: float) -> list[Timed]:
    node, column = to.anybody(), to.random.choice([*Column])
    return _for_a_while(since_s, end_s, (Refuse(node, column, True), Refuse(node, column, False)))


def _away(to: _Drawing, since_s: float, end_s: float) -> list[Timed]:
    cfms = to.random.randint(0, len(CFMS))
    return _for_a_while(since_s, end_s, (Away(True, cfms), Away(False, cfms)))


def _echo(to: _Drawing, since_s: float, end_s: float) -> list[Timed]:
    times = (to.random.uniform(since_s, end_s) for _ in range(to.random.randint(1, 5)))
    return [(at, Echo(ROLES_LOG, to.random.choice((None, to.primary())))) for at in times]


def _drain(to: _Drawing, since_s: float, end_s: float) -> list[Timed]:
    node = to.primary()
    return _for_a_while(since_s, end_s, (Drain(node, True), Drain(node, False)))


def _promote(to: _Drawing, since_s: float, end_s: float) -> list[Timed]:
    """A person who appoints one while another one acts is asking for two."""
    if not to.shape.grants:
        return _drain(to, since_s, end_s)
    return [(since_s, Promote(to.random.choice(to.dhcps)))]


def _abort(to: _Drawing, since_s: float, _: float) -> list[Timed]:
    return [(since_s, Abort(to.random.choice(to.minters)))]


def _absent(to: _Drawing, since_s: float, end_s: float) -> list[Timed]:
    """One is down, and an operator has the others switch without it."""
    node, by, mode = to.anybody(), to.random.choice(to.dhcps), to.random.choice(MODES)
    back_s = max(end_s, since_s + 5.0)
    return [(since_s, Crash(node)), (since_s + 2.5, Order(by, mode, without=True)), (back_s, Restart(node))]


def _reconfigure(to: _Drawing, since_s: float, end_s: float) -> list[Timed]:
    return [(end_s, Reconfigure(to.random.choice([*Column])))]


def _rival(to: _Drawing, since_s: float, _: float) -> list[Timed]:
    """Another operator orders something else."""
    return [(since_s, Order(to.random.choice(to.minters), to.random.choice((*MODES, "dual"))))]


def _of_topics(to: _Drawing, since_s: float, _: float) -> list[Timed]:
    """What happens to topics that are no log."""
    topic = to.random.choice(("heartbeat", "config"))
    return [(since_s, to.random.choice((Truncate(topic, 2), Recreate(topic), Retain(topic, 1))))]


def _retain(to: _Drawing, since_s: float, _: float) -> list[Timed]:
    return [(since_s, Retain(ROLES_LOG, to.random.choice((0, 1, 10, 100))))]


def _skip(to: _Drawing, since_s: float, _: float) -> list[Timed]:
    return [(since_s, Skip(to.anybody(), ROLES_LOG))]


TROUBLES: tuple[Trouble, ...] = (
    _crash,
    _blink,
    _wipe,
    _crash_at,
    _crash_at,
    _pause,
    _host,
    _cut_bus,
    _cut_bus,
    _cut_link,
    _cut_group,
    _cut_group,
    _cut_off,
    _slow,
    _drift,
    _clock,
    _weather,
    _stall,
    _slow_log,
    _full,
    _full,
    _refuse,
    _away,
    _echo,
    _drain,
    _promote,
    _abort,
    _abort,
    _absent,
    _absent,
    _reconfigure,
    _rival,
    _rival,
    _of_topics,
    _retain,
    _skip,
)


def draw(seed: int) -> Scenario:
    """The storm of this seed."""
    random = Random(f"switch {seed}")
    shape = Shape(
        begins=random.choice([*Column]),
        is_quick=random.random() < 0.7,
        grants=random.random() < 0.6,
        dhcps=random.choice((2, 2, 3)),
        mps=random.random() < 0.2,
        hosts=random.random() < 0.4,
        devices=random.choice((0, 1, 2)),
        checkpoint_at=random.choice((0, 20)),
        linger_s=random.choice((3.0, 3600.0, 3600.0, 3600.0)),
    )
    to = _Drawing(random, shape)
    orders = [*_orders(to)]
    until_s = orders[-1][0] + random.uniform(4.0, PARITY_S)
    kinds = random.sample(TROUBLES, random.randint(2, 5))
    faults = [*orders, *_troubles(to, kinds, orders, until_s), *_boots(to, until_s)]
    return Scenario(
        f"storm {seed}",
        shape,
        tuple(sorted(faults, key=lambda timed: timed[0])),
        until_s,
        _repairs(to),
    )


def _orders(to: _Drawing) -> Iterator[Timed]:
    """There and back, several times."""
    random, leads, at_s = to.random, str(to.shape.begins), FIRST_S
    is_quick = to.shape.is_quick
    for _ in range(random.randint(2, 5) if is_quick else random.choice((1, 2))):
        at_s += random.uniform(0.0, 2.0)
        leads = MODES[1 - MODES.index(leads)] if random.random() < 0.9 else "dual"
        yield at_s, Order(random.choice(to.dhcps), leads)
        leads = leads if leads in MODES else random.choice(MODES)
        at_s += random.uniform(2.0, 9.0) if is_quick else random.uniform(PARITY_S, 1.6 * PARITY_S)
        if random.random() < 0.15:
            yield at_s, Finish(random.choice(to.dhcps))
            is_quick, at_s = False, at_s + 1.0


def _troubles(to: _Drawing, kinds: list[Trouble], orders: list[Timed], until_s: float) -> Iterator[Timed]:
    random = to.random
    if random.random() < 0.3:
        yield 0.0, SetWeather(draw_weather(random))
    for at_s, _ in orders:
        begins_s = at_s if to.shape.is_quick or random.random() < 0.3 else at_s + PARITY_S - 1.0
        if random.random() < STRETCHED:
            delay_s = random.choice((0.3, 0.8, 1.6, 2.6))
            yield from _for_a_while(
                min(until_s, max(1.0, begins_s - 0.5)),
                min(until_s, begins_s + 4.0),
                (SlowLog(ROLES_LOG, delay_s), SlowLog(ROLES_LOG, 0.0)),
            )
        for _ in range(random.choice((0, 1, 1, 2, 3))):
            since_s = min(until_s, max(1.0, begins_s + random.uniform(-1.0, 3.0)))
            end_s = since_s + random.choice((0.05, 0.5, 2.0, 5.0, 15.0)) * random.uniform(0.5, 1.5)
            yield from random.choice(kinds)(to, since_s, min(until_s, end_s))


def _boots(to: _Drawing, until_s: float) -> Iterator[Timed]:
    """Devices boot all the time."""
    for at in range(to.shape.devices):
        at_s = to.random.uniform(2.0, 6.0)
        while at_s < until_s:
            yield at_s, Boot(f"device-{at}")
            at_s += to.random.uniform(1.0, 6.0)


def _repairs(to: _Drawing) -> tuple[Deed, ...]:
    nodes = [*to.minters, *CFMS]
    hosts = [name.replace("dhcp", "host") for name in to.dhcps] if to.shape.hosts else []
    places = [in_group(name) for name in nodes]
    ways = [(one, other) for one in places for other in places if one != other]
    return (
        *(Refuse(name, column, False) for name in nodes for column in Column),
        *(Mend(*way) for way in ways),
        *(Slow(*way, 0.0) for way in ways),
        *(deed for _, deed in clear(nodes, 0.0)),
        *(Stall(log, False) for log in ("heartbeat", "config")),
        *(Restart(host) for host in hosts),
        *(Drain(name, False) for name in to.minters),
    )
