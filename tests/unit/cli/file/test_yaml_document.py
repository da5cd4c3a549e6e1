"""Comments in a document: above the line of their entry, or behind its last one."""

from services.cli.file.yaml_document import Comments, annotate, dump_document, load_document

DEFINITION = {
    "kind": "cm",
    "body": [
        {"max_cpe": 5},
        {"upstream_service_flow": [{"reference": 1}, {"snmp_set": {"oid": "1.3.6.1", "integer": 1}}]},
        {"downstream_service_flow": [{"reference": 2}]},
    ],
}


def test_comments_go_above_an_entry_and_behind_all_of_it() -> None:
    comments = {
        "": Comments(["top", ""], ["bottom"]),
        "body[1]": Comments(["the flow"], ["behind the flow"]),
        "body[1].upstream_service_flow[1]": Comments((), ["in the flow"]),
        "body[2]": Comments((), ["behind the last"]),
        "body[2].downstream_service_flow[0]": Comments(["the reference"], ["in the last"]),
    }
    assert annotate(dump_document(DEFINITION), comments).splitlines() == [
        "# top",
        "#",
        "kind: cm",
        "body:",
        "  - max_cpe: 5",
        "  # the flow",
        "  - upstream_service_flow:",
        "      - reference: 1",
        "      - snmp_set: {oid: 1.3.6.1, integer: 1}",
        "      # in the flow",
        "  # behind the flow",
        "  - downstream_service_flow:",
        "      # the reference",
        "      - reference: 2",
        "      # in the last",
        "  # behind the last",
        "# bottom",
    ]


def test_a_later_document_of_a_stream_keeps_its_mark() -> None:
    text = annotate(dump_document({"kind": "cm", "body": []}, first=False), {"": Comments(["top"])})
    assert text == "---\n# top\nkind: cm\nbody: []\n"


def test_what_looks_like_yaml_in_a_comment_is_none() -> None:
    definition = {"kind": "cm", "body": [{"max_cpe": 5}]}
    text = annotate(dump_document(definition), {"body[0]": Comments(["- max_cpe: 6", "---", "# x"])})
    plain = dump_document(definition)
    files = [load_document(one, "x").document.build({}, b"x") for one in (text, plain)]
    assert files[0] == files[1]
