"""Seeds that found something once, and what. Each is run for ever."""

_FORMER = "a CFM restarted from its disk could not serve the generation before the one in force"
_PATIENCE = "a read without template left its session behind, and the next try ended with that one"

FOUND: dict[int, str] = {**dict.fromkeys((10, 21, 55, 59), _FORMER), 5362: _PATIENCE}
