"""The catalogue at a minter: what it writes to the topic, and what an operator asks and applies."""

from collections.abc import Callable
from typing import Any

import pytest

from bus.effects import Keep, Publish, Reply
from bus.envelope import Stamp
from bus.errors import DecodeError
from bus.messages import CaughtUp, Draining, LocalRequest, Received, Recreated, User, WallClock
from bus.routes import route
from services.settings.catalogue import Classes, StoreCatalogue, parse, record, version
from services.settings.held import HeldSettings
from services.settings.judging import plain_record
from services.settings.lookup import Found, LookedUp
from services.settings.record import CATALOGUE, COMMENT_MAX, CatalogueRecord, Change
from services.settings.vault import Vault
from services.sidecar.minter import Minter
from services.sidecar.offering import APPLY_WITHIN_S, PUBLISH_EVERY_S, Offering
from tests.trusting import ANYBODY

Build = Callable[..., Minter]
Make = Callable[..., Any]


RULES = [{"mac": "00:1a:2c:00:00:01", "class": "data", "values": {"customer": 7}}]
WRONG_RULES: list[Any] = [*RULES, {"mac": "00:1a:2c:00:00:02", "class": "data", "values": {"customer": "x"}}]


def written(effects: list[Any]) -> list[CatalogueRecord]:
    return [
        parse(one.envelope.data)
        for one in effects
        if isinstance(one, Publish) and one.envelope.type == CATALOGUE and one.key == "catalogue"
    ]


def published(effects: list[Any]) -> list[CatalogueRecord]:
    """What was written, whoever did so."""
    return [one.signed(Change()) for one in written(effects)]


def replies(effects: list[Any]) -> list[Any]:
    return [(one.session, one.body) for one in effects if isinstance(one, Reply)]


def apply(classes: Any, session: int = 1, **more: Any) -> LocalRequest:
    return LocalRequest(session, {"op": "settings.apply", "id": 7, "classes": classes, **more})


def ready(minter: Minter, *history: Received) -> Minter:
    """The minter after it has read the topic to its end, at 1.0."""
    for one in history:
        minter.receive(one, 0.5)
    minter.receive(CaughtUp("config"), 1.0)
    assert published(minter.tick(1.0)) == []
    return minter


def test_an_empty_topic_gets_the_file_and_is_written_until_it_is_read_back(
    build: Build, publication: Make, classes: Classes
) -> None:
    minter = build(catalogue=None, publish=record(classes, 1, RULES))
    assert published(minter.tick(0.0)) == []
    minter.receive(CaughtUp("heartbeat"), 0.5)
    assert published(minter.tick(0.5)) == []
    minter.receive(CaughtUp("config"), 1.0)
    assert (minter.deadline() or 0.0) <= 1.0
    (first,) = published(minter.tick(1.0))
    assert first == record(classes, 1, RULES)
    assert published(minter.tick(1.0 + PUBLISH_EVERY_S - 0.001)) == []
    assert published(minter.tick(1.0 + PUBLISH_EVERY_S)) == [first]
    assert minter.receive(publication(first), 5.0)[0] == Keep(StoreCatalogue(first))
    for now in (5.0, 1.0 + 2 * PUBLISH_EVERY_S, 100.0):
        assert published(minter.tick(now)) == []


def test_a_restart_never_brings_the_file_back(
    build: Build, publication: Make, classes: Classes, richer: Classes
) -> None:
    """Neither over the topic nor over the copy on disk."""
    in_force = publication(record(richer, 4))
    assert published(ready(build(catalogue=None, publish=record(classes, 1)), in_force).tick(50.0)) == []
    minter = build(catalogue=record(richer, 4), publish=record(classes, 1))
    minter.receive(CaughtUp("config"), 1.0)
    assert published(minter.tick(1.0)) == [record(richer, 4)]


