"""Token buckets: what each may have, and that nobody's debt is forgotten."""

from bus.wire.buckets import Buckets


def test_a_bucket_fills_again_up_to_its_burst() -> None:
    buckets = Buckets(rate_per_s=10.0, burst=3)
    taken = [[buckets.take("a", now) for _ in range(4)] for now in (0.0, 0.25, 100.0)]
    assert [sum(one) for one in taken] == [3, 2, 3]


def test_to_look_takes_nothing_and_a_refusal_costs_nothing() -> None:
    buckets = Buckets(rate_per_s=1.0, burst=1)
    assert all(buckets.has("a", 0.0) for _ in range(3))
    assert buckets.take("a", 0.0)
    assert not any(buckets.has("a", 0.5) or buckets.take("a", 0.5) for _ in range(3))
    assert buckets.take("a", 1.0)


def test_a_flood_of_new_keys_forgets_nobodys_debt_and_shares_one_bucket() -> None:
    buckets = Buckets(rate_per_s=1e-9, burst=1, keys_max=100)
    assert buckets.take("busy", 0.0)
    taken = [buckets.take(number, 0.0) for number in range(20_000)]
    assert sum(taken) == 100  # 99 of their own, and the one that they share
    assert not buckets.take("busy", 0.0)
    assert len(buckets) == 101
    assert buckets.crowded == 20_000 - 99


def test_a_bucket_that_owes_nothing_any_more_makes_room() -> None:
    buckets = Buckets(rate_per_s=1.0, burst=2, keys_max=2)
    for now in range(50):
        assert buckets.take(("a", now), float(now))
        assert buckets.take(("b", now), float(now))
    assert (len(buckets), buckets.crowded) == (2, 0)
