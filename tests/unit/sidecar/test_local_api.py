"""The local API of a sidecar: the page's examples, and every way to be answered or refused."""

from collections.abc import Callable
from functools import partial
from itertools import count
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bus.envelope import Stamp
from bus.messages import LocalRequest, SessionClosed
from bus.switch.standing import TARGETS, Step
from fileid.lease import LeaseFile
from heartbeat.roles.appointed.holder import AppointedHolder
from heartbeat.roles.appointed.tenure import Tenure
from heartbeat.roles.claim import BY_APPOINTMENT, ERA_MAX, Claim
from heartbeat.roles.elected.election import Election
from heartbeat.roles.elected.holder import ElectedHolder
from heartbeat.roles.granted.holder import GrantedHolder
from heartbeat.timing import LEASE_S
from services.instance.contracts.role import EXCUSED_S_MAX
from services.instance.local_api import unknown
from services.instance.operations import OPERATIONS
from services.instance.switching import VERBS, Switching
from services.settings.catalogue import record
from services.settings.record import COMMENT_MAX, GENERATION_MAX
from services.sidecar.role.authority import Authority
from services.sidecar.role.record import StoreFailover
from tests.docs_pages.examples import EXAMPLES, MODEM, RULES, shape
from tests.nearly import DEVICE, JSON, Field, fits, nearly
from tests.replies import fault
from tests.trusting import anybody
from tests.unit.sidecar.talking import Talk
from tests.unit.switches import BOTH, switching

Make = Callable[..., Any]
Speak = Callable[..., Talk]
By = Callable[[Stamp], Authority]
ROLE = "dhcp/lab"
HOST, OTHER = 5, 6
KEA = (LeaseFile("cm", "modem.cm", ("cfm-1",)),)


def elected(stamp: Stamp, **more: Any) -> Authority:
    ids = count(1)
    cfms = ("cfm-1",)
    election = Election(
        role=ROLE, stamp=stamp, rank=0, cfms=cfms, new_id=lambda: f"{next(ids):016x}", writers=anybody
    )
    return Authority(stamp, ElectedHolder(election), **more)


def appointed(stamp: Stamp) -> Authority:
    claim = Claim(1, 64, "1" * 16, BY_APPOINTMENT)
    appointment = AppointedHolder(
        role=ROLE,
        tenure=Tenure(claim, is_ours=False),
        is_configured=False,
        is_alone=True,
        index=0,
        cfms=["cfm-1", "cfm-2"],
        new_id=lambda: "f" * 16,
    )
    return Authority(
        stamp, appointment, leads=lambda: "multicast", kept=StoreFailover(claim, mode="multicast")
    )


def granted(stamp: Stamp) -> Authority:
    voters = ("cfm-1", "cfm-2", "cfm-3")
    return Authority(stamp, GrantedHolder(role=ROLE, stamp=stamp, index=0, voters=voters, random=Random(1)))


@pytest.fixture
def speak(build: Make, beat: Make, ack: Make) -> Speak:
    """Begins a conversation with dhcp-1, which stands for its role as `by` says, or has none."""

    def begin(
        by: By | None = elected,
        files: tuple[LeaseFile, ...] = (),
        switching: Switching | None = None,
        **more: Any,
    ) -> Talk:
        stamp = Stamp("dhcp-1", "lab", 9)
        minter = build(
            stamp=stamp,
            authority=None if by is None else by(stamp),
            catalogue=record({"residential": MODEM}, 3, RULES),
            history=[record({"business": MODEM}, 2), record({"fax": {"kind": "fax"}}, 1)],
            files=files,
            switching=switching,
        )
        return Talk(minter, partial(beat, switch=BOTH), ack, **more)

    return begin


def active(speak: Speak, **more: Any) -> Talk:
    """The primary, whose host is attached."""
    talk = speak(lambda stamp: elected(stamp, needs_host=True), **more)
    talk.ask("host.attach", HOST)
    talk.wait(LEASE_S + 0.1)
    return talk


# The page


@pytest.mark.parametrize("operation", [name for name, one in EXAMPLES.items() if one.service == "sidecar"])
def test_the_page_shows_what_a_sidecar_answers(speak: Speak, operation: str) -> None:
    _, request, answer = EXAMPLES[operation]
    follows_kea = operation == "host.reloads"
    step = Step.HEAR if operation == "transport.status" else None
    talk = active(
        speak,
        files=KEA if follows_kea else (),
        switching=switching("dhcp-1", step, ["cfm-1"]) if operation.startswith("transport.") else None,
    )
    if operation == "trace":
        talk.ask("fileid.create", HOST, **EXAMPLES["fileid.create"].request)
    assert shape(talk.ask(operation, HOST, **request)) == shape(answer)
    assert fault(operation, "dhcp", answer) == ""


# The contracts

