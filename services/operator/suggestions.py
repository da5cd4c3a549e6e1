"""Suggestions: the name that was meant, for the reason of a mistake.

Only people need them, and each costs a comparison with every known name. So the command line looks for them,
and no instance does: a catalogue from a topic may hold thousands of wrong names.
"""

from difflib import get_close_matches
from itertools import islice

from services.docsis.errors import Misnamed

KNOWN_MAX = 1_000  # names to look at for one suggestion, some 5 ms; a table of ours has fewer


def suggested(reason: str) -> str:
    """The reason, with the name that was meant if one is near.

    >>> suggested(Misnamed("there is no class 'dat'", "dat", ["data", "voice"]))
    "there is no class 'dat'; did you mean 'data'?"
    """
    if not isinstance(reason, Misnamed):
        return reason
    near = get_close_matches(reason.name, islice(reason.known, KNOWN_MAX), n=1)
    return f"{reason.what}; did you mean {near[0]!r}?" if near else str(reason)
