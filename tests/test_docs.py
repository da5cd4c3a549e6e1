"""What the pages promise exists, and what exists is on a page."""

import ast
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from bus.runtime.runner import DRAIN_S
from bus.telemetry.audit import FOUND_MAX, KEPT_MAX
from fileid.row import LIFE_S, NAME_BYTES_MAX
from heartbeat.roles.granted import holder as granted
from heartbeat.timing import LEASE_S
from services.cfm.reading import lookups
from services.cfm.serving import DURATIONS_S
from services.cli.main import EXIT_CODES
from services.config.instance import load
from services.docsis.judge.rules import RULES
from services.docsis.mib.names import BUILT_IN
from services.docsis.mib.objects import ROOTS
from services.instance.metrics import METRICS
from services.instance.operations import OPERATIONS
from services.instance.reasons import REASONS
from services.lab.script.script import load_script
from services.lab.script.step_table import StepItem
from services.sidecar.offering import APPLY_WITHIN_S
from tests.docs_pages import commands, configuration, reasons
from tests.docs_pages.blocks import Makers, fill, named
from tests.docs_pages.markdown import slug
from tests.docs_pages.pages import MAKERS, PAGES, WITH_BLOCKS, made
from tests.nearly import fits

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
README = (ROOT / "README.md").read_text()
INDEX_PAGE = (DOCS / "index.md").read_text()
CLI_PAGE = (DOCS / "reference/cli.md").read_text()
CONFIGURATION_PAGE = (DOCS / "reference/configuration.md").read_text()
METRICS_PAGE = (DOCS / "reference/metrics.md").read_text()
SCENARIOS_PAGE = (DOCS / "reference/scenarios.md").read_text()
RULES_PAGE = (DOCS / "reference/file-rules.md").read_text()
LOCAL_API_PAGE = (DOCS / "reference/local-api.md").read_text()
NAMES_PAGE = (DOCS / "reference/snmp-names.md").read_text()
LAB_PAGE = (DOCS / "howto/lab.md").read_text()
RUN_PAGE = (DOCS / "howto/run.md").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()

COMMANDS = sorted(name for name, _ in commands.commands())
PAGES_BY_HAND = {path.relative_to(ROOT): path.read_text() for path in sorted(DOCS.rglob("*.md"))}
ALL_PAGES = {Path("README.md"): README, **PAGES_BY_HAND}
DESIGNS = [Path(name) / "DESIGN.md" for name in ("bus", "heartbeat", "fileid", "services")]
LINKING = {**ALL_PAGES, **{path: (ROOT / path).read_text() for path in DESIGNS}}

LINES_MAX = 120
COLUMNS_MAX = 140


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_heading_and_an_entry(command: str) -> None:
    assert f"\n## `{command}`\n" in CLI_PAGE
    assert command in named(CLI_PAGE, "command")


def test_every_command_with_an_entry_exists() -> None:
    assert sorted(named(CLI_PAGE, "command")) == sorted([*COMMANDS, commands.NAME])
    assert sorted(re.findall(r"^## `(provbus [a-z ]+)`$", CLI_PAGE, re.M)) == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_of_a_command_is_in_its_entry(command: str) -> None:
    entry = CLI_PAGE.split(f"<!-- generated: command {command} -->")[1].split("<!-- end -->")[0]
    options = [word for one in dict(commands.commands())[command].params for word in one.opts]
    assert [word for word in options if word.startswith("-") and word not in entry] == []


def test_every_exit_code_is_on_the_page_of_commands() -> None:
    rows = re.findall(r"^\| (\d+) \|", CLI_PAGE, re.M)
    assert rows == sorted({"0", "1", "2", *map(str, EXIT_CODES.values())}, key=int)
    assert {*rows} == {*re.findall(r"(?<=\| )(\d+)(?= \|)", INDEX_PAGE)}


def test_the_page_on_running_states_how_long_an_instance_drains() -> None:
    assert f"for at most {DRAIN_S:g} s" in RUN_PAGE


