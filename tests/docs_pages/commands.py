"""What the command line says of itself, for `docs/reference/cli.md`."""

import inspect
from collections.abc import Iterator

import click

from services.cli.main import cli
from tests.docs_pages.markdown import cell, code, slug, table, wrapped

NAME = "provbus"
_AS_IT_STANDS = "\b"


def commands(group: click.Group = cli, words: str = NAME) -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, by what is typed for it."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command, path = group.get_command(context, name), f"{words} {name}"
        if command is not None and not (isinstance(command, click.Group) and command.no_args_is_help):
            yield path, command
        if isinstance(command, click.Group):
            yield from commands(command, path)


def contents(_: str) -> str:
    """A line for each command, with the first sentence of its help."""
    rows = (
        (f"[`{name}`](#{slug(name)})", cell(command.get_short_help_str(limit=200)))
        for name, command in commands()
    )
    return table(("command", "what it does"), rows)


def described(name: str) -> str:
    """The usage of a command, its help, and its arguments and options."""
    command = cli if name == NAME else dict(commands())[name]
    context = click.Context(command, info_name=name)
    parts = [f"```text\n{name} {' '.join(command.collect_usage_pieces(context))}\n```"]
    parts += _help(command.help or "")
    records = [one.get_help_record(context) for one in command.get_params(context)]
    rows = [(code(typed), cell(meaning)) for typed, meaning in filter(None, records) if typed != "--help"]
    return "\n\n".join([*parts, table(("option", "meaning"), rows)] if rows else parts)


def _help(text: str) -> Iterator[str]:
    """The paragraphs of a help."""
    for paragraph in inspect.cleandoc(text).split("\n\n"):
        if paragraph.startswith(_AS_IT_STANDS):
            yield f"```text\n{paragraph.removeprefix(_AS_IT_STANDS).strip()}\n```"
        else:
            yield wrapped(paragraph)
