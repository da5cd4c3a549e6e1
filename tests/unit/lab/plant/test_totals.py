"""The totals of several boots of one plant."""

from typing import Any

from services.lab.plant.totals import merged


def boot(**said: Any) -> dict[str, Any]:
    totals = dict.fromkeys(("online", "failed", "files_valid", "second_tries", "restarts"), 0)
    return {"duration_s": 0.0, "boot_p50_s": 0.0, "boot_p99_s": 0.0, **totals, **said}


def test_counts_are_summed_and_the_worst_percentile_stays() -> None:
    one = boot(online=9, failed=1, files_valid=9, duration_s=2.0, boot_p50_s=0.1, boot_p99_s=4.0)
    other = boot(online=10, restarts=1, files_valid=10, duration_s=1.0, boot_p50_s=0.2, boot_p99_s=0.3)
    found = merged([one, other])
    assert (found["boots"], found["online"], found["failed"], found["files_valid"]) == (2, 19, 1, 19)
    assert (found["restarts"], found["duration_s"], found["boots_per_s"]) == (1, 3.0, 19 / 3)
    assert (found["boot_p50_s"], found["boot_p99_s"]) == (0.2, 4.0)


def test_without_a_boot_everything_is_nought() -> None:
    found = merged([])
    assert not any(found.values())
