"""The sources of another release, taken out of the git repository that this one stands in.

A file names the commit, in full. It stands in the repository, so whoever has the file knows where to look.
"""

import io
import re
import subprocess
import tarfile
from pathlib import Path

from bus.errors import ConfigError, UnavailableError

_COMMIT = re.compile(r"[0-9a-f]{40}\n?")


def find_commit(file: Path) -> str:
    """The commit that this file names; `UnavailableError` if it is not in the repository of the file, as in a
    clone that is not whole.
    """
    try:
        text = file.read_text()
    except OSError as error:
        raise ConfigError(f"{file} should name the commit of a release: {error.strerror}") from error
    if _COMMIT.fullmatch(text) is None:
        raise ConfigError(f"{file} should hold one commit, 40 hex digits, and nothing else")
    commit = text.strip()
    try:
        _git(file.parent, "cat-file", "-e", f"{commit}^{{commit}}")
    except UnavailableError as error:
        raise UnavailableError(
            f"commit {commit}, which {file} names, is not there: it takes a whole clone of the repository "
            f"(git fetch --unshallow). {error}"
        ) from error
    return commit


def take_out(file: Path, directory: Path) -> Path:
    """The tree at the commit that this file names, in this directory, which is made."""
    commit = find_commit(file)
    top = Path(_git(file.parent, "rev-parse", "--show-toplevel").decode().strip())
    packed = _git(top, "archive", "--format=tar", commit)
    directory.mkdir(parents=True)
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(directory, filter="data")
    return directory


def _git(directory: Path, *words: str) -> bytes:
    try:
        done = subprocess.run(["git", "-C", str(directory), *words], capture_output=True)
    except OSError as error:
        raise UnavailableError(f"git cannot be run: {error.strerror}") from error
    if done.returncode != 0:
        raise UnavailableError(f"git {words[0]}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout
