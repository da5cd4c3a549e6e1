"""Every planted fault of `make mutants` fits the code by names alone: none is left behind when that moves."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from tests.mutants.planting import Fault, House, load_fault

ROOT = Path(__file__).parent.parent
FAULTS = sorted((ROOT / "tests/mutants").glob("*.yaml"))
TWICE = Path("a.py")
TEXT = """LIMIT = 3


class Door:
    @property
    def is_open(self) -> bool:
        if LIMIT:
            return True
        return False

    def shut(self) -> None:
        self.is_shut = True


def test_door() -> None:
    pass
"""


@pytest.fixture(scope="module")
def house() -> House:
    return House.of(ROOT)


def fault(symbol: str, replace: str, by: str = "", *red: str) -> Fault:
    plant = [{"in": symbol, "replace": replace, "by": by}]
    return Fault.model_validate({"what": "It is wrong.", "red": red or ["test_door"], "plant": plant})


@pytest.mark.parametrize("path", FAULTS, ids=lambda path: path.stem)
def test_a_fault_can_be_planted(path: Path, house: House) -> None:
    found = load_fault(path)
    assert house.planted(found)
    assert house.tests(found)


def test_there_are_faults() -> None:
    assert FAULTS


def test_a_fault_is_found_wherever_its_symbol_stands() -> None:
    for path in (Path("bus/door.py"), Path("services/gates/portal.py")):
        house = House({path: TEXT})
        planted = house.planted(fault("Door.is_open", "return True", "return False"))
        assert planted == {path: TEXT.replace("return True", "return False")}
        assert house.tests(fault("LIMIT", "LIMIT = 3")) == [f"{path}::test_door"]


@pytest.mark.parametrize(
    ("symbol", "replace", "by", "changed"),
    [
        ("LIMIT", "LIMIT = 3", "LIMIT = 4", ("LIMIT = 3", "LIMIT = 4")),
        ("Door.shut", "self.is_shut = True", "pass", ("self.is_shut = True", "pass")),
        ("Door.is_open", "@property", "", ("    @property\n", "")),
        (
            "Door.is_open",
            "if LIMIT:\n    return True\n",
            "for _ in range(LIMIT):\n    return True",
            ("if LIMIT:", "for _ in range(LIMIT):"),
        ),
        ("Door", "self.is_shut = True", "self.is_shut = False", ("is_shut = True", "is_shut = False")),
    ],
)
def test_lines_are_replaced_whatever_their_indentation(
    symbol: str, replace: str, by: str, changed: tuple[str, str]
) -> None:
    assert House({TWICE: TEXT}).planted(fault(symbol, replace, by)) == {TWICE: TEXT.replace(*changed)}


def test_changes_of_one_module_add_up() -> None:
    both = Fault.model_validate(
        {
            "what": "Both are wrong.",
            "red": ["test_door"],
            "plant": [
                {"in": "LIMIT", "replace": "LIMIT = 3", "by": "LIMIT = 4\n\nMORE = 5"},
                {"in": "Door.shut", "replace": "self.is_shut = True", "by": "pass"},
            ],
        }
    )
    text = TEXT.replace("LIMIT = 3", "LIMIT = 4\n\nMORE = 5").replace("self.is_shut = True", "pass")
    assert House({TWICE: TEXT}).planted(both) == {TWICE: text}


@pytest.mark.parametrize(
    ("symbol", "replace"),
    [
        pytest.param("Window", "LIMIT = 3", id="no such symbol"),
        pytest.param("Door.shut", "self.is_shut = False", id="no such lines"),
        pytest.param("LIMIT", "class Door:", id="lines of another symbol"),
        pytest.param("Door.is_open", "if LIMIT:\nreturn True", id="another shape"),
    ],
)
def test_a_fault_that_fits_nowhere_is_refused(symbol: str, replace: str) -> None:
    with pytest.raises(ValueError, match="0 times"):
        House({TWICE: TEXT}).planted(fault(symbol, replace))


def test_a_fault_that_fits_twice_is_refused() -> None:
    house = House({TWICE: TEXT, Path("b.py"): TEXT})
    with pytest.raises(ValueError, match="2 times"):
        house.planted(fault("LIMIT", "LIMIT = 3"))
    with pytest.raises(ValueError, match="2 tests of the name test_door"):
        house.tests(fault("LIMIT", "LIMIT = 3"))
    assert house.tests(fault("LIMIT", "LIMIT = 3", "", "b::test_door")) == ["b.py::test_door"]


def test_a_fault_without_tests_is_none() -> None:
    with pytest.raises(ValidationError):
        Fault.model_validate({"what": "x", "red": [], "plant": [{"in": "LIMIT", "replace": "LIMIT = 3"}]})
