"""A reason: a sentence that has a code."""

from bus.reason import Reason


def test_it_is_its_sentence_and_has_a_code() -> None:
    one = Reason("clock-off", "the clock of cfm-1 is off")
    assert one == "the clock of cfm-1 is off"
    assert one.code == "clock-off"
    assert "; ".join([one, one]) == "the clock of cfm-1 is off; the clock of cfm-1 is off"


def test_a_program_gets_both() -> None:
    document = Reason("locked", "its lock").document()
    assert document == {"code": "locked", "text": "its lock"}
    assert type(document["text"]) is str
