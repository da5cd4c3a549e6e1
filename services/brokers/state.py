"""The files of a cluster, and its description in `cluster.json`.

One directory holds all files of a cluster: `cluster.json` (this module), `brokers/N` (settings and data of
node N), `logs/broker-N.log`, and a lock file. `cluster.json` is replaced atomically, so it is read whole or
not at all. It does not prove that a broker lives: ask `living()`.
"""

import contextlib
import fcntl
import logging
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bus.state_file import make_directory
from services.brokers.detached import ProcessIdentity, boot_id, is_alive

logger = logging.getLogger(__name__)

DATA = "data"
"""The directory of a node's data, beside its settings."""


class Broker(BaseModel):
    """One combined node: number, address, client port, controller port, and its process."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: int = Field(ge=1)
    address: str = "127.0.0.1"
    port: int = Field(ge=1, le=65535)
    controller_port: int = Field(ge=1, le=65535)
    pid: int = Field(ge=1)
    start_ticks: int = Field(ge=0)

    @property
    def process(self) -> ProcessIdentity:
        """The process by pid and start time."""
        return ProcessIdentity(self.pid, self.start_ticks)


class ClusterInfo(BaseModel):
    """A cluster that was started: its identity, its places, its directory."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str
    cluster_id: str
    boot_id: str
    directory: Path
    client: dict[str, str] = {}
    brokers: tuple[Broker, ...] = Field(min_length=1)

    @property
    def bootstrap(self) -> str:
        """The clients' `bootstrap.servers`: `127.0.0.1:p1,127.0.0.1:p2,127.0.0.1:p3`."""
        return ",".join(f"{broker.address}:{broker.port}" for broker in self.brokers)

    @property
    def settings(self) -> dict[str, str | int | float | bool]:
        """The settings of a quiet client."""
        return {**self.client, "bootstrap.servers": self.bootstrap, "log_level": 0}

    def living(self) -> tuple[Broker, ...]:
        """The brokers whose very process still runs."""
        if self.boot_id != boot_id():
            return ()
        return tuple(broker for broker in self.brokers if is_alive(broker.process))


def log_path(directory: Path, node_id: int) -> Path:
    """The output of one node."""
    return directory / "logs" / f"broker-{node_id}.log"


def data_path(directory: Path, node_id: int) -> Path:
    """The data of one node."""
    return directory / "brokers" / str(node_id) / DATA


def settings_path(directory: Path, node_id: int) -> Path:
    """The properties file of one node."""
    return directory / "brokers" / str(node_id) / "server.properties"


def base_directory(environ: Mapping[str, str], variable: str, default: str) -> Path:
    """Our place under an XDG base directory; as XDG says, a relative or empty value counts as unset."""
    base = Path(environ.get(variable, ""))
    return (base if base.is_absolute() else Path(environ.get("HOME", "/")) / default) / "provbus"


def state_directory(environ: Mapping[str, str]) -> Path:
    """The directory of the user's standing cluster: `$XDG_STATE_HOME/provbus/kafka`."""
    return base_directory(environ, "XDG_STATE_HOME", ".local/state") / "kafka"


def read_cluster(directory: Path) -> ClusterInfo | None:
    """The cluster described in `directory`, None if there is none; a malformed file is logged and ignored."""
    path = directory / "cluster.json"
    try:
        return ClusterInfo.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        logger.warning("%s is not a cluster description and is ignored: %s", path, error.errors()[0]["msg"])
        return None


def write_cluster(info: ClusterInfo) -> None:
    """Replace the description in one step."""
    draft = info.directory / "cluster.json.draft"
    draft.write_text(info.model_dump_json(indent=2) + "\n")
    draft.replace(info.directory / "cluster.json")


def erase_cluster(directory: Path) -> None:
    """Forget the cluster described in `directory`, if any."""
    (directory / "cluster.json").unlink(missing_ok=True)


@contextlib.contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Lock `directory` among processes, creating it; the kernel unlocks it when the holder dies."""
    make_directory(directory)
    handle = os.open(directory / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
