"""Storms over a plant under election: which plant, which troubles, for how long, all drawn from the seed.

A storm has only some kinds of trouble, several times each: what needs three of a kind in a row would hardly
ever come about if every storm had them all. Most troubles are for whoever is the primary at that moment. What
can be repaired is repaired, and the last seconds are calm: there the plant has no excuse.
"""

from collections.abc import Callable, Iterator
from itertools import count
from random import Random

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
from tests.simulation.failover.parts import DHCPS, MPS
from tests.simulation.failover.scenario import (
    Away,
    Boot,
    Deed,
    Drain,
    Elsewhere,
    Lock,
    Perish,
    Promote,
    Scenario,
    Shape,
    Timed,
)

CALM_S = 25.0
HOUR_EVERY = 1000  # of so many seeds one has no brokers for an hour
FULL = 0.2  # the share of storms that also fill disks
PARENTS = 0.4  # of the storms
ELSEWHERE = 0.15  # of the storms
LASTING = 0.15  # the share of storms whose troubles last, as liveness needs it
ROLES_LOG = "failover"


class _Drawing:
    """The names of a plant, and a source of new slots for "the primary at that moment"."""

    def __init__(self, random: Random, shape: Shape, slots_from: int = 0) -> None:
        self.random = random
        self.shape = shape
        self.minters = [*DHCPS[: shape.dhcps], *([MPS] if shape.mps else [])]
        self.cfms = [f"cfm-{at}" for at in range(1, shape.cfms + 1)]
        self._slots = count(slots_from)

    def primary(self) -> str:
        """Mostly the primary, sometimes any sidecar."""
        if self.random.random() < 0.8:
            return f"@{next(self._slots)}"
        return self.random.choice(self.minters)

    def anybody(self) -> str:
        """A sidecar or a CFM."""
        return self.primary() if self.random.random() < 0.6 else self.random.choice(self.cfms)

    def host(self) -> str:
        """The host beside a DHCP sidecar, mostly the primary's."""
        if self.random.random() < 0.8:
            return f"h@{next(self._slots)}"
        return self.random.choice(DHCPS[: self.shape.dhcps]).replace("dhcp", "host")


Trouble = Callable[[_Drawing, float, float], list[Timed]]


def _for_a_while(since_s: float, end_s: float, *pairs: tuple[Deed, Deed]) -> list[Timed]:
    return [(since_s, one) for one, _ in pairs] + [(end_s, other) for _, other in pairs]


def _crash(to: _Drawing, since_s: float, end_s: float) -> list[Timed]:
    node = to.anybody()
    return _for_a_while(since_s, end_s, (to.random.choice((Crash, Crash, Stop))(node), Restart(node)))


def _perish(to: _Drawing, since_s: float, end_s: float) -> list[Timed]:
    node = to.primary()
    return _for_a_while(since_s, end_s, (Perish(node), Restart(node)))


def _blink(to: _Drawing, since_s: float, _: float) -> list[Timed]:
    """A restart so quick that the lease of the former process still runs."""
    node = to.primary()
    return _for_a_while(since_s, since_s + to.random.uniform(0.01, 1.0), (Crash(node), Restart(node)))


def _wipe(to: _Drawing, since_s: float, end_s: float) -> list[Timed]:
    node = to.anybody()
    return _for_a_while(since_s, end_s, (Wipe(node), Restart(node)))


def _pause(to: _Drawing, since_s: float, end_s: float) -> list[Timed]:
    return [(since_s, Pause(to.anybody(), end_s - since_s))]


def _host(to: _Drawing, since_s: float, end_s: float) -> list[Timed]:
    if not to.shape.hosts:
        return _crash(to, since_s, end_s)
    host = to.host()
    if to.random.random() < 0.5:
        return [(since_s, Pause(host, end_s - since_s))]
    return _for_a_while(since_s, end_s, (Crash(host), Restart(host)))


def _cut(to: _Drawing, since_s: float, end_s: float) -> list[Timed]:
    """From the brokers, in one direction or both."""
    node = to.anybody()
    ways = to.random.choice([[(node, BROKER)], [(BROKER, node)], [(node, BROKER), (BROKER, node)]])
    return _for_a_while(since_s, end_s, *((Cut(*way), Mend(*way)) for way in ways))


def _cut_cfm(to: _Drawing, since_s: float, end_s: float) -> list[Timed]:
    node, cfm = to.primary(), to.random.choice(to.cfms)
    ways = to.random.choice([[(node, cfm)], [(cfm, node)], [(node, cfm), (cfm, node)]])
    return _for_a_while(since_s, end_s, *((Cut(*way), Mend(*way)) for way in ways))


