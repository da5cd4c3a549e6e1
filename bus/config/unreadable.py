"""A file that cannot be read: is its name wrong for ever, or may the file still come?

Exit code 78 means a permanent mistake in the configuration: after it no service manager starts us again.
A key that is not delivered yet, a directory that is mounted late, a right that is missing, a disk that fails:
none of these is a mistake in the configuration, and the next start may find it mended.
"""

import errno

from bus.errors import ConfigError, UnavailableError

_WRONG_NAMES = (errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.ENOTDIR)


def cannot_read(what: str, error: OSError) -> ConfigError | UnavailableError:
    """The error to raise when reading `what` failed like this."""
    kind = ConfigError if error.errno in _WRONG_NAMES else UnavailableError
    return kind(f"cannot read {what}: {error.strerror}")