@pytest.mark.parametrize("page", ALL_PAGES, ids=str)
def test_every_command_that_a_page_types_exists(page: Path) -> None:
    typed = re.findall(r"^\$ (?:\w+=\S+ )*(provbus [a-z]+(?: [a-z]+)*)", ALL_PAGES[page], re.M)
    assert [line for line in typed if not any(line.startswith(command) for command in COMMANDS)] == []


@pytest.mark.parametrize("page", ALL_PAGES, ids=str)
def test_every_make_verb_on_a_page_exists(page: Path) -> None:
    verbs = set(re.findall(r"(?:`|^\$ )make ([a-z]+)", ALL_PAGES[page], re.M))
    assert [verb for verb in verbs if not re.search(rf"^{verb}:", MAKEFILE, re.M)] == []


@pytest.mark.parametrize("command", ["make test", "make soak"])
def test_ci_calls_the_readmes_test_commands(command: str) -> None:
    assert f"time {command}" in (ROOT / ".ci/run").read_text().splitlines()
    assert f"$ {command}" in README


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= LINES_MAX


def links(text: str) -> Iterator[str]:
    """The targets of the links of a page, but for those to other places of the net."""
    plain = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    for target in re.findall(r"\]\(([^)\s]+)\)", plain):
        if "://" not in target:
            yield target


def target_of(page: Path, link: str) -> tuple[Path, str]:
    """The file that a link of a page leads to, from the root of the project, and the anchor in it."""
    path, _, anchor = link.partition("#")
    place = ((ROOT / page).parent / path).resolve() if path else ROOT / page
    return place.relative_to(ROOT), anchor


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings."""
    plain = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    return {slug(heading) for heading in re.findall(r"^#+ (.+)$", plain, re.M)}


def broken_links(page: Path, text: str) -> list[str]:
    """The links of a page whose file or anchor there is not."""

    def leads_somewhere(link: str) -> bool:
        path, anchor = target_of(page, link)
        if path == page:
            return anchor in anchors(text)
        return (ROOT / path).exists() and (not anchor or anchor in anchors((ROOT / path).read_text()))

    return [link for link in links(text) if not leads_somewhere(link)]


@pytest.mark.parametrize("page", LINKING, ids=str)
def test_every_link_leads_somewhere(page: Path) -> None:
    assert broken_links(page, LINKING[page]) == []


def test_a_broken_link_is_found() -> None:
    targets = ("#one", "#two", "docs/none.md", "docs/index.md#8-the-switch", "docs/index.md#nine")
    text = "# One\n" + " ".join(f"[to]({target})" for target in targets)
    assert broken_links(Path("README.md"), text) == ["#two", "docs/none.md", "docs/index.md#nine"]


def test_every_page_is_reached_from_the_readme_by_links() -> None:
    reached, ahead = set(), {Path("README.md")}
    while ahead:
        page = ahead.pop()
        reached.add(page)
        found = {target_of(page, link)[0] for link in links((ROOT / page).read_text())}
        ahead |= {path for path in found if path.suffix == ".md"} - reached
    there = {path.relative_to(ROOT) for path in DOCS.rglob("*.md")} | {*DESIGNS}
    assert there - reached == set()


def test_every_folder_of_the_services_is_in_their_design() -> None:
    rows = [
        name for row in re.findall(r"^\| (`.+?) \|", LINKING[DESIGNS[-1]], re.M) for name in row.split(", ")
    ]
    folders = {path.parent.name for path in (ROOT / "services").glob("*/__init__.py")}
    assert {name.strip("`") for name in rows} == folders


@pytest.mark.parametrize("page", LINKING, ids=str)
def test_every_path_on_a_page_exists(page: Path) -> None:
    named_paths = re.findall(
        r"`((?:deploy|bus|heartbeat|fileid|services|tests|findings|docs)/[\w./-]+\w)`", LINKING[page]
    )
    planned = {"services/console", "bus/outbox"}
    assert [path for path in named_paths if not (ROOT / path).exists() and path not in planned] == []


@pytest.mark.parametrize("page", ALL_PAGES, ids=str)
def test_no_line_of_a_page_is_too_long(page: Path) -> None:
    """But in a table, or where a program's output is."""
    plain = re.sub(r"^```.*?^```$", "", ALL_PAGES[page], flags=re.DOTALL | re.MULTILINE)
    long = [line for line in plain.splitlines() if len(line) > COLUMNS_MAX and not line.startswith("|")]
    assert long == []


