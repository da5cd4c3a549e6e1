"""The expectations of a scenario: fields of its report with their values or bounds.

A run that asked for faults and did not get them proves nothing, even if all its modems came online. So every
scenario states its expectations, and a run whose report breaks one has failed.

    expect:
      takeovers: 20
      early.parked: {min_share: 0.5}
      overlap_ms: {max: 0}

A field is a key of the report, or a path to one, with dots. A share is of all boots of the run, so it holds
for any number of modems.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, StrictBool, StrictFloat, StrictInt, StrictStr, model_validator

from bus.config.section import Section

Share = Annotated[float, Field(ge=0)]


class Bound(Section):
    """The least and the greatest value of a figure, both included; shares are of all boots of the run."""

    min: float | None = None
    max: float | None = None
    min_share: Share | None = None
    max_share: Share | None = None

    @model_validator(mode="after")
    def _bounds_something(self) -> "Bound":
        if not self.model_fields_set:
            raise ValueError("give min, max, min_share or max_share")
        return self

    def broken(self, found: Any, boots: int) -> str:
        """The bound that a figure breaks, in words; empty if it keeps all."""
        least = {"min": self.min, "min_share": _of(boots, self.min_share)}
        most = {"max": self.max, "max_share": _of(boots, self.max_share)}
        is_figure = isinstance(found, int | float)
        for name, bound in least.items():
            if bound is not None and not (is_figure and found >= bound):
                return f"{name} {getattr(self, name):g}"
        for name, bound in most.items():
            if bound is not None and not (is_figure and found <= bound):
                return f"{name} {getattr(self, name):g}"
        return ""


Expected = Bound | StrictBool | StrictInt | StrictFloat | StrictStr


def broken(expect: Mapping[str, Expected], report: Mapping[str, Any]) -> dict[str, str]:
    """The fields of a report that are not as expected, each with the expected and the found value."""
    boots = int(report["modems"]) * int(report["boots"])
    found = {field: _field(report, field) for field in expect}
    wanted = {field: _broken(one, found[field], boots) for field, one in expect.items()}
    return {
        field: f"{text}, found {'nothing' if found[field] is None else found[field]}"
        for field, text in wanted.items()
        if text
    }


def _broken(expected: Expected, found: Any, boots: int) -> str:
    if isinstance(expected, Bound):
        return expected.broken(found, boots)
    return (
        "" if found == expected and isinstance(found, bool) == isinstance(expected, bool) else f"{expected}"
    )


def _of(boots: int, share: float | None) -> float | None:
    return None if share is None else share * boots


def _field(report: Mapping[str, Any], field: str) -> Any:
    """The value of a report at a path with dots; None if it has none."""
    found: Any = report
    for key in field.split("."):
        found = found.get(key) if isinstance(found, Mapping) else None
    return found