@pytest.mark.parametrize("lost", [True, False])
def test_a_topic_that_has_less_than_is_in_force_gets_it_again_as_it_was(
    build: Build, publication: Make, classes: Classes, lost: bool
) -> None:
    minter = build()
    if not lost:
        minter.receive(publication(record({"old": classes["data"]}, 2)), 0.5)
    minter.receive(CaughtUp("config"), 1.0)
    assert published(minter.tick(1.0)) == [record(classes, 3)]
    minter.receive(publication(record(classes, 3)), 1.1)
    assert published(minter.tick(1.0 + PUBLISH_EVERY_S)) == []


def test_a_topic_made_anew_takes_nothing_away_and_gets_it_again(
    build: Build, publication: Make, classes: Classes, richer: Classes
) -> None:
    minter = ready(build(publish=record(classes, 1)), publication(record(richer, 4)))
    assert minter.receive(Recreated("config"), 2.0) == []
    assert minter.status.missing() == ["no CFM is alive"], "the settings in force were taken away"
    assert published(minter.tick(2.0)) == [], "it wrote before it knew what the topic holds"
    minter.receive(CaughtUp("config"), 3.0)
    assert published(minter.tick(3.0)) == [record(richer, 4)]
    minter.receive(publication(record(richer, 4)), 3.1)
    assert published(minter.tick(50.0)) == []
    minter.receive(apply(classes), 51.0)
    assert published(minter.tick(51.0)) == [record(classes, 5)]


@pytest.mark.parametrize("generation", [4, 2])
def test_a_topic_made_anew_may_have_been_filled_already(
    build: Build, publication: Make, richer: Classes, generation: int
) -> None:
    """By another minter, or by somebody who had only an older copy."""
    minter = ready(build(catalogue=None), publication(record(richer, 4)))
    minter.receive(Recreated("config"), 2.0)
    minter.receive(publication(record(richer, generation)), 2.5)
    minter.receive(CaughtUp("config"), 3.0)
    assert published(minter.tick(3.0)) == ([] if generation == 4 else [record(richer, 4)])


def test_what_is_applied_while_the_topic_is_made_anew_is_written_until_it_is_read_back(
    build: Build, publication: Make, classes: Classes, richer: Classes
) -> None:
    minter = ready(build(), publication(record(classes, 3)))
    minter.receive(apply(richer), 2.0)
    assert published(minter.tick(2.0)) == [record(richer, 4)]
    minter.receive(Recreated("config"), 2.5)
    ((_, body),) = replies(minter.receive(apply(classes), 2.6))
    assert body["error"] == "try_again"
    minter.receive(CaughtUp("config"), 3.0)
    now = 2.0 + PUBLISH_EVERY_S
    assert published(minter.tick(now)) == [record(richer, 4)]
    minter.receive(publication(record(richer, 4)), now)
    ((_, body),) = replies(minter.tick(now))
    assert body["applied"] is True


@pytest.mark.parametrize("foreign", [b"{}", "fax"], ids=str)
def test_what_another_version_wrote_is_left_alone(
    build: Build, publication: Make, classes: Classes, foreign: Any
) -> None:
    found = record({"fax": {"kind": "fax"}}, 9) if foreign == "fax" else foreign
    minter = ready(build(publish=record(classes, 1)), publication(found))
    assert published(minter.tick(50.0)) == []
    assert minter.counts["undecodable"] == 1


def test_nothing_is_published_by_who_has_nothing(build: Build) -> None:
    assert published(ready(build(catalogue=None)).tick(50.0)) == []


def test_one_generation_written_twice_ends_the_same_for_everybody(
    build: Build, publication: Make, classes: Classes, richer: Classes
) -> None:
    """Whatever comes first: the greater digest is in force, and the last record of the topic."""
    both = sorted((record(richer, 4), record({"other": classes["data"]}, 4)), key=version)
    for order in (both, both[::-1]):
        minter = ready(build(), publication(record(classes, 3)))
        for one in order:
            minter.receive(publication(one), 2.0)
        body = replies(minter.receive(LocalRequest(1, {"op": "settings"}), 2.0))[0][1]
        assert body["classes"] == both[1].classes
        assert published(minter.tick(2.0)) == ([] if order == both else [both[1]])


