"""Secrets stand in files: keys, passwords, what the CMTS knows.

`credentials:NAME` is the file that systemd gives a service by `LoadCredential=NAME:...`, below
`$CREDENTIALS_DIRECTORY`. It is looked up when the secret is read, so a command that needs no secret works
without it.
"""

import logging
import os
import stat
from pathlib import Path

from bus.errors import ConfigError, UnavailableError
from bus.unreadable import cannot_read

CREDENTIALS = "credentials:"
_log = logging.getLogger("provbus.secret_file")


def read_secret(path: Path) -> bytes:
    """A secret from its file; `UnavailableError` if it cannot be read, or is empty, now.

    One trailing newline is not part of it, for editors end files with one; everything else is, spaces and a
    carriage return too. A file that everybody on the host may read is a warning.
    """
    path = credential(path)
    try:
        with path.open("rb") as file:
            is_exposed = bool(os.fstat(file.fileno()).st_mode & stat.S_IROTH)
            secret = file.read()
    except OSError as error:
        raise cannot_read(f"the secret in {path}", error) from error
    if is_exposed:
        _log.warning("everybody may read the secret in %s: chmod o-r", path)
    secret = secret.removesuffix(b"\n")
    if not secret:
        raise UnavailableError(f"the secret in {path} is empty")
    return secret


def credential(path: Path) -> Path:
    """Where the file of this path stands: itself, unless it is a credential of our service (`ConfigError` if
    it can be none).
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
