"""The tree of a text of the `docsis` tool: statements, each with its line and the comments that belong to it.

Theory of operation
-------------------
    text       Main { statement ... }
    statement  name word ... ;
    statement  name word ... { statement ... }

`services.docsis.foreign.values` checks the words of a name. After a mistake the parser goes on behind the
next `;` or block, so that one reading finds every mistake.

A comment belongs to the statement it stands in, or behind which it stands on the line of its `;` or `{`, else
to the statement that follows it. If none follows, it belongs to the end of its block.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from services.docsis.errors import PROBLEMS_MAX, shown
from services.docsis.foreign.lexer import Comment, Lexeme, LexemeKind, Scan
from services.docsis.foreign.problem import ImportRemark

DEPTH_MAX: Final = 16
"""Blocks in blocks; the deepest setting of the tool stands in eight."""

STATEMENTS_MAX: Final = 40_000
"""Per text; the smallest TLV has two bytes, so a file of 64 KiB has no room for more."""


@dataclass(slots=True)
class Statement:
    """A setting as it was written; `children` is None for one without a block."""

    name: str
    line: int
    words: list[Lexeme]
    children: list[Statement] | None = None
    above: list[str] = field(default_factory=list)
    below: list[str] = field(default_factory=list)  # of the end of its block

    def text(self) -> str:
        """The statement on one line, as the tool would write it."""
        words = [f'"{word.text}"' if word.kind is LexemeKind.STRING else word.text for word in self.words]
        head = " ".join((self.name, *words))
        if self.children is None:
            return f"{head};"
        return f"{head} {{ {' '.join(child.text() for child in self.children)} }}"


def parse(found: Scan) -> tuple[Statement, list[ImportRemark]]:
    """The block `Main`, and its mistakes, at most PROBLEMS_MAX."""
    parser = _Parser(found.tokens, found.comments)
    main = parser.main()
    problems = parser.problems
    if found.wrong is not None:
        # The parser's mistakes at the end come from the text that the scanner did not read.
        problems = [one for one in problems if one.line < found.wrong.line] + [found.wrong]
    return main, problems[:PROBLEMS_MAX]


class _Parser:
    def __init__(self, tokens: Sequence[Lexeme], comments: Sequence[Comment]) -> None:
        self.problems: list[ImportRemark] = []
        self._tokens = tokens
        self._comments = comments
        self._at = 0
        self._comment_at = 0
        self._statements = 0
        self._last_line = tokens[-1].line if tokens else 1

    def main(self) -> Statement:
        head = self._take()
        main = Statement("Main", head.line if head else 1, [], [])
        if (
            head is None
            or head.kind is not LexemeKind.WORD
            or head.text.lower() != "main"
            or not self._is("{")
        ):
            self._wrong(head, "a text of the tool begins with `Main {`")
            return main
        self._take()
        main.above = self._comments_up_to_here()
        self._block(main, 1)
        if (extra := self._take()) is not None:
            self._wrong(extra, f"{shown(extra.text)} follows the end of `Main`")
        main.below += self._comment_lines(len(self._comments))
        return main

    def _block(self, parent: Statement, depth: int) -> None:
        """The statements up to the closing bracket, which is taken."""
        children = parent.children = []
        while (token := self._peek()) is not None and not self._is("}"):
            if len(self.problems) >= PROBLEMS_MAX:
                self._at = len(self._tokens)
                return
            child = self._statement(token, depth)
            if child is not None:
                children.append(child)
        parent.below += self._comments_before()
        end = self._take()
        if end is None:
            self._wrong(None, f"the block of {parent.name} that opens on line {parent.line} does not end")
        elif not children and not self.problems:
            self._wrong(end, f"the block of {parent.name} is empty, which the tool refuses")

    def _statement(self, head: Lexeme, depth: int) -> Statement | None:
        above = self._comments_before()
        self._take()
        if head.kind is not LexemeKind.WORD:
            self._wrong(head, f"here must be the name of a setting, not {shown(head.text)}")
            self._skip()
            return None
        self._statements += 1
        if self._statements > STATEMENTS_MAX:
            self._wrong(head, f"the text has more than {STATEMENTS_MAX} settings")
            self._at = len(self._tokens)
            return None
        statement = Statement(head.text, head.line, [], None, above)
        while (word := self._peek()) is not None and word.kind is not LexemeKind.MARK:
            statement.words.append(word)
            self._take()
        return self._ended(statement, depth)

    def _ended(self, statement: Statement, depth: int) -> Statement | None:
        """The statement with its end: `;`, or a block."""
        end = self._peek()
        if end is None or end.text == "}":
            self._wrong(statement.words[-1] if statement.words else None, "here a `;` is missing", statement)
            return None
        self._take()
        statement.above += self._comments_up_to_here()
        if end.text == ";":
            return statement
        if depth >= DEPTH_MAX:
            self._wrong(end, f"blocks are nested more than {DEPTH_MAX} deep")
            self._at = len(self._tokens)
            return None
        self._block(statement, depth + 1)
        return statement

    def _skip(self) -> None:
        """Skip to behind the next `;`, or behind the block that opens before it."""
        depth = 0
        while (token := self._peek()) is not None:
            if token.text == "}" and depth == 0 and token.kind is LexemeKind.MARK:
                return
            self._take()
            if token.kind is LexemeKind.MARK:
                depth += {"{": 1, "}": -1}.get(token.text, 0)
                if depth == 0:
                    return

    def _comments_before(self) -> list[str]:
        """The comments not taken yet that stand before the next word."""
        end = self._comment_at
        while end < len(self._comments) and self._comments[end].tokens <= self._at:
            end += 1
        return self._comment_lines(end)

    def _comments_up_to_here(self) -> list[str]:
        """The comments not taken yet before the word taken last, and those behind it on its line."""
        line = self._tokens[self._at - 1].line
        end = self._comment_at
        while end < len(self._comments) and (
            self._comments[end].tokens < self._at
            or (self._comments[end].tokens == self._at and self._comments[end].line == line)
        ):
            end += 1
        return self._comment_lines(end)

    def _comment_lines(self, end: int) -> list[str]:
        found = [line for comment in self._comments[self._comment_at : end] for line in comment.lines]
        self._comment_at = max(end, self._comment_at)
        return found

    def _peek(self) -> Lexeme | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _is(self, mark: str) -> bool:
        token = self._peek()
        return token is not None and token.kind is LexemeKind.MARK and token.text == mark

    def _take(self) -> Lexeme | None:
        token = self._peek()
        self._at += token is not None
        return token

    def _wrong(self, token: Lexeme | None, reason: str, statement: Statement | None = None) -> None:
        line = token.line if token else statement.line if statement else self._last_line
        self.problems.append(ImportRemark(line, statement.name if statement else "", reason))
