"""Where a configuration is: as a command was told, or the only one of this host.

A command is typed again and again for the one instance of a host, so it needs no path: its name is enough, or
nothing at all. A fleet file may lie beside a configuration; only the file of an instance counts.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from bus.config.environment import CONFIG_VARIABLE
from bus.errors import ConfigError

DIRECTORY = Path("/etc/provbus")
SUFFIX = ".yaml"
_OF_AN_INSTANCE = re.compile(r"^instance *:", re.MULTILINE)


def located(word: str | None, environment: Mapping[str, str], directory: Path = DIRECTORY) -> Path:
    """The file that a word means, or else `PROVBUS_CONFIG`, or else the only instance's in `directory`.

    A word without a slash and `.yaml` that is no file is a name in `directory`. `ConfigError` if there is
    no such file.
    """
    said = f"--config {word}"
    if not word:
        word = environment.get(CONFIG_VARIABLE)
        said = f"{CONFIG_VARIABLE}={word}"
    if not word:
        return _only_one(directory)
    if "/" in word or word.endswith(SUFFIX) or Path(word).is_file():
        return Path(word)
    named = directory / f"{word}{SUFFIX}"
    if not named.exists():
        raise ConfigError(f"{said}: there is neither a file {word} nor {named}")
    return named


def _only_one(directory: Path) -> Path:
    found = sorted(_instances(directory))
    if len(found) == 1:
        return found[0]
    names = f" ({', '.join(path.stem for path in found)})" if found else ""
    raise ConfigError(
        f"which instance? Say --config FILE, or --config NAME for {directory}/NAME{SUFFIX}, or set "
        f"{CONFIG_VARIABLE} to either; without them {directory} must hold the file of one instance, "
        f"and it holds {len(found) or 'none'}{names}"
    )


def _instances(directory: Path) -> Iterator[Path]:
    """The files of instances there, as far as we may read them."""
    try:
        paths = [*directory.glob(f"*{SUFFIX}")]
    except OSError:
        return
    for path in paths:
        try:
            text = path.read_text()
        except (OSError, ValueError):
            continue
        if _OF_AN_INSTANCE.search(text):
            yield path
