"""The table of the tool's symbols: every name of its texts."""

from __future__ import annotations

from typing import Final

from services.docsis.foreign.symbol import Symbol
from services.docsis.foreign.symbols_extension import EXTENSION, MANAGEMENT, RENAMED
from services.docsis.foreign.symbols_flow import FLOW
from services.docsis.foreign.symbols_modem import MODEM

SYMBOLS: Final[dict[str, Symbol]] = {
    symbol.name: symbol for symbol in MODEM + FLOW + EXTENSION + MANAGEMENT + RENAMED
}
"""The symbols by name; but for the renamed ones the newest version of the tool that we read has all
(0.9.9-dev).
"""
