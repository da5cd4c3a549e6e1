"""Which file a command means by `--config`, by PROVBUS_CONFIG, or by neither."""

from contextlib import chdir
from pathlib import Path

import pytest

from bus.errors import ConfigError
from services.config.location import located

INSTANCE, FLEET = "# of a host\ninstance: dhcp-1\n", "instances: {dhcp-1: {service: dhcp}}\n"


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    """The directory of a host's configurations: one instance, and what lies beside it."""
    directory = tmp_path / "etc"
    directory.mkdir()
    (directory / "dhcp.yaml").write_text(INSTANCE)
    (directory / "fleet.yaml").write_text(FLEET)
    (directory / "broken.yaml").write_bytes(b"\xff\xfe")
    (directory / "away.yaml").symlink_to("nowhere")
    (directory / "old.yaml.bak").write_text(INSTANCE)
    return directory


@pytest.mark.parametrize("word", ["dhcp.yaml", "./dhcp", "conf/dhcp", "/abs/dhcp.yaml"])
def test_a_path_is_a_path(etc: Path, word: str) -> None:
    assert located(word, {}, etc) == Path(word)
    assert located(None, {"PROVBUS_CONFIG": word}, etc) == Path(word)


def test_a_name_is_a_file_of_the_directory(etc: Path) -> None:
    assert located("dhcp", {}, etc) == etc / "dhcp.yaml"
    assert located(None, {"PROVBUS_CONFIG": "dhcp"}, etc) == etc / "dhcp.yaml"
    assert located("fleet", {"PROVBUS_CONFIG": "dhcp"}, etc) == etc / "fleet.yaml"


def test_a_file_that_is_there_is_no_name(etc: Path, tmp_path: Path) -> None:
    with chdir(tmp_path):
        Path("dhcp").mkdir()
        assert located("dhcp", {}, etc) == etc / "dhcp.yaml"
        Path("dhcp").rmdir()
        Path("dhcp").write_text(INSTANCE)
        assert located("dhcp", {}, etc) == Path("dhcp")


@pytest.mark.parametrize("environment", [{}, {"PROVBUS_CONFIG": ""}, {"provbus_config": "x"}], ids=str)
@pytest.mark.parametrize("word", [None, ""])
def test_without_a_word_it_is_the_only_instance(
    etc: Path, word: str | None, environment: dict[str, str]
) -> None:
    assert located(word, environment, etc) == etc / "dhcp.yaml"


@pytest.mark.parametrize(
    ("word", "environment", "said"),
    [("mps", {}, "--config mps"), (None, {"PROVBUS_CONFIG": "mps"}, "PROVBUS_CONFIG=mps")],
)
def test_a_name_that_is_not_there_is_told_with_where_it_was_looked_for(
    etc: Path, word: str | None, environment: dict[str, str], said: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        located(word, environment, etc)
    assert str(caught.value) == f"{said}: there is neither a file mps nor {etc}/mps.yaml"


def test_where_there_is_not_one_instance_the_sentence_says_how_to_name_one(etc: Path) -> None:
    (etc / "cfm.yaml").write_text("instance : cfm-1\n")
    with pytest.raises(ConfigError) as caught:
        located(None, {}, etc)
    assert str(caught.value) == (
        f"which instance? Say --config FILE, or --config NAME for {etc}/NAME.yaml, or set PROVBUS_CONFIG to "
        f"either; without them {etc} must hold the file of one instance, and it holds 2 (cfm, dhcp)"
    )
    with pytest.raises(ConfigError, match=r"and it holds none$"):
        located(None, {}, etc / "nowhere")
