"""The check of answers finds what it is there for."""

from typing import Any

import pytest

from bus.effects import Keep, Reply
from bus.messages import LocalRequest
from tests.docs_pages.examples import EXAMPLES
from tests.replies import Replies, fault

CREATED, STATUS = EXAMPLES["fileid.create"].answer, EXAMPLES["status"].answer
REFUSED = {"id": 7, "error": "try_again", "detail": "not yet"}


def without(body: dict[str, Any], field: str) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name != field}


@pytest.mark.parametrize(
    ("operation", "body"),
    [
        ("fileid.create", without(CREATED, "id")),
        ("fileid.create", without(CREATED, "sealed")),
        ("fileid.create", CREATED | {"colour": "red"}),
        ("fileid.create", CREATED | {"acked": 1}),
        ("fileid.create", CREATED | {"sealed": "half"}),
        ("fileid.create", CREATED | {"fileid": "0x17"}),
        ("fileid.create", REFUSED | {"error": "refused"}),
        ("fileid.create", REFUSED | {"error": "busy"}),
        ("fileid.create", without(REFUSED, "detail")),
        ("fileid.create", REFUSED | {"file": "x"}),
        ("fileid.lookup", {"id": 7, "error": "unknown", "detail": "no such file"}),
        ("settings.apply", {"id": 7, "applied": False, "generation": 3, "was": 2}),
        ("settings.apply", {"id": 7, "applied": True, "generation": 3}),
        ("settings.apply", {"id": 7, "error": "bad_settings", "detail": "1 mistake"}),
        ("authority", EXAMPLES["authority"].answer | {"state": "static"}),
        ("failover.status", without(EXAMPLES["failover.status"].answer, "lease_s")),
        ("status", STATUS | {"handoffs": without(STATUS["handoffs"], "acked")}),
        ("status", STATUS | {"peers": {"cfm-1": {"state": "connected"}}}),
        ("fileid.delete", {"id": 7, "deleted": True}),
    ],
)
def test_an_answer_that_is_not_as_the_table_has_it_is_found(operation: str, body: dict[str, Any]) -> None:
    service = "cfm" if operation == "fileid.lookup" else "dhcp"
    assert fault(operation, service, body)


def test_an_answer_to_nobody_is_found() -> None:
    replies = Replies("dhcp")
    replies.hear(LocalRequest(1, {"op": "fileid.create", "id": 7}))
    replies.check([Reply(1, CREATED)])
    for wrong in (Reply(2, CREATED), Reply(1, CREATED | {"id": 8}), Reply(1, STATUS | {"id": 7})):
        with pytest.raises(AssertionError):
            replies.check([wrong])


def test_an_answer_that_waits_for_the_disk_is_checked_too() -> None:
    replies = Replies("dhcp")
    replies.hear(LocalRequest(1, {"op": "failover.lock", "id": 7}))
    replies.check([Keep("a record", (Reply(1, {"id": 7, "locked": True, "vacant": False}),))])
    with pytest.raises(AssertionError):
        replies.check([Keep("a record", (Reply(1, {"id": 7}),))])