def test_an_applied_catalogue_is_answered_when_it_was_read_back(
    build: Build, publication: Make, classes: Classes, richer: Classes
) -> None:
    minter = ready(build(), publication(record(classes, 3)))
    assert minter.receive(apply(richer, 5), 2.0) == []
    assert (minter.deadline() or 0.0) <= 2.0
    effects = minter.tick(2.0)
    assert published(effects) == [record(richer, 4)]
    assert replies(effects) == []
    assert minter.receive(publication(record(richer, 4)), 2.1)[0] == Keep(StoreCatalogue(record(richer, 4)))
    assert (minter.deadline() or 0.0) <= 2.1
    effects = minter.tick(2.1)
    assert replies(effects) == [(5, {"id": 7, "applied": True, "generation": 4, "was": 3})]
    assert published(minter.tick(50.0)) == replies(minter.tick(50.0)) == []


def test_rules_are_a_part_of_the_catalogue(build: Build, publication: Make, classes: Classes) -> None:
    """Other rules are another generation, also where the classes stay; none are none."""
    minter = ready(build(), publication(record(classes, 3)))
    minter.receive(apply(classes, lookup=RULES), 2.0)
    assert published(minter.tick(2.0)) == [record(classes, 4, RULES)]
    minter.receive(publication(record(classes, 4, RULES)), 2.1)
    minter.tick(2.1)
    ((_, body),) = replies(minter.receive(LocalRequest(1, {"op": "settings"}), 3.0))
    assert (body["generation"], body["lookup"]) == (4, RULES)
    assert replies(minter.receive(apply(classes, lookup=RULES), 3.0))[0][1]["applied"] is False
    assert replies(minter.receive(apply(classes), 4.0)) == []
    assert published(minter.tick(4.0)) == [record(classes, 5)]


def test_what_is_in_force_says_whose_each_class_is(classes: Classes) -> None:
    offering = Offering(
        Stamp("dhcp-1", "lab", 9), None, float, HeldSettings(Vault()), ANYBODY.is_current, ANYBODY.refused
    )
    device = LookedUp(bytes.fromhex("001a2c000001"), bytes(4), b"", b"")
    assert offering.lookup.find(device, "cm") is None
    offering.adopt(record(classes, 3, RULES))
    assert offering.lookup.find(device, "cm") == Found("data", {"customer": 7})
    assert offering.lookup.find(device, "mta") is None
    with pytest.raises(DecodeError, match=r"generation 4: lookup\[1\]\.values\.customer: must be a number"):
        offering.adopt(record(classes, 4, WRONG_RULES))
    assert offering.generation == 3
    assert offering.lookup.find(device, "cm") == Found("data", {"customer": 7})
    offering.adopt(record(classes, 5))
    assert offering.lookup.find(device, "cm") is None


def test_what_is_in_force_is_unchanged(build: Build, publication: Make, classes: Classes) -> None:
    minter = ready(build(), publication(record(classes, 3)))
    turned = {name: dict(reversed(one.items())) for name, one in classes.items()}
    assert replies(minter.receive(apply(turned), 2.0)) == [(1, {"id": 7, "applied": False, "generation": 3})]
    assert published(minter.tick(2.0)) == []


