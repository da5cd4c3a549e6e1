"""Which pages of `docs/` are generated, and how: some whole, of others the blocks."""

from collections.abc import Callable
from pathlib import Path

from tests.docs_pages import blocks, checks, commands, configuration, faults, local_api, reasons

DOCS = Path(__file__).parents[2] / "docs"

WHOLE: dict[str, Callable[[], str]] = {
    "reference/faults.md": faults.page,
    "reference/local-api.md": local_api.page,
    "reference/local-api.schema.json": local_api.schema,
}
WITH_BLOCKS = (
    "reference/checks.md",
    "reference/cli.md",
    "reference/configuration.md",
    "reference/readiness.md",
)
MAKERS: blocks.Makers = {
    "command": commands.described,
    "contents": commands.contents,
    "findings": checks.findings,
    "reasons": reasons.table,
    "section": configuration.described,
    "verbs": checks.verbs,
}
PAGES = (*WHOLE, *WITH_BLOCKS)


def made(name: str) -> str:
    """The page as it should be."""
    return WHOLE[name]() if name in WHOLE else blocks.fill((DOCS / name).read_text(), MAKERS)
