"""78 is for ever: what a configuration gets wrong, and what may still come."""

import errno
import os
from pathlib import Path

import pytest

from bus.config.unreadable import cannot_read
from bus.config.yaml_file import read_yaml
from bus.errors import ConfigError, ProvbusError, UnavailableError


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOENT, UnavailableError),  # not delivered yet, or not mounted
        (errno.EACCES, UnavailableError),
        (errno.EPERM, UnavailableError),
        (errno.EIO, UnavailableError),
        (errno.ESTALE, UnavailableError),
        (errno.EMFILE, UnavailableError),
        (errno.ENFILE, UnavailableError),
        (errno.ENOMEM, UnavailableError),
        (errno.EISDIR, ConfigError),
        (errno.ENOTDIR, ConfigError),
        (errno.ELOOP, ConfigError),
        (errno.ENAMETOOLONG, ConfigError),
    ],
)
def test_a_name_is_wrong_for_ever_and_a_file_may_come(number: int, kind: type[ProvbusError]) -> None:
    error = cannot_read("the secret in x", OSError(number, os.strerror(number)))
    assert (type(error), str(error)) == (kind, f"cannot read the secret in x: {os.strerror(number)}")


def test_a_file_that_a_person_names_is_there_and_one_of_a_configuration_may_come(tmp_path: Path) -> None:
    path = tmp_path / "fleet.yaml"
    with pytest.raises(ConfigError, match="No such file"):
        read_yaml(path)
    with pytest.raises(UnavailableError, match="No such file"):
        read_yaml(path, may_come=True)
    path.write_text("- no mapping")
    for may_come in (False, True):
        with pytest.raises(ConfigError, match="must hold a mapping"):
            read_yaml(path, may_come=may_come)
        with pytest.raises(ConfigError, match="Is a directory"):
            read_yaml(tmp_path, may_come=may_come)
