"""The local API of a CFM: the page's examples, and every way to be answered or refused."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bus.effects import Reply
from bus.envelope import Stamp
from bus.messages import LocalRequest
from bus.switch.standing import Step
from heartbeat.roles.claim import BY_GRANTS, EPOCH_MAX, ERA_MAX, Claim
from heartbeat.roles.granted.grants import Promise, Voter
from services.cfm.machine import Cfm
from services.cfm.voting import Voting
from services.instance.local_api import unknown
from services.instance.operations import OPERATIONS
from services.settings.catalogue import record
from tests.docs_pages.examples import EXAMPLES, MODEM, RULES, shape
from tests.nearly import JSON, Field, fits, nearly
from tests.replies import fault
from tests.unit.disk import Disk
from tests.unit.switches import switching

Make = Callable[..., Any]
Begin = Callable[..., Cfm]
Say = Callable[..., dict[str, Any]]
ROLES = {"dhcp-1": "dhcp/lab", "dhcp-2": "dhcp/lab"}
FILE = "nobody.minted.this"


def voter(promises: dict[str, Promise] | None = None) -> dict[str, Any]:
    """The parts of a CFM that grants the role; without a record of its promises it abstains."""
    stamp = Stamp("cfm-1", "lab", 4)
    voting = Voting(stamp, Voter("cfm-1", {*ROLES.values()}, promises, 0.0), ROLES)
    return {"stamp": stamp, "voting": voting}


@pytest.fixture
def begin(build: Make) -> Begin:
    """Builds cfm-1, which abstains from a vote and has the page's settings in force."""
    return lambda **more: build(catalogue=record({"residential": MODEM}, 3, RULES), **voter(), **more)


@pytest.fixture
def cfm(begin: Begin) -> Cfm:
    """cfm-1, which has one column."""
    return begin()


@pytest.fixture
def say(cfm: Cfm) -> Say:
    """Asks the CFM at once."""
    return lambda operation, **body: ask(cfm, operation, **body)


def ask(cfm: Cfm, operation: str, disk: Disk | None = None, **body: Any) -> dict[str, Any]:
    """The answer, once what it asks for is on the disk."""
    request = LocalRequest(1, {"op": operation, **body})
    (reply,) = (disk or Disk()).receive(cfm, request, 1.0)
    assert isinstance(reply, Reply)
    return reply.body


@pytest.mark.parametrize("operation", [name for name, one in EXAMPLES.items() if one.service == "cfm"])
def test_the_page_shows_what_a_cfm_answers(
    cfm: Cfm, say: Say, mint: Make, hand_off: Make, operation: str
) -> None:
    row = mint("residential", among={"residential": MODEM})
    cfm.receive(hand_off(row), 0.0)
    _, request, answer = EXAMPLES[operation]
    own = {"file": row.name.decode(), "address": "10.0.0.7"}
    request = {name: own.get(name, value) for name, value in request.items()}
    assert shape(say(operation, **request)) == shape(answer)
    assert fault(operation, "cfm", answer) == ""


BALLOT = {
    "era": Field(st.integers(0, ERA_MAX), st.sampled_from([-1, ERA_MAX + 1, "1", 1.5])),
    "epoch": Field(st.integers(0, EPOCH_MAX), st.sampled_from([-1, EPOCH_MAX + 1, "64", 64.0])),
    "claim_id": Field(
        st.sampled_from(["", "0123456789abcdef"]),
        st.sampled_from(["0", "0123456789ABCDEF", "0123456789abcdef0"]),
        is_optional=True,
    ),
}


@given(
    body=nearly(
        {
            "floors": Field(
                st.dictionaries(st.just("dhcp/lab"), nearly(BALLOT), min_size=1),
                JSON,
                is_optional=True,
            )
        }
    )
)
@settings(
    derandomize=True,
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # it makes a new one at each call
)
def test_floors_are_wrong_if_they_are_not_as_their_contract_has_them(
    build: Make, body: dict[str, Any]
) -> None:
    """Which roles are shared only the CFM knows."""
    asked = {name: body[name] for name in body if name != "op"}
    error = ask(build(**voter()), "failover.admit", **asked).get("error")
    assert (error == "bad_request") is not fits("failover.admit", body)


