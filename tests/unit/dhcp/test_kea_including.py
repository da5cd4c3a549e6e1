"""Whether Kea would ever read a file: its configuration includes it, or not."""

from pathlib import Path

import pytest

from services.dhcp.kea.reload.including import includes


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"reservations": <?include "WANTED"?>}', True),
        ('{"reservations": <?include  "WANTED" ?>}', True),
        ('{"reservations": <?include "wanted.json"?>}', True),  # from where Kea was started
        ('{"reservations": []}', False),
        ('// "reservations": <?include "WANTED"?>', False),
        ('# <?include "WANTED"?>', False),
        ('/* <?include "WANTED"?> */', False),
        ('{"comment": "// is no comment", "reservations": <?include "WANTED"?>}', True),
        ('{"reservations": <?include "/nowhere/other.json"?>}', None),
    ],
)
def test_a_file_is_included_where_kea_reads_it(tmp_path: Path, text: str, found: bool | None) -> None:
    wanted = tmp_path / "wanted.json"
    file = tmp_path / "kea-dhcp4.conf"
    file.write_text(text.replace("WANTED", str(wanted)))
    assert includes(file, wanted) is found


def test_another_file_may_include_it(tmp_path: Path) -> None:
    wanted, between, file = (tmp_path / name for name in ("wanted.json", "between.json", "kea-dhcp4.conf"))
    file.write_text(f'{{"Dhcp4": <?include "{between}"?>}}')
    between.write_text("{}")
    assert includes(file, wanted) is False
    between.write_text(f'{{"reservations": <?include "{wanted}"?>}}')
    assert includes(file, wanted)


def test_a_file_that_includes_itself_is_read_no_deeper_than_kea_does(tmp_path: Path) -> None:
    file = tmp_path / "kea-dhcp4.conf"
    file.write_text(f'{{"a": <?include "{file}"?>}}')
    assert includes(file, tmp_path / "wanted.json") is False


def test_of_a_configuration_that_cannot_be_read_nobody_knows(tmp_path: Path) -> None:
    assert includes(tmp_path / "away", tmp_path / "wanted.json") is None
