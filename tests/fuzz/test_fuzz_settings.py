"""Catalogues of any size and content: what an instance does with one grows no faster than the catalogue."""

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from bus.contract import encode
from bus.envelope import Envelope
from bus.errors import DecodeError
from bus.messages import LocalRequest
from services.cfm.building import Builder
from services.settings.catalogue import Classes, digest, record
from services.settings.held import HeldSettings
from services.settings.judging import catalogue_problems
from services.settings.record import CATALOGUE
from services.settings.vault import Vault
from services.sidecar.offering import Offering
from tests.fuzz.mutation import bounded, documents, steps
from tests.fuzz.test_fuzz_local import CLASSES, minter

GROWTH_MAX = 2.6  # of the steps, from a catalogue to one of twice its size: dictionaries and lists grow too
DATA: dict[str, Any] = {"kind": "cm", "body": [{"network_access": 1}]}
WRONG: dict[str, Any] = {"kind": "cm", "body": [{"netwrk_access": 1}] * 40}
Made = tuple[Classes, list[dict[str, Any]]]


def rules_without_a_class(size: int) -> Made:
    """Rules for classes that do not exist, beside as many that do."""
    classes = {f"class-{at}": DATA for at in range(size)}
    return classes, [{"subnet": f"127.64.{at % 250}.0/24", "class": f"clazz-{at}"} for at in range(size)]


def fields_that_do_not_exist(size: int) -> Made:
    """Rules of which every key is wrong."""
    return {"data": DATA}, [{f"clas{at}": "data", "subnet": "127.64.0.0/24"} for at in range(size)]


def classes_of_wrong_names(size: int) -> Made:
    """Classes of TLVs that do not exist."""
    return {f"class-{at}": WRONG for at in range(size)}, []


def objects_that_do_not_exist(size: int) -> Made:
    """Varbinds of objects that no MIB of ours has."""
    body = [{"snmp_set": {"oid": f"docsDevNmAccess{at}.0", "string": "x"}} for at in range(4)]
    return {f"class-{at}": {"kind": "cm", "body": body} for at in range(size)}, []


def rules_that_are_right(size: int) -> Made:
    """Nothing is wrong, there is just much of it."""
    rules = [
        {"subnet": f"127.{64 + at // 250}.{at % 250}.0/24", "class": f"class-{at}"} for at in range(size)
    ]
    return {f"class-{at}": DATA for at in range(size)}, rules


MADE = [
    rules_without_a_class,
    fields_that_do_not_exist,
    classes_of_wrong_names,
    objects_that_do_not_exist,
    rules_that_are_right,
]


def take_or_leave(offering: Offering, builder: Builder, envelope: Envelope) -> None:
    """A minter and a CFM are given a record of the topic."""
    with suppress(DecodeError):
        offering.receive(envelope, 0.0)
    with suppress(DecodeError):
        builder.receive(envelope.data)


def received(made: Made) -> Callable[[], object]:
    """A minter and a CFM are given this catalogue by the topic; both take it or leave it."""
    data = encode(record(made[0], 7, made[1]))
    envelope = Envelope(CATALOGUE, "dhcp-1", 1, 1, 0, data)
    offering, builder = minter().parts.offering, Builder(b"s", HeldSettings(Vault()))

    def work() -> None:
        take_or_leave(offering, builder, envelope)

    return work


@pytest.mark.parametrize("make", MADE)
def test_a_catalogue_of_a_topic_is_judged_in_linear_time(make: Callable[[int], Made]) -> None:
    received(make(4))()  # what is imported and compiled once
    small, large = steps(received(make(150))), steps(received(make(300)))
    assert large <= GROWTH_MAX * small
    assert large <= 2_000 * 300


@pytest.mark.parametrize("make", MADE)
def test_a_catalogue_of_an_operator_is_judged_in_linear_time(make: Callable[[int], Made]) -> None:
    catalogue_problems(*make(4))
    small, large = (steps(lambda size=size: catalogue_problems(*make(size))) for size in (150, 300))  # type: ignore[misc]
    assert large <= GROWTH_MAX * small


def test_what_an_instance_finds_wrong_is_answered_without_a_guess() -> None:
    """To guess what was meant is the command line's work."""
    machine = minter()
    rules = [{"mac": "001a.2c00.0001", "class": "date"}]
    request = LocalRequest(1, {"op": "settings.apply", "id": 1, "classes": CLASSES, "lookup": rules})
    (reply,) = machine.receive(request, 0.0)
    assert reply.body["problems"][0] == ["lookup[0].class", "there is no class 'date'"]


def sealed(classes: object, lookup: object, generation: object) -> bytes:
    """A record whose digest is right, whatever stands in it."""
    said = {"generation": generation, "classes": classes, "lookup": lookup}
    try:
        said["digest"] = digest(classes, lookup)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        said["digest"] = ""
    return json.dumps(said).encode()


@pytest.mark.parametrize("seed", range(3))
def test_every_catalogue_is_taken_or_left(seed: int) -> None:
    """Values within are changed and the digest is made anew, so that the judges are reached."""
    rules = [{"mac": "001a.2c00.0001", "class": "data", "values": {"customer": 7}}]
    whole = {"classes": CLASSES, "lookup": rules, "generation": 7}
    offering, builder = minter().parts.offering, Builder(b"s", HeldSettings(Vault()))
    for at, found in enumerate(documents([whole], seed, rounds=300)):
        data = sealed(found.get("classes"), found.get("lookup"), found.get("generation"))
        envelope = Envelope(CATALOGUE, "dhcp-1", 1, at, 0, data)

        def work(_: bytes, envelope: Envelope = envelope) -> None:
            take_or_leave(offering, builder, envelope)

        bounded(data * 4, work)
    assert offering.generation