@pytest.mark.parametrize("operation", ["settings", "settings.history", "trace"])
def test_what_sidecars_and_cfms_answer_has_one_shape(say: Say, operation: str) -> None:
    body = say(operation, device="0011.2233.4455")
    answer = EXAMPLES[operation].answer
    assert shape(body) == shape(answer | {"events": []} if operation == "trace" else answer) | {"id": None}


def test_a_cfm_says_what_it_knows_of_the_roles_with_a_vote_and_without(build: Make) -> None:
    known = {"from_disk", "position", "reason", "roles"}
    assert ask(build(), "status")["failover"].keys() == known
    promises = {"dhcp/lab": Promise(Claim(1, 64, "a" * 16, BY_GRANTS), "dhcp-1")}
    told = ask(build(**voter(promises)), "status")["failover"]
    assert told.keys() == known | {"votes", "promises"}
    assert told["promises"]["dhcp/lab"].keys() == {"era", "epoch", "claim_id", "authority", "candidate"}


def admitted_twice(begin: Begin) -> dict[str, Any]:
    cfm = begin()
    ask(cfm, "failover.admit")
    return ask(cfm, "failover.admit")


def admitted_without_a_disk(begin: Begin) -> dict[str, Any]:
    disk = Disk()
    disk.is_full = True
    return ask(begin(), "failover.admit", disk)


def called_off(begin: Begin) -> dict[str, Any]:
    """A CFM gives no word in a switch, at whatever step."""
    return ask(begin(switching=switching("cfm-1", Step.BEGIN)), "transport.switch", verb="abort")


OF_MINTERS = {("transport.switch", "try_again")}
REFUSALS: dict[tuple[str, str], Callable[[Begin], dict[str, Any]]] = {
    ("settings", "bad_request"): lambda begin: ask(begin(), "settings", reveal=1),
    ("trace", "bad_request"): lambda begin: ask(begin(), "trace", device=5),
    ("fileid.lookup", "bad_request"): lambda begin: ask(begin(), "fileid.lookup", file=FILE),
    ("fileid.lookup", "unknown"): lambda begin: ask(begin(), "fileid.lookup", file=FILE, address="10.0.0.7"),
    ("fileid.done", "bad_request"): lambda begin: ask(begin(), "fileid.done"),
    ("fileid.done", "unknown"): lambda begin: ask(begin(), "fileid.done", file=FILE),
    ("failover.admit", "try_again"): admitted_without_a_disk,
    ("failover.admit", "bad_request"): lambda begin: ask(begin(), "failover.admit", floors={"mps/lab": {}}),
    ("failover.admit", "refused"): admitted_twice,
    ("transport.parity", "refused"): lambda begin: ask(begin(), "transport.parity"),
    ("transport.switch", "bad_request"): lambda begin: ask(begin(), "transport.switch", to="kafka"),
    ("transport.switch", "refused"): called_off,
}


@pytest.mark.parametrize(("operation", "error"), REFUSALS)
def test_a_cfm_refuses_with_a_word_of_the_table(begin: Begin, operation: str, error: str) -> None:
    assert REFUSALS[operation, error](begin)["error"] == error


def test_every_refusal_of_the_table_is_a_cfms() -> None:
    of_cfms = [one for one in OPERATIONS.values() if "cfm" in one.services]
    every = {(one.name, error) for one in of_cfms for error in one.errors}
    assert REFUSALS.keys() == every - OF_MINTERS


@pytest.mark.parametrize("votes", [True, False])
def test_an_operation_that_there_is_not_is_told_those_that_there_are(build: Make, votes: bool) -> None:
    cfm = build(**(voter() if votes else {}))
    names = ["fileid.create", None, ["status"], *([] if votes else ["failover.admit"])]
    for request in [LocalRequest(1, {"op": name, "id": 5}) for name in names]:
        assert cfm.receive(request, 0.0) == [unknown(request, "cfm", votes=votes)]
