"""Secrets from files: keys, passwords, shared secrets of the CMTS.

`credentials:NAME` is the file that systemd gives a service by `LoadCredential=NAME:...`, below
`$CREDENTIALS_DIRECTORY`. It is looked up when the secret is read, so a command that needs no secret works
without it.

A secret that an editor has changed no longer matches the one at the other end. The line end that editors put
behind the last line, LF or CR LF, is not part of it. A byte order mark is refused: nobody types one at the
other end. All other bytes are kept, for a secret may hold any byte; a likely slip is a warning.
"""

import codecs
import logging
import os
import re
import stat
from pathlib import Path

from bus.config.unreadable import cannot_read
from bus.errors import ConfigError, UnavailableError

CREDENTIALS = "credentials:"
OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_MARKS = {codecs.BOM_UTF8: "UTF-8", codecs.BOM_UTF16_LE: "UTF-16", codecs.BOM_UTF16_BE: "UTF-16"}
_SLIPS = {
    "begins with a blank": re.compile(rb"\A[ \t]"),
    "ends with a blank": re.compile(rb"[ \t]\Z"),
    "has more than one line": re.compile(rb"\n"),
    "has control characters": re.compile(rb"[\0-\x08\x0b-\x1f\x7f]"),
    "has characters outside ASCII": re.compile(rb"[\x80-\xff]"),
}
"""The properties of a secret that are probably slips."""

_log = logging.getLogger("provbus.secret_file")


def read_secret(path: Path) -> bytes:
    """A secret from its file; `UnavailableError` if it cannot be read, or is empty, now, `ConfigError` if it
    begins with a byte order mark.

    One trailing line end, LF or CR LF, is removed. A file that everybody on the host may read is a warning,
    and so is a probable slip in a secret (`slips`).
    """
    secret = _read(path)
    if found := slips(secret):
        _log.warning("the secret in %s %s: it is used as it stands", path, ", ".join(found))
    return secret


def read_key_lines(path: Path) -> list[bytes]:
    """The lines of a file of keys, as `read_secret` reads one; a line may end with LF or CR LF."""
    return _read(path).splitlines()


def slips(secret: bytes) -> list[str]:
    """The probable slips in a secret, in words that do not show it.

    >>> slips(b" s3cret\\nrest")
    ['begins with a blank', 'has more than one line']
    """
    return [words for words, pattern in _SLIPS.items() if pattern.search(secret)]


def _read(path: Path) -> bytes:
    path = credential(path)
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            secret = file.read()
    except OSError as error:
        raise cannot_read(f"the secret in {path}", error) from error
    if mode & stat.S_IROTH:
        _log.warning("everybody may read the secret in %s: chmod o-r", path)
    if mode & OTHERS_WRITE:
        _log.warning("others may write the secret in %s, and so choose it: chmod go-w", path)
    for mark, name in _MARKS.items():
        if secret.startswith(mark):
            raise ConfigError(
                f"the secret in {path} begins with a byte order mark ({name}), which is part of no secret: "
                "save it as plain text without one"
            )
    secret = secret.removesuffix(b"\r\n" if secret.endswith(b"\r\n") else b"\n")
    if not secret:
        raise UnavailableError(f"the secret in {path} is empty")
    return secret


def credential(path: Path) -> Path:
    """The path of the file: `path` itself, or that of a credential of our service (`ConfigError` if it can be
    none).
    """
    name = str(path).removeprefix(CREDENTIALS)
    if name == str(path):
        return path
    if not name or "/" in name:
        raise ConfigError(f"{path} is not the name of a credential")
    directory = os.environ.get("CREDENTIALS_DIRECTORY")
    if not directory:
        raise ConfigError(
            f"{path} needs CREDENTIALS_DIRECTORY: systemd sets it, else name the directory that holds {name}"
        )
    return Path(directory, name)
