"""The tree of another release comes out of git as it was committed, and what is not there is named."""

import subprocess
from pathlib import Path

import pytest

from bus.errors import ConfigError, UnavailableError
from services.lab.release.repository import find_commit, take_out

WHO = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.org")


def git(directory: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(directory), *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """A file in a repository that names the commit before the last one."""
    top = tmp_path / "repository"
    (top / "bus").mkdir(parents=True)
    (top / "tests").mkdir()
    git(top, "init", "--quiet")
    for text in ("before", "now"):
        (top / "bus" / "__init__.py").write_text(text)
        git(top, "add", ".")
        git(top, *WHO, "commit", "--quiet", "-m", text)
    (top / "tests" / "RELEASE").write_text(git(top, "rev-parse", "HEAD~1") + "\n")
    return top / "tests" / "RELEASE"


def test_the_whole_tree_is_taken_out_wherever_the_file_stands(release: Path, tmp_path: Path) -> None:
    tree = take_out(release, tmp_path / "made" / "tree")
    assert [path.relative_to(tree) for path in tree.rglob("*.py")] == [Path("bus/__init__.py")]
    assert (tree / "bus" / "__init__.py").read_text() == "before"
    assert (release.parents[1] / "bus" / "__init__.py").read_text() == "now"


def test_a_commit_that_is_not_in_the_clone_is_named(release: Path) -> None:
    release.write_text("0123456789" * 4)
    with pytest.raises(UnavailableError, match=r"commit 0123456789.* is not there: it takes a whole clone"):
        find_commit(release)


@pytest.mark.parametrize("text", ["", "HEAD\n", "f84241d\n", "0" * 40 + "\n" + "0" * 40 + "\n"])
def test_what_names_no_commit_in_full_is_refused(release: Path, text: str) -> None:
    release.write_text(text)
    with pytest.raises(ConfigError, match="should hold one commit, 40 hex digits"):
        find_commit(release)


def test_a_file_that_is_not_there_is_named(release: Path) -> None:
    with pytest.raises(ConfigError, match=r"BASELINE should name the commit of a release: No such file"):
        find_commit(release.with_name("BASELINE"))


def test_outside_of_a_repository_there_is_no_release(tmp_path: Path) -> None:
    (tmp_path / "RELEASE").write_text("0" * 40)
    with pytest.raises(UnavailableError, match="not a git repository"):
        take_out(tmp_path / "RELEASE", tmp_path / "tree")
