"""An archive of Kafka's loaded classes, written once, so that brokers start sooner.

Theory of operation
-------------------
A third of a broker's start is loading and verifying classes. A Java machine can write its loaded classes to
an archive when it ends and map that archive at the next start (JEP 350, dynamic class data sharing). So the
first `up` on a machine runs one broker alone, ends it, and keeps its archive beside the jars, under the name
of the Java that wrote it. The archive is optional: a Java that finds it unfit ignores it, and if none can be
made brokers just start slower.
"""

import hashlib
import logging
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from bus.errors import UnavailableError
from services.brokers.detached import stop
from services.brokers.jars import Java
from services.brokers.launch import PortTakenError, launch, take_down
from services.brokers.places import OnLoopback
from services.brokers.properties import Jvm
from services.brokers.state import locked, read_cluster

logger = logging.getLogger(__name__)

TRAIN_S_MAX = 60.0
"""Measured 3 s until ready and 3 s to write 50 MB; the same patience for each."""


def archive_path(libs: Path, java: Java) -> Path:
    """The path of the archive of the jars in `libs` for this very `java`."""
    return libs.with_name(f"{libs.name}-java-{hashlib.sha256(java.version.encode()).hexdigest()[:8]}.jsa")


def with_archive(jvm: Jvm, archive: Path, report: Callable[[str], None]) -> Jvm:
    """`jvm` using `archive`, which is made if need be; `jvm` unchanged when that is not possible.

    An empty file stands for an archive that could not be made: it is not tried again.
    """
    if not archive.is_file():
        with locked(archive.parent):
            if not archive.is_file():
                _sweep(archive.parent)
                report("preparing Kafka for quick starts (once)")
                _train(jvm, archive)
    if not archive.is_file() or archive.stat().st_size == 0:
        return jvm
    # The archive's own complaints would land in the broker's log as if they were errors.
    return jvm._replace(
        options=(*jvm.options, f"-XX:SharedArchiveFile={archive}", "-Xlog:cds=off", "-Xlog:cds+dynamic=off")
    )


def _sweep(cache: Path) -> None:
    """Remove the remains of a killed training."""
    for leftover in cache.glob("training-*"):
        info = read_cluster(leftover)
        take_down(leftover, info.living() if info else ())
        shutil.rmtree(leftover)


def _train(jvm: Jvm, archive: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="training-", dir=archive.parent) as scratch:
        draft = Path(scratch) / archive.name
        options = (f"-XX:ArchiveClassesAtExit={draft}", "-Xlog:cds=off", "-Xlog:cds+dynamic=off")
        try:
            info = launch(jvm, Path(scratch), OnLoopback(nodes=1), TRAIN_S_MAX, logger.debug, options)
            stop([broker.process for broker in info.brokers], finished=lambda: False, stop_s_max=TRAIN_S_MAX)
            take_down(Path(scratch), ())
        except PortTakenError:
            return
        except UnavailableError as error:
            logger.warning("%s is not made, Kafka starts slower: %s", archive, error)
        if not draft.is_file():
            draft.touch()
        # Java trusts an archive it finds: one cut short by a power loss would crash every broker.
        os.sync()
        draft.replace(archive)
