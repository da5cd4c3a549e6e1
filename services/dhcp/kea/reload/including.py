"""The files that Kea's configuration includes: `<?include "FILE"?>`, in the place of a value."""

import re
from pathlib import Path

DEPTH_MAX = 10  # Kea refuses a deeper one
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|/\*.*?\*/|(?://|#)[^\n]*|<\?include\s+"([^"]*)"\s*\?>', re.DOTALL)


def included(text: str) -> list[str]:
    """The files that a configuration includes, as it names them; not those in its comments and strings.

    >>> included('{ "a": <?include "a.json"?>, // <?include "b.json"?>\\n "c": "<?include \\'c\\'?>" }')
    ['a.json']
    """
    return [found[1] for found in _TOKEN.finditer(text) if found[1]]


def includes(file: Path, wanted: Path, depth: int = DEPTH_MAX) -> bool | None:
    """Whether this configuration includes that file, itself or by another one; None if one cannot be read.

    A relative path begins where Kea was started, which we may not see: only its name is compared.
    """
    try:
        named = [Path(one) for one in included(file.read_text(errors="replace"))]
    except OSError:
        return None
    if any(_is_same(one, wanted) for one in named):
        return True
    deeper = [includes(one, wanted, depth - 1) if one.is_absolute() else None for one in named if depth]
    return True if True in deeper else None if None in deeper else False


def _is_same(named: Path, wanted: Path) -> bool:
    if not named.is_absolute():
        return named.name == wanted.name
    return named.resolve() == wanted.resolve()