def _slow(to: _Drawing, since_s: float, end_s: float) -> list[Timed]:
    node, cfm = to.primary(), to.random.choice(to.cfms)
    source, target = to.random.choice([(node, cfm), (cfm, node)])
    delay_s = to.random.choice((0.06, 0.3, 1.0, 4.0))
    return _for_a_while(since_s, end_s, (Slow(source, target, delay_s), Slow(source, target, 0.0)))


def _drift(to: _Drawing, since_s: float, end_s: float) -> list[Timed]:
    one, other = to.random.sample(to.minters, 2)
    sign = to.random.choice((-1.0, 1.0))
    rates = {one: 1.0 + sign * DRIFT_MAX, other: 1.0 - sign * DRIFT_MAX}
    return _for_a_while(
        since_s, end_s, *((Drift(node, rate), Drift(node, 1.0)) for node, rate in rates.items())
    )


def _clock(to: _Drawing, since_s: float, end_s: float) -> list[Timed]:
    node = to.anybody()
    error_s = to.random.choice((0.5, 4.0, 90.0)) * to.random.uniform(-1.0, 1.0)
    return _for_a_while(since_s, end_s, (SetClock(node, error_s), SetClock(node, 0.0)))


def _weather(to: _Drawing, since_s: float, end_s: float) -> list[Timed]:
    return [(since_s, SetWeather(draw_weather(to.random)))]


def _stall(to: _Drawing, since_s: float, end_s: float) -> list[Timed]:
    logs = to.random.choice([[ROLES_LOG], [ROLES_LOG, "heartbeat"], ["config"], ["heartbeat"]])
    return _for_a_while(since_s, end_s, *((Stall(log, True), Stall(log, False)) for log in logs))


def _slow_log(to: _Drawing, since_s: float, end_s: float) -> list[Timed]:
    delay_s = to.random.choice((0.1, 0.5, 1.5, 3.2, 4.0))
    return _for_a_while(since_s, end_s, (SlowLog(ROLES_LOG, delay_s), SlowLog(ROLES_LOG, 0.0)))


def _full(to: _Drawing, since_s: float, end_s: float) -> list[Timed]:
    node, lies = to.anybody(), to.random.random() < 0.5
    return _for_a_while(since_s, end_s, (Full(node, True, lies), Full(node, False)))


def _away(to: _Drawing, since_s: float, end_s: float) -> list[Timed]:
    cfms = to.random.choice((to.shape.cfms, to.shape.cfms, to.random.randint(0, to.shape.cfms)))
    return _for_a_while(since_s, end_s, (Away(True, cfms), Away(False, cfms)))


def _last_renewal(to: _Drawing, since_s: float, end_s: float) -> list[Timed]:
    """Others read a renewal that its holder did not, and then the log is gone for all."""
    node, cfms = to.primary(), to.shape.cfms
    away_s = since_s + to.random.uniform(0.0, 1.0)
    return [
        (since_s, Cut(BROKER, node)),
        (away_s, Away(True, cfms)),
        (max(away_s, end_s), Away(False, cfms)),
    ]


def _retain(to: _Drawing, since_s: float, _: float) -> list[Timed]:
    return [(since_s, Retain(ROLES_LOG, to.random.choice((0, 1, 10, 100))))]


def _truncate(to: _Drawing, since_s: float, _: float) -> list[Timed]:
    return [(since_s, Truncate(ROLES_LOG, to.random.choice((1, 2, 10))))]


def _skip(to: _Drawing, since_s: float, _: float) -> list[Timed]:
    return [(since_s, Skip(to.anybody(), ROLES_LOG))]


def _echo(to: _Drawing, since_s: float, end_s: float) -> list[Timed]:
    times = (to.random.uniform(since_s, end_s) for _ in range(to.random.randint(1, 5)))
    return [(at, Echo(ROLES_LOG, to.random.choice((None, to.primary())))) for at in times]


def _drain(to: _Drawing, since_s: float, end_s: float) -> list[Timed]:
    node = to.primary()
    kind = to.random.choice((Drain, Lock))
    return _for_a_while(since_s, end_s, (kind(node, True), kind(node, False)))


def _promote(to: _Drawing, since_s: float, _: float) -> list[Timed]:
    return [(since_s, Promote(to.random.choice(to.minters)))]


def _boots(to: _Drawing, since_s: float, end_s: float) -> list[Timed]:
    if not to.shape.devices:
        return _crash(to, since_s, end_s)
    devices = [f"device-{at}" for at in range(to.shape.devices)]
    return [(to.random.uniform(since_s, end_s), Boot(name)) for name in devices]


