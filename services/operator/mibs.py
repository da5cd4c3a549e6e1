"""The names of an operator's own MIBs, for the one command that is given them.

The MIBs are compiled with pysmi, in a process of its own and within the limits below. Nothing is fetched:
what they import stands in their directory too, or is one of the standard modules that every MIB imports.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Container, Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from bus.errors import ConfigError
from services.docsis.mib.names import BUILT_IN, NUMBERS, Names
from services.docsis.mib.own import imports_in, modules_in, objects_in
from services.docsis.mib.standard import STANDARD

FILES_MAX = 500
"""In all DIRs; a vendor's devices take a few dozen."""
BYTES_MAX = 16 << 20
"""Of all files; a large MIB has 1 MiB, and a machine compiles 1 MiB in a few seconds."""
SECONDS_MAX = 60
"""To compile all of them; a person waits."""

_SMI_V1: Final = {"RFC1065-SMI", "RFC1155-SMI", "RFC-1212", "RFC-1215", "RFC1158-MIB", "RFC1213-MIB"}
"""What a compiler of today reads as the SMI of today."""


def read_names(directories: Iterable[Path], note: Callable[[str], None]) -> Names:
    """The built-in names and those of the MIBs in these directories; `ConfigError` says what is wrong there.

    `note` is told of each module that cannot be read, whose names are missing, and of one that imports what
    is not there.
    """
    directories = tuple(directories)
    if not directories:
        return BUILT_IN.with_objects((), scope="the built-in objects", advice=f"{NUMBERS}, or give --mib DIR")
    texts = _texts(directories)
    files = _files_of_modules(texts)
    for directory in directories:
        if not any(path.parent == directory for path in files.values()):
            raise ConfigError(f"no MIB in {directory}")
    answer = compiled({module: texts[file] for module, file in files.items()})
    for module, file in files.items():
        remark = _remark(module, answer["failed"].get(module, ""), texts[file], files)
        if remark:
            note(f"{file}: {remark}")
    return BUILT_IN.with_objects(objects_in(answer["documents"], list(files)))


def _texts(directories: Iterable[Path]) -> dict[Path, str]:
    """What the files hold; `ConfigError` if there are too many or too much of them, or one cannot be read."""
    texts: dict[Path, str] = {}
    size_bytes = 0
    for directory in directories:
        try:
            for path in sorted(directory.iterdir()):
                if path.name.startswith(".") or not path.is_file():
                    continue
                size_bytes += path.stat().st_size
                if len(texts) == FILES_MAX or size_bytes > BYTES_MAX:
                    limits = f"{FILES_MAX} files and {BYTES_MAX >> 20} MiB"
                    raise ConfigError(f"{directory} has more than --mib takes, {limits} in all")
                texts[path] = path.read_bytes().decode("latin-1")  # any bytes; what matters in a MIB is ASCII
        except OSError as error:
            raise ConfigError(f"cannot read {error.filename or directory}: {error.strerror}") from error
    return texts


def _files_of_modules(texts: dict[Path, str]) -> dict[str, Path]:
    """The file that defines each module; `ConfigError` if two do."""
    files: dict[str, Path] = {}
    for path, text in texts.items():
        for module in modules_in(text):
            if module in files:
                raise ConfigError(f"{files[module]} and {path} both define {module}: keep one of them")
            files[module] = path
    return files


def compiled(texts: dict[str, str], *, within_s: float = SECONDS_MAX) -> dict[str, Any]:
    """What the compiler answers about these modules; `ConfigError` if it is not there or takes too long."""
    if find_spec("pysmi") is None:
        raise ConfigError("--mib compiles with pysmi, which is not installed: install provbus[mib]")
    question = json.dumps({"texts": {**STANDARD, **texts}, "modules": list(texts)})
    command = [sys.executable, "-m", "services.operator.mib_compiler"]
    try:
        done = subprocess.run(
            command,
            input=question,
            capture_output=True,
            text=True,
            timeout=within_s,
            check=True,
            env={
                **os.environ,
                "LOGNAME": "provbus",
            },  # pysmi asks for a user's name, which a container may lack
        )
    except subprocess.TimeoutExpired as error:
        raise ConfigError(f"the MIBs take more than {within_s:g} s to compile") from error
    except subprocess.CalledProcessError as error:
        last = error.stderr.strip().rpartition("\n")[2]
        raise ConfigError(f"the MIBs cannot be compiled: {last}") from error
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _remark(module: str, failure: str, text: str, files: Container[str]) -> str:
    """What to say of a module: that it has no names, or lacks what it imports; empty if all is well."""
    missing = [
        name for name in imports_in(text) if not (name in files or name in STANDARD or name in _SMI_V1)
    ]
    imports = f"{module} imports {', '.join(missing)}, which is not there"
    if missing and not failure:
        return f"note: {imports}: labels and indices that need it are not known"
    if missing and "symbolTable" in failure:
        return f"{imports}: its names are not known"
    if failure:
        return f"the names of {module} are not known: {failure.replace(f' at MIB {module}', '')}"
    return ""