@pytest.mark.parametrize(
    "path", sorted((ROOT / "deploy/examples").glob("*.yaml")), ids=lambda path: path.name
)
def test_the_example_configurations_are_valid(path: Path) -> None:
    config = load(path)
    assert config.instance == f"{path.stem}-1"
    assert (config.cfm is None) == (path.stem != "cfm")


def test_every_section_of_a_configuration_has_an_entry() -> None:
    assert named(CONFIGURATION_PAGE, "section") == [one.place for one in configuration.listed()]


@pytest.mark.parametrize("key", configuration.keys())
def test_every_key_of_a_configuration_has_an_entry_that_says_what_it_means(key: str) -> None:
    place, _, name = key.rpartition(".")
    _, _, rest = CONFIGURATION_PAGE.partition(f"<!-- generated: section {place or configuration.TOP} -->")
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| (.+?) \| (.+?) \|", rest.partition("<!-- end -->")[0], re.M)
    assert [meaning for row, _, _, meaning in rows if row == name and len(meaning) > 5] != []


@pytest.mark.parametrize(
    "path", sorted((ROOT / "deploy/scenarios").glob("*.yaml")), ids=lambda path: path.name
)
def test_the_scenarios_are_valid_and_listed(path: Path) -> None:
    scenario = load_script(path)
    assert scenario.name == path.stem
    assert scenario.settings.is_file()
    assert scenario.expect
    assert f"`{path.name}`" in LAB_PAGE


def test_every_scenario_that_is_listed_exists() -> None:
    names = re.findall(r"`([a-z0-9-]+\.yaml)`", LAB_PAGE)
    assert [name for name in names if not (ROOT / "deploy/scenarios" / name).is_file()] == []


def test_every_step_is_explained_and_no_other() -> None:
    rows = re.findall(r"^\| `(\w+):", SCENARIOS_PAGE, re.M)
    assert sorted(rows) == sorted(StepItem.model_fields)


def test_the_examples_of_scenarios_are_valid(tmp_path: Path) -> None:
    examples = re.findall(r"```yaml\n(.*?)```", SCENARIOS_PAGE, re.S)
    assert examples
    for example in examples:
        (tmp_path / "one.yaml").write_text(example)
        load_script(tmp_path / "one.yaml")


def test_the_documented_metrics_are_those_that_exist() -> None:
    rows = re.findall(r"^\| `(provbus_\w+)` \| (\w+) \| (.+?) \| (.+) \|$", METRICS_PAGE, re.M)
    documented = {name: (kind, tuple(re.findall(r"`(\w+)`", labels))) for name, kind, labels, _ in rows}
    assert documented == {name: (str(one.kind), one.labels) for name, one in METRICS.items()}
    assert [name for name, _, _, meaning in rows if not meaning.startswith(METRICS[name].help)] == []


@pytest.mark.parametrize("page", ALL_PAGES, ids=str)
def test_every_metric_named_on_a_page_exists(page: Path) -> None:
    assert set(re.findall(r"\bprovbus_\w*\w", ALL_PAGES[page])) <= METRICS.keys()


def test_every_reason_that_is_said_has_its_row_and_every_row_is_said() -> None:
    said = reasons.said()
    assert {code for code, _ in said} == REASONS.keys()
    assert [(code, text) for code, text in said if text and REASONS[code].text not in ("...", text)] == []