seeded = settings(
    derandomize=True,
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # it makes a new one at each call
)
SWITCH = {"on": Field(st.booleans(), st.sampled_from([0, 1, "true", None]), is_optional=True)}
LOWER_DEVICE = Field(st.from_regex(r"\A[0-9a-f]{2}(:[0-9a-f]{2}){5}\Z"), DEVICE.right)
COMMENT = Field(
    st.text(st.characters(codec="ascii", min_codepoint=32, max_codepoint=126), max_size=COMMENT_MAX),
    JSON | st.just("x" * (COMMENT_MAX + 1)) | st.just("two\nlines"),
    is_optional=True,
)
ABSENT = Field(st.lists(st.just("cfm-1")), st.lists(JSON) | st.just("cfm-1") | st.none(), is_optional=True)
FIELDS: dict[str, dict[str, Field]] = {
    "host.reloads": {
        "seconds": Field(
            st.floats(0, EXCUSED_S_MAX) | st.integers(0, int(EXCUSED_S_MAX)),
            st.floats(-1, EXCUSED_S_MAX + 1) | st.sampled_from([-0.0, EXCUSED_S_MAX + 0.001, 2**70, "5"]),
        )
    },
    "failover.drain": SWITCH,
    "failover.lock": SWITCH,
    "failover.promote": {"absent": ABSENT},
    "failover.era": {
        "revoke": Field(
            st.lists(st.from_regex(r"\A[0-9a-f]{64}\Z")),
            st.sampled_from([["a" * 64 + "\n"], ["A" * 64], ["a" * 63], "a" * 64]) | st.lists(JSON) | JSON,
            is_optional=True,
        )
    },
    "settings.rollback": {
        "generation": Field(
            st.integers(1, GENERATION_MAX), st.sampled_from([0, -1, GENERATION_MAX + 1, 1.0, True, "1"])
        ),
        "comment": COMMENT,
    },
    "transport.switch": {
        "verb": Field(st.sampled_from(VERBS), st.just("Switch") | JSON, is_optional=True),
        "to": Field(st.sampled_from(["", *TARGETS]), st.just("auto") | JSON, is_optional=True),
        "absent": ABSENT,
    },
    "trace": {
        "device": LOWER_DEVICE._replace(is_optional=True),
        "fileid": Field(
            st.from_regex(r"\A[0-9a-f]{16}\Z"), st.from_regex(r"\A[0-9a-fA-F]{15,17}\n?\Z"), is_optional=True
        ),
    },
}


@seeded
@pytest.mark.parametrize("operation", FIELDS)
@given(data=st.data())
def test_a_request_is_wrong_if_it_is_not_as_its_contract_has_it(
    speak: Speak, operation: str, data: st.DataObject
) -> None:
    talk = speak(appointed if operation == "failover.promote" else elected, files=KEA)
    talk.wait(0.1)
    body = data.draw(nearly(FIELDS[operation]))
    is_wrong = talk.ask(operation, **{name: body[name] for name in body if name != "op"}).get("error")
    assert (is_wrong == "bad_request") is not fits(operation, body)


CLASSES = st.fixed_dictionaries({"residential": st.just(MODEM)}, optional={"Gold": JSON, "x" * 13: JSON})


@seeded
@given(
    body=nearly(
        {
            "classes": Field(CLASSES, JSON),
            "lookup": Field(st.just(RULES), JSON, is_optional=True),
            "comment": COMMENT,
        }
    )
)
def test_a_catalogue_has_mistakes_if_it_is_not_as_its_contract_has_it(
    speak: Speak, body: dict[str, Any]
) -> None:
    """Whether its classes and rules are right too, the contract does not know."""
    talk = speak()
    error = talk.ask("settings.apply", **{name: body[name] for name in body if name != "op"}).get("error")
    assert error in ("bad_settings", "bad_request") or fits("settings.apply", body)
    assert error != "bad_request" or not fits("settings.apply", body)


def test_a_kea_must_be_followed_to_reload(speak: Speak) -> None:
    """What only the sidecar knows; the request is right."""
    assert fits("host.reloads", {"seconds": 30})
    assert speak().ask("host.reloads", seconds=30)["error"] == "bad_request"


# Every shape


def test_without_a_role_a_sidecar_says_so(speak: Speak) -> None:
    talk = speak(None)
    has_no_role = {"role": "", "state": "static"}
    may_act = {"may_act": True, "lease_until_s": LEASE_S}
    assert talk.ask("authority") == {"id": None, **has_no_role, **may_act}
    assert talk.ask("host.attach") == {"id": None, "attached": True, **has_no_role, **may_act}
    told = {"locked": False, "drained": False, "host": True, "unkept": ""}
    assert talk.ask("failover.status") == {"id": None, **has_no_role, **told}
    assert talk.ask("status")["failover"] == {**has_no_role, **told}


@pytest.mark.parametrize(("by", "authority"), [(appointed, "appointed"), (granted, "granted")])
def test_what_decides_is_said(speak: Speak, by: By, authority: str) -> None:
    talk = speak(by)
    told = talk.ask("failover.status")
    assert (told["role"], told["authority"]) == (ROLE, authority)
    assert "may_act" in talk.ask("authority")
    assert talk.ask("status")["failover"]["authority"] == authority


# Every refusal


def standby(speak: Speak) -> dict[str, Any]:
    return speak().ask("fileid.create", **EXAMPLES["fileid.create"].request)


