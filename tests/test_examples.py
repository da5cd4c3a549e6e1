"""The examples of README and docs/ are run, and print what the pages show."""

import os
import sys
from pathlib import Path

import pytest

from tests.docs_pages.console import FLEET, PLANT, Block, blocks, compare, differences

ROOT = Path(__file__).parent.parent
PATHS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCKS = [block for path in PATHS for block in blocks(str(path.relative_to(ROOT)), path.read_text())]

KEA = "it needs a running Kea: tests/integration/test_kea_doctor.py and test_kea_telling.py run it"
MAKE = "it installs or builds the whole project"
LAB = "a whole run of the lab takes too long here: tests/integration runs it"
NOT_RUN = {
    ("README.md", "make install            # everything goes into .venv"): MAKE,
    (
        "README.md",
        "make lab     # boots a simulated plant of 600 modems through provbus and prints what became of them",
    ): LAB,
    ("README.md", "make test    # ruff, mypy and every test that is over soon"): MAKE,
    ("docs/howto/develop.md", "make install    # everything goes into .venv"): MAKE,
    ("docs/howto/develop.md", ".venv/bin/python -m pytest -n0 tests/test_docs.py"): MAKE,
    (
        "docs/howto/failover.md",
        "provbus failover era --config dhcp-1.yaml",
    ): "it asks a question, and stops every primary",
    (
        "docs/howto/failover.md",
        "provbus failover admit --config cfm.yaml",
    ): "it needs a fleet with grants: tests/unit/cli/test_failover_command.py runs it",
    ("docs/howto/first-fleet.md", "make install"): MAKE,
    (
        "docs/howto/kea.md",
        "provbus kea reservations --config dhcp-1.yaml --server cfm-1=192.0.2.11 --server cfm-2=192.0.2.12",
    ): KEA,
    (
        "docs/howto/kea.md",
        "provbus kea apply --config dhcp-1.yaml --into /etc/kea/provbus-reservations.json",
    ): KEA,
    ("docs/howto/kea.md", "provbus doctor kea --config dhcp-1.yaml"): KEA,
    (
        "docs/howto/kea.md",
        "provbus doctor kea --config dhcp-1.yaml --ask 001a.2c00.0001 --relay 198.18.0.1",
    ): KEA,
    ("docs/howto/lab.md", "provbus lab run deploy/scenarios/first-boot.yaml --broker kafka -o json"): LAB,
    ("docs/howto/lab.md", "provbus lab run deploy/scenarios/first-boot.yaml --mode multicast"): LAB,
    ("docs/howto/lab.md", "provbus lab run deploy/scenarios/attack.yaml --proxied"): LAB,
    ("docs/howto/lab.md", "provbus lab kafka up"): "it needs Java: test_kafka_lab.py runs it",
    (
        "docs/howto/trace.md",
        "provbus trace 001a.2cff.ff01 --config cfm.yaml --since 15m",
    ): "a story that takes two TFTP servers: tests/unit/cli/test_story.py tells it",
    (
        "docs/reference/cli.md",
        "provbus topics apply --config dhcp-1.yaml",
    ): "it needs real brokers without topics: tests/contract/test_topics.py makes them so",
    ("docs/reference/scenarios.md", "provbus lab run deploy/scenarios/failover-process.yaml"): LAB,
    ("docs/tutorial/first-boot.md", "make install"): MAKE,
    (
        "docs/tutorial/first-boot.md",
        "tftp -m octet 127.0.0.11 38677 -c get AQDo...Gaw.residential",
    ): "it needs a TFTP client, and the name of the reader's own run",
    (
        "docs/tutorial/first-boot.md",
        "provbus trace 001a.2cff.ff01 --config cfm-1.yaml",
    ): "the story after a read that the reader makes",
}
"""The blocks that no test runs, by page and first command, with the reason."""


def alone(block: Block) -> bool:
    """Whether a block is run by itself, without a plant or a fleet."""
    return not block.words & {PLANT, FLEET} and (block.page, block.first) not in NOT_RUN


