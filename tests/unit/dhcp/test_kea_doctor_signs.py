"""What a refusal of Kea means, and what the head of its journal does."""

import pytest

from bus.errors import RemoteError
from services.dhcp.kea.daemon.control import MuteError
from services.dhcp.kea.doctor.signs import header, journal_head, pulse, unreadable

PATH = "/var/lib/kea/kea-leases4.csv"
OLD = "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context"
NEW = f"{OLD},pool_id"
LINE = (
    "127.64.0.2,00:1a:2c:00:00:01,01:00:1a:2c:00:00:01,86400,1795993404,1,0,0,,0,{"
    ' "ISC": '
    '{ "relay-agent-info": { "remote-id": "001A2C000001"&#x2c "sub-options": "0x0206001A2C000001" } } },0'
)


@pytest.mark.parametrize(("version", "line"), [("2.2.0", OLD), ("2.6.3", NEW), ("3.0.4", NEW), ("1.9", OLD)])
def test_a_journal_without_a_header_gets_that_of_its_version(version: str, line: str) -> None:
    assert header(version) == line
    assert [*journal_head(PATH, line.encode(), version)] == []
    (remark,) = journal_head(PATH, LINE.encode(), version)
    assert remark.place == PATH
    assert "will refuse it at its next start or reload: stop kea-dhcp4" in remark.what
    assert remark.what.endswith(f": {line}")


@pytest.mark.parametrize("line", [b"", b"\0" * 200, b"address,hwaddr"])
def test_a_first_line_of_anything_else_is_no_header(line: bytes) -> None:
    assert len([*journal_head(PATH, line, "2.2.0")]) == 1


def test_a_kea_without_its_leases_answers_no_dhcp() -> None:
    (remark,) = pulse(MuteError("no current lease manager is available"))
    assert "it answers no DHCP" in remark.what
    assert "config-reload" in remark.what


def test_a_command_that_is_not_there_is_said_by_the_hooks() -> None:
    assert [
        *pulse(RemoteError("Kea refuses lease4-get-page: 'lease4-get-page' command not supported."))
    ] == []


def test_another_refusal_is_shown() -> None:
    (remark,) = pulse(RemoteError("Kea refuses lease4-get-page: out of order"))
    assert remark.what == "it does not show its leases: Kea refuses lease4-get-page: out of order"


def test_a_journal_that_is_not_ours_to_read() -> None:
    remark = unreadable(PATH, "Permission denied")
    assert (remark.place, remark.is_note) == (PATH, False)
    assert "(Permission denied)" in remark.what
