"""The paths in a configuration: relative to its file, and valid for the kernel.

Paths among librdkafka's settings are included. A credential (`bus.config.secret_file`) keeps its name until
it is read.
"""

from collections.abc import Container, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from bus.config.environment import Place
from bus.config.secret_file import CREDENTIALS
from bus.wire.endpoint import wrong_socket_path

CLIENT_FILES = frozenset(
    (
        "https.ca.location",
        "sasl.kerberos.keytab",
        "sasl.oauthbearer.assertion.file",
        "sasl.oauthbearer.assertion.jwt.template.file",
        "sasl.oauthbearer.assertion.private.key.file",
        "ssl.ca.location",
        "ssl.certificate.location",
        "ssl.crl.location",
        "ssl.engine.location",
        "ssl.key.location",
        "ssl.keystore.location",
    )
)
"""The settings of librdkafka 2.16 whose value is a path."""

_NO_PATHS = {"", "probe"}  # librdkafka's words for "none" and "look where the system keeps its authorities"

_Model = TypeVar("_Model", bound=BaseModel)


def resolve(section: _Model, base: Path) -> _Model:
    """The same section with every path absolute, except credentials."""

    def absolute(value: Any) -> Any:
        if isinstance(value, Path):
            return value if str(value).startswith(CREDENTIALS) else base / value
        if isinstance(value, list):
            return [absolute(item) for item in value]
        if isinstance(value, BaseModel):
            return resolve(value, base)
        if isinstance(value, dict):
            files = {name: str(absolute(path)) for name, path in client_files(value)}
            return {name: absolute(one) for name, one in value.items()} | files
        return value

    return section.model_copy(update={name: absolute(value) for name, value in section})


def admin_socket_of(socket: Path) -> Path:
    """The operators' socket beside the host service's.

    >>> admin_socket_of(Path("/run/provbus/dhcp-1.sock")).name
    'dhcp-1.admin.sock'
    """
    return socket.with_name(f"{socket.stem}.admin{socket.suffix}")


def client_files(settings: Mapping[str, Any]) -> Iterator[tuple[str, Path]]:
    """The files that some of librdkafka's settings name."""
    for name, value in settings.items():
        if name in CLIENT_FILES and value not in _NO_PATHS:
            yield name, Path(value)


def wrong_paths(section: BaseModel, sockets: Container[Place]) -> Iterator[tuple[Place, str]]:
    """The place and mistake of each wrong path of a resolved configuration; `sockets` are of sockets."""
    for place, path in _paths(section, ()):
        if "\0" in str(path) or not _can_be_bytes(str(path)):
            yield place, "a path cannot hold NUL, or half a surrogate pair"
        elif place in sockets and wrong_socket_path(str(path)):
            yield place, wrong_socket_path(str(path))


def _can_be_bytes(text: str) -> bool:
    try:
        text.encode(errors="surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


def _paths(value: Any, place: Place) -> Iterator[tuple[Place, Path]]:
    if isinstance(value, Path):
        yield place, value
    elif isinstance(value, list):
        for at, item in enumerate(value):
            yield from _paths(item, (*place, str(at)))
    elif isinstance(value, BaseModel):
        for name, item in value:
            yield from _paths(item, (*place, name))
    elif isinstance(value, dict):
        yield from (((*place, name), path) for name, path in client_files(value))
        yield from (((*place, name), path) for name, path in value.items() if isinstance(path, Path))
