"""`make docs`: write the pages that are generated, and the blocks of those that are so in part."""

from tests.docs_pages.pages import DOCS, PAGES, made

if __name__ == "__main__":
    for name in PAGES:
        (DOCS / name).write_text(made(name))
