"""The examples of the pages that need a running plant, all beside one lab that is held."""

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from threading import Timer
from typing import NamedTuple

import pytest

from tests.docs_pages.console import PLANT, Block, compare, differences
from tests.integration.lab_run import ROOT, TIMEOUT_S
from tests.test_examples import BLOCKS, shell_environment

pytestmark = pytest.mark.soak

HOLD = "provbus lab run deploy/scenarios/first-boot.yaml --modems 20 --hold"
ON_A_PAGE = "/tmp/provbus-lab-vyl53pga"
"""Where the lab of the pages is."""
UP = "the services are up; Ctrl-C stops them"


class Held(NamedTuple):
    """A lab that is up: its directory, and what it printed."""

    directory: Path
    printed: list[str]


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Held]:
    """One lab for all pages, as the tutorial starts it; no lab of the user is in its way."""
    process = subprocess.Popen(
        HOLD.split(),
        cwd=ROOT,
        env=shell_environment() | {"COLUMNS": "120", "XDG_STATE_HOME": str(tmp_path_factory.mktemp("state"))},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    too_late = Timer(TIMEOUT_S, process.kill)
    too_late.start()
    try:
        assert process.stdout is not None
        printed = []
        for line in process.stdout:
            printed.append(line.rstrip("\n"))
            if printed[-1] == UP:
                break
        too_late.cancel()
        assert printed[-1:] == [UP], printed
        (socket,) = (line.split()[1] for line in printed if line.startswith("dhcp_socket: "))
        directory = Path(socket).parent
        (directory / "deploy").symlink_to(ROOT / "deploy")
        yield Held(directory, printed)
    finally:
        too_late.cancel()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=TIMEOUT_S)


def needing_a_plant(page: str) -> list[Block]:
    """The blocks of a page that are run beside the lab."""
    return [block for block in BLOCKS if block.page == page and PLANT in block.words and block.first != HOLD]


def beside(block: Block, directory: Path) -> Block:
    """The block for the lab that runs."""
    commands = (
        one._replace(
            text=one.text.replace(ON_A_PAGE, str(directory)),
            shown=tuple(line.replace(ON_A_PAGE, str(directory)) for line in one.shown),
        )
        for one in block.commands
    )
    return block._replace(commands=tuple(commands))


def test_the_lab_prints_what_the_tutorial_shows(held: Held) -> None:
    (block,) = (block for block in BLOCKS if block.first == HOLD)
    (command,) = beside(block, held.directory).commands
    found = compare(command.shown, held.printed, block.varies)
    assert not found, found


@pytest.mark.parametrize("page", sorted({block.page for block in BLOCKS if PLANT in block.words}))
def test_the_examples_of_a_page_print_what_it_shows(page: str, held: Held) -> None:
    own = [beside(block, held.directory) for block in needing_a_plant(page)]
    found = differences(own, held.directory, shell_environment())
    assert not found, "\n\n".join(found)