def test_a_catalogue_that_is_not_read_back_is_indeterminate(
    build: Build, publication: Make, classes: Classes, richer: Classes
) -> None:
    minter = ready(build(), publication(record(classes, 3)))
    minter.receive(apply(richer), 2.0)
    tries = 0
    while (now := minter.deadline() or 0.0) < 2.0 + APPLY_WITHIN_S:
        effects = minter.tick(max(now, 2.0))
        tries += len(published(effects))
        assert replies(effects) == []
    ((_, body),) = replies(minter.tick(2.0 + APPLY_WITHIN_S))
    assert (body["error"], tries) == ("indeterminate", 4)
    assert published(minter.tick(50.0)) == []
    minter.receive(publication(record(richer, 4)), 51.0)  # it was on its way after all
    minter.receive(apply(classes), 52.0)
    assert published(minter.tick(52.0)) == [record(classes, 5)]


def test_who_is_overtaken_is_told(build: Build, publication: Make, classes: Classes, richer: Classes) -> None:
    minter = ready(build(), publication(record(classes, 3)))
    minter.receive(apply(richer), 2.0)
    minter.tick(2.0)
    minter.receive(publication(record({"other": classes["data"]}, 5)), 2.1)
    effects = minter.tick(2.1)
    assert [body["error"] for _, body in replies(effects)] == ["try_again"]
    assert published(minter.tick(50.0)) == []


def test_it_goes_on_top_of_what_only_the_topic_has(build: Build, publication: Make, richer: Classes) -> None:
    minter = ready(build(), publication(record({"fax": {"kind": "fax"}}, 9)))
    minter.receive(apply(richer), 2.0)
    assert [one.generation for one in published(minter.tick(2.0))] == [10]


def wrong_rules(classes: Classes) -> Any:
    mac, texts = {"mac": "00:1a:2c:00:00:01"}, {f"text{at}": "x" * 200 for at in range(8)}
    wrong = classes | {"gold": {"kind": "fax"}}
    yield classes, None, ["lookup"]
    yield classes, {"mac": "data"}, ["lookup"]
    yield classes, WRONG_RULES, ["lookup[1].values.customer"]
    yield classes, [mac | {"class": "data"}, "data"], ["lookup[0].values.customer", "lookup[1]"]
    yield classes, [mac | {"class": "texts", "values": texts}], ["lookup[0].values"]  # no row carries them
    yield classes, [mac | {"class": "gold", "values": {}}], ["lookup[0].class"]
    yield wrong, [mac | {"class": "gold", "values": {"a": 1}}], ["classes.gold.kind"]
    yield {}, 1, ["classes", "lookup"]


def test_a_catalogue_with_a_wrong_rule_is_refused_whole(
    build: Build, publication: Make, classes: Classes
) -> None:
    minter = ready(build(), publication(record(classes, 3)))
    for some, rules, paths in wrong_rules(classes):
        ((_, body),) = replies(minter.receive(apply(some, lookup=rules), 2.0))
        assert body["error"] == "bad_settings"
        assert [path for path, _ in body["problems"]] == paths
    many = [{"mac": f"001a2c{at:06x}", "class": "data", "values": {"customer": at}} for at in range(20_000)]
    ((_, body),) = replies(minter.receive(apply(classes, lookup=many), 2.0))
    assert [path for path, _ in body["problems"]] == ["classes"]  # the topic takes no such record
    assert published(minter.tick(50.0)) == []


def test_a_record_with_a_wrong_rule_is_not_taken(build: Build, publication: Make, classes: Classes) -> None:
    minter = ready(build(), publication(record(classes, 3)))
    assert minter.receive(publication(record(classes, 4, WRONG_RULES)), 2.0) == []
    assert minter.counts["undecodable"] == 1
    assert replies(minter.receive(LocalRequest(1, {"op": "settings"}), 3.0))[0][1]["generation"] == 3


def wrong(classes: Classes) -> Any:
    yield None, ["classes"]
    yield {}, ["classes"]
    yield {"Gold": {}, "b": 1}, ["classes.Gold", "classes.b"]
    yield (
        classes
        | {"gold": {"kind": "cm", "body": [{"max_cpe": 999}, {"network_access": 1}, {"max_cpe": -1}]}},
        ["classes.gold.body[0].max_cpe", "classes.gold.body[2].max_cpe"],
    )
    yield classes | {"a": {"kind": "fax"}, "b": {"kind": "fax"}}, ["classes.a.kind", "classes.b.kind"]
    huge = {"kind": "mta", "hash": "na", "body": [{"tlv": 64, "hex": "00" * 60_000}]}
    yield {f"class{at}": huge for at in range(9)}, ["classes"]


