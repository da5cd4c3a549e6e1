"""How many descriptors there are, what is kept from strangers, and the last few."""

import os
import resource
import subprocess
import sys
from collections.abc import Iterator

import pytest

from bus.transport.descriptors import SPARE, Descriptors, lowest_free
from tests.unit.descriptors import only


def limits() -> tuple[int, int]:
    return resource.getrlimit(resource.RLIMIT_NOFILE)


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    before = limits()
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_the_limit_is_raised_to_what_is_allowed_but_for_the_last_few(
    caplog: pytest.LogCaptureFixture,
) -> None:
    _, allowed = limits()
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, allowed))
    caplog.set_level("INFO")
    descriptors = Descriptors()
    assert descriptors.limit == allowed - SPARE
    assert limits() == (descriptors.limit, allowed)
    assert caplog.messages == [f"the limit of descriptors was raised from 256 to {descriptors.limit}"]


def test_the_last_few_can_be_had_for_what_matters() -> None:
    descriptors = Descriptors()
    before = limits()
    with descriptors.spare():
        assert limits() == (before[1], before[1])
    assert limits() == before


def test_they_are_given_back_when_that_fails() -> None:
    descriptors = Descriptors()
    before = limits()
    with pytest.raises(OSError), descriptors.spare():
        raise OSError
    assert limits() == before


@pytest.mark.parametrize(
    ("limit", "bound"), [(64, 32), (256, 128), (512, 256), (1_024, 768), (524_288, 4_096)]
)
def test_what_is_kept_from_strangers(limit: int, bound: int) -> None:
    descriptors = Descriptors()
    descriptors.limit = limit
    assert descriptors.for_strangers == bound


def test_the_number_that_a_descriptor_would_have() -> None:
    found = lowest_free(0)
    assert found is not None
    assert os.dup(0) == found
    os.close(found)
    with only(0):
        assert lowest_free(0) is None


def test_with_too_few_nobody_starts() -> None:
    """In a process of its own: what is taken away here is not given back."""
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (200, 200));"
        "from bus.transport.descriptors import Descriptors; Descriptors()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "TryAgainError: cannot start: only 200 descriptors can be had" in done.stderr


DENIED = """
import ctypes, struct
libc = ctypes.CDLL(None)
steps = [(0x20, 0, 0, 0), (0x15, 0, 3, 302), (0x20, 0, 0, 32), (0x15, 1, 0, 0), (0x06, 0, 0, 0x50001),
         (0x06, 0, 0, 0x7FFF0000)]
code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *one) for one in steps))
program = ctypes.create_string_buffer(struct.pack("@HP", len(steps), ctypes.addressof(code)))
assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, program, 0, 0) == 0
import resource
from bus.transport.descriptors import Descriptors
before, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
descriptors = Descriptors()
assert descriptors.limit == before
with descriptors.spare():
    pass
print("went on")
"""
"""A process that may read its limits and not change them: prlimit64(2) with a new limit is EPERM."""


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="system calls have other numbers here")
def test_who_may_not_change_the_limit_goes_on_with_it() -> None:
    done = subprocess.run([sys.executable, "-c", DENIED], capture_output=True, text=True)
    assert done.stdout == "went on\n", done.stderr
    assert "and none are spare" in done.stderr
