"""Seeds that found something once, and what. Each is run for ever."""

_FORMER = "a CFM restarted from its disk after the settings changed, and could not serve the generation before"
_PATIENCE = "a read that had no template left its session behind, and the modem's next try ended with that one"

FOUND: dict[int, str] = {**dict.fromkeys((282, 334, 1071, 1384), _FORMER), 5362: _PATIENCE}