TROUBLES: tuple[Trouble, ...] = (
    _crash,
    _blink,
    _wipe,
    _pause,
    _host,
    _cut,
    _cut,
    _cut_cfm,
    _slow,
    _drift,
    _clock,
    _weather,
    _stall,
    _slow_log,
    _away,
    _last_renewal,
    _echo,
    _drain,
    _promote,
)
DISKS: tuple[Trouble, ...] = (_full, _full, _full, _blink, _drain, _crash)  # what a full disk makes matter
RARE: tuple[Trouble, ...] = (_retain, _truncate, _skip)  # after these somebody halts


def draw(seed: int) -> Scenario:
    """The storm of this seed."""
    random = Random(f"storm {seed}")
    is_hour = seed % HOUR_EVERY == HOUR_EVERY - 1
    shape = Shape(
        dhcps=random.choice((2, 2, 2, 3)),
        cfms=random.choice((2, 2, 2, 3)),
        mps=random.random() < 0.15,
        hosts=random.random() < 0.3,
        devices=0 if is_hour else random.choice((0, 0, 0, 2)),
        checkpoint_at=random.choice((0, 20, 60)),
        parents=Random(f"parents {seed}").random() < PARENTS,  # drawn apart, as below
    )
    if is_hour:
        return _hour(shape)
    to = _Drawing(random, shape)
    until_s = random.choice((300.0, 480.0)) if random.random() < 0.03 else random.uniform(52.0, 74.0)
    kinds = random.sample(TROUBLES, random.randint(2, 5))
    if shape.parents:
        kinds += [_crash, _perish]
    if random.random() < 0.15:
        kinds.append(random.choice(RARE))
    if shape.devices:
        kinds.append(_boots)
    troubles = [*_troubles(to, kinds, until_s - CALM_S), *_full_disks(seed, shape, until_s - CALM_S)]
    troubles += _from_elsewhere(seed, shape, until_s - CALM_S)
    faults = sorted(troubles, key=lambda timed: timed[0])
    return Scenario(f"storm {seed}", shape, (*faults, *_calm(to, until_s - CALM_S)), until_s)


def _troubles(to: _Drawing, kinds: list[Trouble], until_s: float) -> Iterator[Timed]:
    random = to.random
    if random.random() < 0.3:
        yield 0.0, SetWeather(draw_weather(random))
    if random.random() < LASTING:  # a trouble or two, and they do not end
        for _ in range(random.randint(1, 2)):
            since_s = random.uniform(1.0, until_s / 3)
            yield from random.choice(kinds)(to, since_s, until_s)
        return
    for _ in range(round(until_s / random.choice((2.5, 5.0, 10.0)))):
        since_s = random.uniform(1.0, until_s)
        end_s = min(until_s, since_s + random.choice((0.05, 0.5, 2.0, 5.0, 15.0)) * random.uniform(0.5, 1.5))
        yield from random.choice(kinds)(to, since_s, end_s)


def _from_elsewhere(seed: int, shape: Shape, until_s: float) -> Iterator[Timed]:
    """CFMs that took rows over multicast meanwhile: all of them before the start, or some, later."""
    random = Random(f"elsewhere {seed}")
    if random.random() >= ELSEWHERE:
        return
    cfms = [f"cfm-{at}" for at in range(1, shape.cfms + 1)]
    if random.random() < 0.5:
        yield from ((0.0, Elsewhere(name, 1)) for name in cfms)
    for _ in range(random.randint(1, 3)):
        at_s = random.uniform(5.0, until_s)
        yield from ((at_s, Elsewhere(name, random.choice((1, 1, 3)))) for name in random.sample(cfms, 1))


def _full_disks(seed: int, shape: Shape, until_s: float) -> Iterator[Timed]:
    """Drawn apart, so that storms without them are what they were."""
    random = Random(f"disks {seed}")
    if random.random() >= FULL:
        return
    to = _Drawing(random, shape, slots_from=1_000)
    for _ in range(random.randint(4, 16)):
        since_s = random.uniform(1.0, until_s)
        end_s = min(until_s, since_s + random.choice((0.5, 2.0, 5.0, 15.0)) * random.uniform(0.5, 1.5))
        yield from random.choice(DISKS)(to, since_s, end_s)


def _calm(to: _Drawing, at_s: float) -> list[Timed]:
    hosts = [name.replace("dhcp", "host") for name in to.minters if name != MPS] if to.shape.hosts else []
    nodes = [*to.minters, *to.cfms]
    return [
        *clear(nodes, at_s),
        *((at_s, Stall(log, False)) for log in ("heartbeat", "config")),
        *((at_s, Restart(host)) for host in hosts),
        *((at_s, kind(name, False)) for name in to.minters for kind in (Drain, Lock)),
    ]


def _hour(shape: Shape) -> Scenario:
    """The brokers are away for an hour."""
    faults: list[Timed] = [
        (10.0, Away(True, shape.cfms)),
        (3610.0, Away(False, shape.cfms)),
    ]
    return Scenario("an hour without brokers", shape, tuple(faults), 3640.0)
