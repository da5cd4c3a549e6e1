"""Requests that are right, or almost: one of their fields is missing, odd, or one too many."""

from typing import Any, NamedTuple

from hypothesis import strategies as st
from pydantic import ValidationError

from services.instance.operations import OPERATIONS

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    SCALARS | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
"""Whatever a client may write."""

HOSTS = ["10.0.0.7", "127.64.0.5", "010.0.0.7", "2001:db8::7", "::ffff:10.0.0.7", "::ffff:10.0.0.7%eth0"]
NOT_HOSTS = ["0.0.0.0", "0.1.2.3", "169.254.0.7", "224.0.0.1", "255.255.255.255", "::", "fe80::1", "ff02::1"]
NO_ADDRESSES = [
    "",
    "10.0.0",
    "10.0.0.256",
    "10.0.0.7 ",
    "10.0.0.7\n",
    "2001:db8::1::2",
    "::1/64",
    "localhost",
]

DEVICES = ["001a2c000001", "00-1A-2C-00-00-01", "00:1a:2c-00-0001", "001A.2c00.0001"]
NO_DEVICES = [
    "",
    "00:1a:2c:00:00",
    "00:1a:2c:00:00:01:02",
    "00:1a:2c:00:00:0g",
    "00:1a:2c:00:00:01\n",
    ":001a2c000001",
    "001a.2c00",
    "00.1a.2c.00.00.01",
    "001a.2c00:0001",
]
FILES = ["x", "x" * 127, "\x00\n"]
NO_FILES = ["", "x" * 128, "ü"]

_MISSING = object()


class Field(NamedTuple):
    """What a field mostly is, and what is nearly that; whether that is right too is for the parser to say."""

    right: st.SearchStrategy[Any]
    odd: st.SearchStrategy[Any]
    is_optional: bool = False


ADDRESS = Field(
    st.sampled_from(HOSTS) | st.ip_addresses(v=4).map(str) | st.ip_addresses(v=6).map(str),
    st.sampled_from([*NOT_HOSTS, *NO_ADDRESSES]) | st.text(alphabet="0123456789abcdef.:%", max_size=12),
)
FILE = Field(
    st.text(st.characters(max_codepoint=127), min_size=1, max_size=127),
    st.sampled_from(NO_FILES) | st.text(max_size=8),
)
DEVICE = Field(
    st.from_regex(r"\A[0-9A-Fa-f]{2}([:-]?[0-9A-Fa-f]{2}){5}\Z"),
    st.sampled_from(NO_DEVICES),
)
SETTINGS = Field(
    st.fixed_dictionaries({"class": st.text(max_size=5)}, optional={"customer": JSON, "class_name": JSON}),
    st.fixed_dictionaries({}, optional={"class": JSON, "class_name": st.text(max_size=5)}),
)


@st.composite
def nearly(draw: st.DrawFn, fields: dict[str, Field]) -> dict[str, Any]:
    """A request with these fields; in every second one a single field is odd, missing, or one too many."""
    body = {
        name: draw(field.right)
        for name, field in fields.items()
        if not field.is_optional or draw(st.booleans())
    }
    if draw(st.booleans()):
        name = draw(st.sampled_from([*fields, *fields, "extra", "id", "op"]))
        odd = fields[name].odd if name in fields else JSON
        value = draw(odd | odd | JSON | st.just(_MISSING))
        if value is _MISSING:
            body.pop(name, None)
        else:
            body[name] = value
    return body


def fits(operation: str, body: dict[str, Any]) -> bool:
    """Whether a request is as the table of the local API has it."""
    fields = {name: value for name, value in body.items() if name not in ("op", "id")}
    try:
        OPERATIONS[operation].fields.model_validate(fields)
    except ValidationError:
        return False
    return True