@pytest.mark.parametrize(
    "source",
    [
        'def missing(self):\n    return [Reason("new", "a new one")]',
        'def missing(self):\n    """It says."""\n    yield Reason("new", f"a new {self.one}")',
        'def missing(self):\n    text = f"a new {1}{2}"\n    self._unkept[1] = Reason("new", text)',
        'NEW = Reason("new", "a new one")',
        'def missing(self):\n    yield Reason("new", self.trouble)',
    ],
)
def test_a_reason_is_found(source: str) -> None:
    assert {*reasons.in_module(ast.parse(source))} & {("new", "a new one"), ("new", "a new ..."), ("new", "")}


@pytest.mark.parametrize("name", PAGES)
def test_what_is_generated_is_as_make_docs_writes_it(name: str) -> None:
    assert (DOCS / name).read_text() == made(name)


def test_a_block_is_made_anew_whatever_stands_in_it() -> None:
    empty = "<!-- generated: verbs -->\n<!-- end -->"
    page = f"before\n{empty}\nbetween\n<!-- generated: verbs x y -->\na\n<!-- end -->\n"
    makers: Makers = {"verbs": lambda what: f"made of {what}"}
    filled = fill(page, makers)
    assert named(filled, "verbs") == ["", "x y"]
    assert re.findall("made of .*", filled) == ["made of ", "made of x y"]
    assert fill(filled, makers) == filled
    assert re.findall("^(?:before|between|a)$", filled, re.M) == ["before", "between"]


def test_no_page_has_a_block_that_is_not_made() -> None:
    kinds = {page: re.findall(r"^<!-- generated: (\w+)", text, re.M) for page, text in ALL_PAGES.items()}
    assert {kind for some in kinds.values() for kind in some} == MAKERS.keys()
    assert {str(page) for page, some in kinds.items() if some} == {f"docs/{name}" for name in WITH_BLOCKS}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_of_the_local_api_has_an_entry(operation: str) -> None:
    assert f"\n## `{operation}`\n" in LOCAL_API_PAGE


@pytest.mark.parametrize(
    "stated",
    [
        f"A name is good for {LIFE_S:g} s.",
        f"at most {LEASE_S:g} s from now",
        f"said within the last {granted.ANSWER_S:g} s",
        f"after {APPLY_WITHIN_S:g} s nobody knows",
        f"for at most {lookups.ANSWER_S:g} s, a repeated lookup",
        f"the downloads of the last {DURATIONS_S:g} s",
        f"the newest {FOUND_MAX:,} of its last {KEPT_MAX:,} events",
        f"1 to {NAME_BYTES_MAX} ASCII characters",
    ],
)
def test_the_page_of_the_local_api_states_the_limits_of_the_sources(stated: str) -> None:
    assert stated in LOCAL_API_PAGE


@pytest.mark.parametrize("page", ["howto/host-service.md", "howto/tftp-server.md"])
def test_a_page_shows_the_local_api_as_it_is(page: str) -> None:
    """Each request in it is right; what is left out of a text is three dots."""
    requests = [json.loads(line) for line in re.findall(r'^\{"op":.*\}$', (DOCS / page).read_text(), re.M)]
    assert len(requests) >= 3
    assert [one for one in requests if not fits(one["op"], one)] == []


def test_the_page_of_rules_names_every_rule_of_the_judge_as_it_is() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| (error|warning) \| ([0-9]+|-) \|", RULES_PAGE, re.MULTILINE)
    assert rows == [
        (rule.code, "error" if rule.is_error else "warning", str(rule.confirmation or "-")) for rule in RULES
    ]


def test_the_page_of_snmp_names_counts_the_objects_of_every_module() -> None:
    rows = re.findall(r"^\| `([A-Za-z0-9-]+)` \| ([0-9]+) \|$", NAMES_PAGE, re.MULTILINE)
    assert rows == [
        (module, str(count)) for module, count in sorted(Counter(one.module for one in BUILT_IN).items())
    ]


def test_the_page_of_snmp_names_lists_the_nodes_above_every_mib() -> None:
    (listed,) = [
        paragraph for paragraph in NAMES_PAGE.split("\n\n") if paragraph.startswith("The nodes above")
    ]
    assert set(re.findall(r"`([A-Za-z0-9-]+)`", listed)) == set(ROOTS)
