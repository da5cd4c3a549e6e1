"""The page from nothing to a fleet, as a newcomer types it: real brokers, six instances, two DHCP servers."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.brokers.detached import ProcessIdentity, identify, kill
from services.brokers.state import base_directory
from services.lab.site.processes import wait_until
from tests.docs_pages.console import FLEET, differences
from tests.integration.lab_run import END_S, ROOT
from tests.requirement import need_tftp_client
from tests.test_examples import BLOCKS, shell_environment

pytestmark = [pytest.mark.kafka, pytest.mark.soak, pytest.mark.usefixtures("kafka_programs")]

PAGE = "docs/howto/first-fleet.md"


def living_in(directory: Path) -> list[ProcessIdentity]:
    """The processes that work in this directory or below, also where it was removed meanwhile."""
    return [one for path in Path("/proc").glob("[0-9]*") if (one := _living(path, directory)) is not None]


def _living(process: Path, directory: Path) -> ProcessIdentity | None:
    try:
        place = (process / "cwd").readlink()
    except OSError:  # it has ended, or is somebody else's
        return None
    return identify(int(process.name)) if place.is_relative_to(directory) else None


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """The home of a newcomer, with a checkout's `deploy`; whatever was started there ends with the test."""
    (tmp_path / "deploy").symlink_to(ROOT / "deploy")
    yield tmp_path
    kill(living_in(tmp_path))


def test_the_page_alone_leads_to_a_fleet_and_leaves_nothing_behind(home: Path) -> None:
    need_tftp_client("curl", os.environ)
    own = [block for block in BLOCKS if FLEET in block.words and block.page == PAGE]
    assert own
    places = {
        "HOME": str(home),
        "XDG_STATE_HOME": str(home / "state"),
        "XDG_CACHE_HOME": str(base_directory(os.environ, "XDG_CACHE_HOME", ".cache").parent),
    }
    found = differences(own, home, shell_environment() | places)
    assert not found, "\n\n".join(found)
    wait_until(lambda: not living_in(home), END_S, "the processes of the page to end", [])
    assert not (home / "fleet").exists()
