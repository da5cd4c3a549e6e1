"""A catalogue made of many texts: each class, with the values of a file, builds that very file."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.docsis.foreign.merging import DIFFERENCES_MAX, Catalogue, Source, catalogue, class_problems
from services.docsis.foreign.text import Imported, read_text
from services.docsis.text.document import compile_document
from services.settings.fragments import Expanded, expand
from services.settings.judging import catalogue_problems

SECRET = b"classes"


def imported(text: str, model: str = "na") -> Imported:
    found, problems = read_text(f"Main {{\n{text}\n}}".encode(), model)
    assert [str(problem) for problem in problems] == []
    assert found is not None
    assert class_problems(found) == []
    return found


def made(*texts: str) -> Catalogue:
    """The catalogue of these texts, as files class-0, class-1, class-2 …"""
    return catalogue([Source(f"class-{at}", imported(text)) for at, text in enumerate(texts)])


def checked(found: Catalogue) -> Expanded:
    """Its expanded classes, which `settings check` would take."""
    expanded = expand(found.content)
    assert expanded.problems == []
    assert catalogue_problems(expanded.classes, expanded.lookup) == []
    return expanded


def built(definition: dict[str, Any], values: dict[str, Any]) -> bytes:
    document, errors = compile_document(definition)
    assert errors == []
    assert document is not None
    return document.build(values, SECRET)


def prove(texts: tuple[str, ...]) -> Catalogue:
    """That the classes of these texts build them, each with its own values."""
    found = made(*texts)
    classes = checked(found).classes
    files = {
        file: (name, values) for name, draft in found.drafts.items() for file, values in draft.values.items()
    }
    assert sorted(files) == [f"class-{at}" for at in range(len(texts))]
    for at, text in enumerate(texts):
        name, values = files[f"class-{at}"]
        assert built(classes[name], values) == built(imported(text).definition, {})
    return found


SETTINGS = st.one_of(
    st.builds("MaxCPE {};".format, st.integers(1, 254)),
    st.builds("NetworkAccess {};".format, st.integers(0, 1)),
    st.builds("SwUpgradeServer 192.0.2.{};".format, st.integers(1, 3)),
    st.builds('SwUpgradeFilename "{}";'.format, st.sampled_from(["a.bin", "b.bin", "b é $.bin"])),
    st.builds(
        "UsServiceFlow {{ UsServiceFlowRef {}; MaxRateSustained {}; {} }}".format,
        st.integers(1, 3),
        st.sampled_from([0, 1500, 20_000_000, 4_294_967_295]),
        st.sampled_from(
            ["", 'ServiceClassName "up";', 'ServiceClassName "uplink";', "DataRateUnitSetting 1;"]
        ),
    ),
    st.builds("GenericTLV TlvCode 24 TlvLength 4 TlvValue 0x0102000{};".format, st.integers(1, 3)),
    st.builds("MaxClassifiers {};".format, st.integers(0, 3)),
    st.builds("SnmpMibObject sysServices.0 Integer {};".format, st.sampled_from([-1, 0, 127, 128])),
    st.builds('SnmpMibObject sysContact.0 String "{}";'.format, st.sampled_from(["", "x", "y" * 120, "ü"])),
    st.builds("SnmpMibObject sysUpTime.0 {};".format, st.sampled_from(["TimeTicks 5", "Gauge32 4294967295"])),
    st.builds("SnmpMibObject docsDevNmAccessIp.{} IPAddress 192.0.2.1;".format, st.integers(1, 3)),
    st.sampled_from(
        [
            "VendorSpecific { VendorIdentifier 0x00000c; GenericTLV TlvCode 1 TlvLength 1 TlvValue 0x5a; }",
            "MfgCVCData 0x" + 254 * "01" + "; MfgCVCData 0x02;",
            "SubMgmtFilters 1,2,3,4;",
            "/* note */ SwUpgradeServer6 2001:db8::1;",
            "DsServiceFlow { /* primary */ DsServiceFlowRef 2; QosParamSetType 7; /* that is all */ }",
        ]
    ),
)
BODIES = st.lists(SETTINGS, min_size=1, max_size=8).map("\n".join)
MTA = BODIES.filter(lambda body: "SnmpMibObject" in body).map(
    lambda body: (
        "MtaConfigDelimiter 1;\n"
        + "\n".join(line for line in body.splitlines() if line.startswith("Snmp"))
        + "\nMtaConfigDelimiter 255;"
    )
)


@st.composite
def collections(draw: st.DrawFn) -> tuple[str, ...]:
    """Texts of a plant: each a few of the same settings in their order, some with other numbers."""
    common = draw(st.lists(SETTINGS, min_size=2, max_size=10))
    texts = []
    for _ in range(draw(st.integers(1, 5))):
        kept = [one for one in common if draw(st.integers(0, 3))]
        varied = [one.replace("192.0.2.1", f"192.0.2.{draw(st.integers(1, 9))}") for one in kept]
        texts.append("\n".join([*varied, *draw(st.lists(SETTINGS, max_size=2))]) or "MaxCPE 5;")
    return tuple(texts)


@settings(max_examples=150, deadline=None)
@given(st.one_of(collections(), st.lists(st.one_of(BODIES, MTA), min_size=1, max_size=4).map(tuple)))
def test_every_class_builds_its_files_with_their_values(texts: tuple[str, ...]) -> None:
    prove(texts)


def test_texts_that_differ_in_values_become_one_class_with_placeholders() -> None:
    flow = "UsServiceFlow {{ UsServiceFlowRef 1; MaxRateSustained {1}; }}"
    text = f"MaxCPE {{0}};\n{flow}\nSwUpgradeServer 192.0.2.{{0}};"
    found = prove((text.format(1, 20_000_000), text.format(2, 50_000_000)))
    ((name, definition),) = found.content["classes"].items()
    assert name == "class-0"
    assert definition["placeholders"] == {
        "max_cpe": {"kind": "uint8"},
        "max_sustained_rate": {"kind": "uint32"},
        "software_upgrade_server": {"kind": "ipv4"},
    }
    assert found.places["classes.class-0.placeholders.max_sustained_rate"].above == (
        "class-0: 20 Mbit/s",
        "class-1: 50 Mbit/s",
    )
    assert found.drafts["class-0"].values["class-1"] == {
        "max_cpe": 2,
        "max_sustained_rate": 50_000_000,
        "software_upgrade_server": "192.0.2.2",
    }


def test_places_that_differ_alike_have_one_placeholder() -> None:
    flows = "UsServiceFlow {{ UsServiceFlowRef {0}; }} DsServiceFlow {{ DsServiceFlowRef {0}; }}"
    text = f"{flows} MaxClassifiers {{1}};"
    found = prove((text.format(1, 1), text.format(2, 3)))
    assert list(found.content["classes"]["class-0"]["placeholders"]) == ["reference", "max_classifiers"]


def test_equal_texts_are_one_class_and_a_comment_lists_them() -> None:
    found = prove(("MaxCPE 5; /* a */", "MaxCPE 5; /* b */"))
    assert list(found.content["classes"]) == ["class-0"]
    assert found.places["classes.class-0"].above == ("from class-0", "from class-1")
    assert found.places["classes.class-0.body[0]"].above == ("a", "b")


def test_texts_that_differ_in_too_many_values_stay_apart() -> None:
    text = "\n".join(
        f"SnmpMibObject .1.3.6.1.2.1.1.{at}.0 Integer {{}};" for at in range(1, DIFFERENCES_MAX + 2)
    )
    many = DIFFERENCES_MAX + 1
    found = prove((text.format(*range(many)), text.format(*range(many, 2 * many))))
    assert list(found.content["classes"]) == ["class-0", "class-1"]


@pytest.mark.parametrize("setting", ["SnmpMibObject sysServices.0 Integer {};", "SubMgmtFilters 1,2,3,{};"])
def test_what_no_placeholder_can_say_keeps_classes_apart(setting: str) -> None:
    found = prove((setting.format(-1 if "Snmp" in setting else 1), setting.format(5)))
    assert list(found.content["classes"]) == ["class-0", "class-1"]


def test_a_class_has_the_name_of_its_first_file_once_it_is_known_which_files_it_has() -> None:
    texts = {"a/Gold.txt": "MaxCPE 1;", "b/gold.txt": "MaxCPE 2;", "c/gold.txt": "NetworkAccess 1;"}
    found = catalogue([Source(file, imported(text)) for file, text in texts.items()])
    assert {name: list(draft.values) for name, draft in found.drafts.items()} == {
        "gold": ["a/Gold.txt", "b/gold.txt"],
        "gold-2": ["c/gold.txt"],
    }
    assert list(found.content["classes"]) == list(found.drafts)


def test_entries_that_stand_together_become_a_fragment() -> None:
    shared = "\n".join(
        f"SnmpMibObject docsDevNmAccessIp.{at} IPAddress 192.0.2.{at}; /* {at} */" for at in range(5)
    )
    found = prove((f"MaxCPE 1;\n{shared}", f"{shared}\nMaxClassifiers 2;", "NetworkAccess 1;"))
    assert len(found.content["fragments"]["common-1"]) == 5
    assert found.content["classes"]["class-0"]["body"] == [{"max_cpe": 1}, {"include": "common-1"}]
    assert found.content["classes"]["class-1"]["body"] == [{"include": "common-1"}, {"max_classifiers": 2}]
    assert found.places["fragments.common-1[3]"].above == ("3",)


def test_a_document_that_no_class_can_be_is_refused_with_its_line() -> None:
    found, _ = read_text(b"Main {\nMaxCPE 5;\nTftpTimestamp 1;\n}")
    assert found is not None
    (problem,) = class_problems(found)
    assert problem.line == 3
    assert problem.reason == "TLV 19 is made when the file is built"