def test_a_wrong_catalogue_is_refused_whole_with_every_mistake_and_the_old_one_stays(
    build: Build, publication: Make, create: Make, classes: Classes
) -> None:
    minter = ready(build(), publication(record(classes, 3)))
    for bad, paths in wrong(classes):
        ((_, body),) = replies(minter.receive(apply(bad), 2.0))
        assert body["error"] == "bad_settings"
        assert [path for path, _ in body["problems"]] == paths
        assert published(minter.tick(50.0)) == []
    assert route("config").payload_bytes_max < 9 * 120_000
    assert replies(minter.receive(LocalRequest(1, {"op": "settings"}), 60.0)) == [
        (1, {"id": None, **record(classes, 3).model_dump(exclude={"salt", "sealed"}), "masked": 0})
    ]
    assert minter.receive(create(), 60.0) == []


def test_what_a_cmts_would_reject_is_not_applied_and_served_if_it_was(
    build: Build, publication: Make, create: Make, classes: Classes
) -> None:
    data = classes["data"]
    bad = classes | {"data": data | {"body": [*data["body"], {"network_access": 0}]}}
    minter = ready(build(), publication(record(bad, 4)))
    said = (
        "settings that every CMTS takes (classes.data.body[4].network_access: contradicts an earlier "
        "network_access (contradicting-setting)): see provbus settings check"
    )
    assert said in minter.status.degraded()
    assert minter.receive(create(), 2.0) == []
    ((_, body),) = replies(minter.receive(apply({**bad, "more": data}), 2.0))
    assert body["error"] == "bad_settings"
    assert body["problems"] == [
        [
            "classes.data.body[4].network_access",
            "contradicts an earlier network_access (contradicting-setting)",
        ]
    ]
    assert replies(minter.receive(apply(classes | {"more": data}), 2.0)) == []
    assert [found.generation for found in published(minter.tick(2.0))] == [5]


def test_an_apply_that_comes_too_early_or_too_late_is_to_be_tried_again(
    build: Build, publication: Make, classes: Classes, richer: Classes
) -> None:
    minter = build()
    assert replies(minter.receive(apply(richer), 0.5))[0][1]["error"] == "try_again"
    ready(minter, publication(record(classes, 3)))
    minter.receive(apply(richer), 2.0)
    ((session, body),) = replies(minter.receive(apply(richer, 2), 2.0))
    assert (session, body["error"]) == (2, "try_again")
    minter.receive(Draining(), 3.0)
    assert replies(minter.receive(apply(richer, 3), 3.0))[0][1]["error"] == "try_again"


def test_no_catalogue_is_generation_0(build: Build) -> None:
    minter = build(catalogue=None)
    body = {
        "id": 1,
        "generation": 0,
        "digest": "",
        **Change()._asdict(),
        "classes": {},
        "lookup": [],
        "masked": 0,
    }
    assert replies(minter.receive(LocalRequest(4, {"op": "settings", "id": 1}), 0.0)) == [(4, body)]


WRITTEN = [
    {"snmp_set": {"oid": "docsDevNmAccessStatus.1", "integer": "active(1)"}},
    {"snmp_set": {"oid": "docsDevEvReporting.emergency", "bits": "local(0) syslog(2)"}},
    {"snmp_set": {"oid": "SNMPv2-MIB::sysContact.0", "string": "active(1)"}},
]
PLAIN = [
    {"snmp_set": {"oid": "docsDevNmAccessStatus.1", "integer": 1}},
    {"snmp_set": {"oid": "docsDevEvReporting.1", "hex": "a0"}},
    {"snmp_set": {"oid": "sysContact.0", "string": "active(1)"}},
]


