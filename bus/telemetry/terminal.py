"""Text for a terminal: control characters in it are shown, and not obeyed.

What is printed may come from the audit topic, from another instance, or from a file of a stranger. Characters
of C0 and C1 (ECMA-48), and DEL, can move the cursor, recolour, rename the window, or have a terminal answer
as if somebody typed.
"""

_ESCAPES = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))}
_KEPT_IN_LINES = {code: escape for code, escape in _ESCAPES.items() if chr(code) not in "\n\t"}


def shown(text: str) -> str:
    r"""A text of one line with every control character escaped.

    >>> shown("a\x1b[31mb\nc")
    'a\\x1b[31mb\\x0ac'
    """
    return text.translate(_ESCAPES)


def shown_lines(text: str) -> str:
    r"""The same for a text of several lines, which keeps its line ends and tabs.

    >>> shown_lines("a\x9b31m\n\tb")
    'a\\x9b31m\n\tb'
    """
    return text.translate(_KEPT_IN_LINES)