@pytest.mark.parametrize("page", sorted({block.page for block in BLOCKS if alone(block)}))
def test_the_examples_of_a_page_print_what_it_shows(page: str, tmp_path: Path) -> None:
    """In a directory where a checkout's `deploy` is, and some MIBs; the environment has no PROVBUS_."""
    (tmp_path / "deploy").symlink_to(ROOT / "deploy")
    (tmp_path / "mibs").symlink_to(ROOT / "tests/unit/cli/mibs")
    own = [block for block in BLOCKS if block.page == page and alone(block)]
    found = differences(own, tmp_path, shell_environment())
    assert not found, "\n\n".join(found)


def shell_environment() -> dict[str, str]:
    """The environment in which `provbus` is the one of this interpreter."""
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith("PROVBUS_")}
    return kept | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


def test_every_console_block_has_a_command() -> None:
    assert [f"{block.page}:{block.line}" for block in BLOCKS if not block.commands] == []


def test_every_block_that_is_not_run_is_there() -> None:
    there = {(block.page, block.first) for block in BLOCKS if not block.words & {PLANT, FLEET}}
    assert NOT_RUN.keys() - there == set()


def test_the_words_of_a_block_are_known() -> None:
    assert {word for block in BLOCKS for word in block.words} <= {PLANT, FLEET}


PAGE = """\
```console varies=ms
$ printf 'ms    what\\n0.53  minted\\n'
ms   what
0.0  minted
$ cat made.txt
one
$ wc -l < made.txt
1
$ for n in 1 2; do sed "s/^/$n /" <<EOF; done
of $n
EOF
1 of 1
2 of 2
$ printf 'a\\nb\\nc'
a
...
```
"""


@pytest.mark.parametrize(
    ("written", "instead"),
    [
        ("minted\n$", "served\n$"),
        ("0.0  ", "zero  "),
        ("ms   what", "s    what"),
        ("\n1\n", "\n2\n"),
        ("\n1\n", "\n"),
        ("\n1\n", "\n1\n1\n"),
        ("1 of 1", "1 of 2"),
        ("a\n...", "b\n..."),
        ("a\n...", "a"),
    ],
)
def test_a_wrong_output_is_found(written: str, instead: str, tmp_path: Path) -> None:
    for text, expected in ((PAGE, 0), (PAGE.replace(written, instead), 1)):
        directory = tmp_path / str(expected)
        directory.mkdir()
        found = differences([*blocks("page.md", text)], directory, os.environ)
        assert len(found) == expected


@pytest.mark.parametrize(
    ("shown", "printed", "varies", "is_same"),
    [
        (["a"], ["a "], "", True),
        (["a"], [" a"], "", False),
        (["a  b"], ["a   b"], "", False),
        (["x 1"], ["x 2"], "", False),
        (["at ..."], ["at 127.0.0.1"], "", True),
        (["a", "...", "z"], ["a", "z"], "", True),
        (["a", "...", "z"], ["a", "b", "c"], "", False),
        (["epoch  17"], ["epoch  4711"], "epoch", True),
        (["epoch  17"], ["epoch  none"], "epoch", False),
        (["epoch  17"], ["epoch  4711"], "since_s", False),
        (["cpu_s  cfm 0.48  dhcp 0.31"], ["cpu_s   cfm 1.5   dhcp 0.2"], "cpu_s", True),
        (["cpu_s  cfm 0.48  dhcp 0.31"], ["cpu_s   cfm 1.5   mps 0.2"], "cpu_s", False),
        (["peer   load    n", "cfm-1  3/1000  1"], ["peer   load      n", "cfm-1  12/1000  1"], "load", True),
        (["peer   load    n", "cfm-1  3/1000  1"], ["peer   load    n", "cfm-1  3/1000  2"], "load", False),
        (["peer   load    n", "cfm-1  3/1000  1"], ["peer   load    n", "cfm-2  3/1000  1"], "load", False),
    ],
)
def test_what_varies_and_what_does_not(
    shown: list[str], printed: list[str], varies: str, is_same: bool
) -> None:
    assert (compare(shown, printed, varies.split()) == "") is is_same