def second_host(speak: Speak) -> dict[str, Any]:
    return active(speak).ask("host.attach", OTHER)


def host_after_one_that_left(speak: Speak) -> dict[str, Any]:
    talk = active(speak)
    talk.ask("authority", HOST)
    talk.give(SessionClosed(HOST))
    return talk.ask("host.attach", OTHER)


def full(operation: str) -> Callable[[Speak], dict[str, Any]]:
    def ask(speak: Speak) -> dict[str, Any]:
        talk = active(speak)
        talk.disk.is_full = True
        return talk.ask(operation)

    return ask


def wrong(operation: str, by: By = elected, **body: Any) -> Callable[[Speak], dict[str, Any]]:
    def ask(speak: Speak) -> dict[str, Any]:
        talk = speak(by)
        talk.wait(0.1)
        return talk.ask(operation, **body)

    return ask


def unable(speak: Speak) -> dict[str, Any]:
    return speak(lambda stamp: elected(stamp, needs_host=True)).ask("failover.promote")


def era_after_the_last(speak: Speak) -> dict[str, Any]:
    talk = active(speak, highest=Claim(ERA_MAX, 1, "f" * 16))
    return talk.ask("failover.era")


def not_read_back(operation: str) -> Callable[[Speak], dict[str, Any]]:
    def ask(speak: Speak) -> dict[str, Any]:
        talk = active(speak)
        talk.reads_back = False
        return talk.ask(operation, **EXAMPLES[operation].request)

    return ask


def called_off_too_late(speak: Speak) -> dict[str, Any]:
    return speak(switching=switching("dhcp-1", Step.BEGIN)).ask("transport.switch", verb="abort")


REFUSALS: dict[tuple[str, str], Callable[[Speak], dict[str, Any]]] = {
    ("fileid.create", "try_again"): standby,
    ("fileid.create", "bad_request"): wrong("fileid.create", device="a modem"),
    ("authority", "bad_request"): wrong("authority", progress="much"),
    ("host.attach", "try_again"): host_after_one_that_left,
    ("host.attach", "refused"): second_host,
    ("host.yielded", "refused"): wrong("host.yielded"),
    ("host.reloads", "bad_request"): wrong("host.reloads", seconds=30),
    ("failover.drain", "try_again"): full("failover.drain"),
    ("failover.drain", "bad_request"): wrong("failover.drain", on="yes"),
    ("failover.lock", "try_again"): full("failover.lock"),
    ("failover.lock", "bad_request"): wrong("failover.lock", on=1),
    ("failover.promote", "try_again"): unable,
    ("failover.promote", "bad_request"): wrong("failover.promote", appointed, absent="cfm-1"),
    ("failover.promote", "refused"): lambda speak: speak(None).ask("failover.promote"),
    ("failover.era", "try_again"): era_after_the_last,
    ("failover.era", "bad_request"): wrong("failover.era", revoke="a key"),
    ("settings", "bad_request"): wrong("settings", reveal="yes"),
    ("settings.apply", "try_again"): lambda speak: speak(topic=False).ask(
        "settings.apply", **EXAMPLES["settings.apply"].request
    ),
    ("settings.apply", "bad_request"): wrong("settings.apply", comment="two\nlines"),
    ("settings.apply", "bad_settings"): wrong("settings.apply", classes={"fax": {"kind": "fax"}}),
    ("settings.apply", "indeterminate"): not_read_back("settings.apply"),
    ("settings.rollback", "try_again"): lambda speak: speak(topic=False).ask(
        "settings.rollback", **EXAMPLES["settings.rollback"].request
    ),
    ("settings.rollback", "bad_request"): wrong("settings.rollback", generation=0),
    ("settings.rollback", "bad_settings"): wrong("settings.rollback", generation=1),
    ("settings.rollback", "indeterminate"): not_read_back("settings.rollback"),
    ("settings.rollback", "refused"): wrong("settings.rollback", generation=3),
    ("transport.parity", "refused"): wrong("transport.parity"),
    ("transport.switch", "try_again"): called_off_too_late,
    ("transport.switch", "bad_request"): wrong("transport.switch", to="kafka"),
    ("transport.switch", "refused"): wrong("transport.switch", to="multicast"),
    ("trace", "bad_request"): wrong("trace"),
}


@pytest.mark.parametrize(("operation", "error"), REFUSALS)
def test_a_sidecar_refuses_with_a_word_of_the_table(speak: Speak, operation: str, error: str) -> None:
    assert REFUSALS[operation, error](speak)["error"] == error


def test_every_refusal_of_the_table_is_a_sidecars() -> None:
    of_sidecars = [one for one in OPERATIONS.values() if "dhcp" in one.services]
    assert REFUSALS.keys() == {(one.name, error) for one in of_sidecars for error in one.errors}


def test_an_operation_that_there_is_not_is_told_those_that_there_are(speak: Speak) -> None:
    talk = speak()
    for request in (LocalRequest(1, {"op": "fileid.lookup", "id": 5}), LocalRequest(1, {})):
        assert talk.minter.receive(request, talk.now) == [unknown(request, "dhcp")]