def test_what_is_applied_is_written_in_words_that_an_older_build_knows(
    build: Build, publication: Make, classes: Classes
) -> None:
    minter = ready(build(), publication(record(classes, 3)))
    whole = classes["data"]["body"][:3]
    minter.receive(apply({"data": {"kind": "cm", "body": whole + WRITTEN}}), 2.0)
    (found,) = published(minter.tick(2.0))
    assert found == record({"data": {"kind": "cm", "body": whole + PLAIN}}, 4)


def test_so_is_the_file_of_an_empty_topic() -> None:
    found = plain_record(record({"data": {"kind": "cm", "body": WRITTEN}}, 1, RULES))
    assert found == record({"data": {"kind": "cm", "body": PLAIN}}, 1, RULES)


def test_a_record_that_is_not_plain_is_taken_as_it_is(build: Build, publication: Make) -> None:
    found = record({"data": {"kind": "cm", "body": WRITTEN}}, 4)
    assert build().receive(publication(found), 1.0)[0] == Keep(StoreCatalogue(found))


ANN = User(1234, "ann")


def test_a_change_has_its_time_the_user_that_the_kernel_attests_and_a_comment(
    build: Build, publication: Make, classes: Classes, richer: Classes
) -> None:
    minter = ready(build(), publication(record(classes, 3)))
    minter.receive(WallClock(1000.0), 1.5)
    said = apply(richer, comment="for Ö. Müller, #17", author="somebody", user="somebody")
    minter.receive(said._replace(user=ANN), 2.0)
    (found,) = written(minter.tick(2.0))
    assert found == record(richer, 4, (), Change(1_002_000, "ann@dhcp-1", "for Ö. Müller, #17"))
    assert found.digest == record(richer, 4).digest
    assert written(minter.tick(2.0 + PUBLISH_EVERY_S)) == [found], "its time is that of the change"
    minter.receive(publication(found), 5.5)
    ((_, body),) = replies(minter.receive(LocalRequest(1, {"op": "settings"}), 6.0))
    assert body == {"id": None, **found.model_dump(exclude={"salt", "sealed"}), "masked": 0}


def test_the_author_of_the_first_settings_is_the_instance(build: Build, classes: Classes) -> None:
    minter = build(catalogue=None, publish=record(classes, 1))
    minter.receive(WallClock(1000.0), 0.5)
    minter.receive(CaughtUp("config"), 1.0)
    (found,) = written(minter.tick(1.0))
    assert found == record(classes, 1, (), Change(1_001_000, "dhcp-1"))
    assert written(minter.tick(1.0 + PUBLISH_EVERY_S)) == [found]


def test_what_is_written_again_keeps_its_author(build: Build, classes: Classes) -> None:
    kept = record(classes, 3, (), Change(5, "ann@dhcp-2", "more upstream"))
    minter = build(catalogue=kept, publish=record(classes, 1))
    minter.receive(CaughtUp("config"), 1.0)
    assert written(minter.tick(1.0)) == [kept]


@pytest.mark.parametrize(
    "comment", [None, 7, ["x"], "two\nlines", "\x1b[2J", "a\u2028b", "\u202e", "x" * (COMMENT_MAX + 1)]
)
def test_a_comment_is_one_printable_line(
    build: Build, publication: Make, classes: Classes, richer: Classes, comment: Any
) -> None:
    minter = ready(build(), publication(record(classes, 3)))
    ((_, body),) = replies(minter.receive(apply(richer, comment=comment), 2.0))
    assert (body["error"], body["detail"].split(":")[0]) == ("bad_request", "comment")
    assert published(minter.tick(50.0)) == []
    assert replies(minter.receive(apply(richer, comment="x" * COMMENT_MAX), 51.0)) == []
