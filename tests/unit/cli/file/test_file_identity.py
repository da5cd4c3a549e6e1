"""Decoding, the YAML text and encoding again are the identity, for files nobody would write as well.

The files are made from seeds: trees of the table's TLVs with right, nearly right and arbitrary values,
repeats, odd order, padding, tails, lengths that do not add up, and varbinds whose BER is not minimal.
"""

from random import Random

import pytest

from services.cli.file.yaml_document import dump_document, load_document
from services.docsis.checks.mic import cm_mic, cmts_mic
from services.docsis.checks.verify import verify
from services.docsis.text.document import decode_document
from services.docsis.tlv import LONG_TYPES, FileKind, Tlv, walk
from services.docsis.tlvs.rows.tlv_row import GROUPS, TlvRow, ValueKind
from services.docsis.tlvs.tlv_table import TABLE

SECRET = b"shared"
FILES = 12  # per seed
TAILS = ["ff", "", "0000ff", "ff00000000ff", "0a", "ff" * 9]
BELOW: dict[tuple[FileKind, tuple[int, ...]], list[TlvRow]] = {}
for row in TABLE:
    for file in row.files:
        BELOW.setdefault((file, row.path[:-1]), []).append(row)


def content(random: Random, row: TlvRow, kind: FileKind, room: int) -> bytes:
    """A value of this row: its own kind's, more or less."""
    if row.kind in GROUPS and random.random() < 0.9:
        start = (
            bytes.fromhex("0803ffffff") if row.kind is ValueKind.EXTENSION and random.random() < 0.8 else b""
        )
        return start + tree(random, kind, row.path, room - 5)
    if row.kind is ValueKind.VARBIND and random.random() < 0.9:
        return varbind(random)
    if row.kind in (ValueKind.TEXT, ValueKind.TEXT_Z) and random.random() < 0.9:
        text = "".join(
            random.choices("aZ09 .:-#&*!{}[],'\"\\$%@`|>?~\té€😀\u2028\x7f\x85", k=random.randrange(1, 12))
        )
        return text.encode() + b"\0" * random.randrange(2)
    low, high = row.length_bytes
    size = random.choice([low, high, random.randint(low, high), random.randrange(6)])
    value = random.randbytes(min(size, max(room, 0), 600))
    return value if random.random() < 0.5 else bytes(max(len(value) - 1, 0)) + value[:1]


def varbind(random: Random) -> bytes:
    tag = random.choice([2, 4, 6, 0x40, 0x41, 0x42, 0x43, 0x46, 5, 0x30])
    value = random.choice(
        [b"", b"\1", b"\0\1", b"\xff\xff\xff\xff", b"\0\xff\xff\xff\xff", b"text", b"\x2b\6\1"]
    )
    value = value if random.random() < 0.8 else random.randbytes(random.randrange(12))
    length = bytes((len(value),)) if random.random() < 0.9 else bytes((0x81, len(value)))
    oid = (
        bytes.fromhex("2b06010201450102010701")
        if random.random() < 0.7
        else random.randbytes(random.randrange(9))
    )
    inner = bytes((6, len(oid))) + oid + bytes((tag,)) + length + value
    return b"\x30" + bytes((len(inner) + random.choice([0] * 9 + [1]),)) + inner


def tree(random: Random, kind: FileKind, parent: tuple[int, ...], room: int) -> bytes:
    """Some TLVs below `parent`; at the top with padding, and lengths of two bytes where they belong."""
    made = b""
    rows = BELOW.get((kind, parent), [])
    for _ in range(random.randrange(1, 8 if parent else 20)):
        row = random.choice(rows) if rows and random.random() < 0.9 else None
        value = (
            content(random, row, kind, room - len(made) - 2) if row else random.randbytes(random.randrange(9))
        )
        type = row.type if row else random.randrange(1, 255)
        if not parent and type in (6, 7, 254):
            continue
        if not parent and type in LONG_TYPES[kind]:
            tlv = bytes((type,)) + len(value).to_bytes(2, "big") + value
        elif row is not None and row.kind is ValueKind.HEX_SPLIT:
            value = random.randbytes(random.choice([3, 254, 255, 600]))
            pieces = [value[at : at + 254] for at in range(0, len(value), 254)]
            tlv = b"".join(bytes((type, len(piece))) + piece for piece in pieces)
        else:
            value = value[:255]
            length = len(value) + (random.choice([-1, 1]) if parent and random.random() < 0.03 else 0)
            tlv = bytes((type, min(max(length, 0), 255))) + value
        if parent and len(made) + len(tlv) > room:
            break
        made += tlv * random.choice([1] * 8 + [2])
        if not parent and kind == "cm" and random.random() < 0.1:
            made += bytes(random.randrange(1, 5))
    return made


def modem_file(random: Random) -> bytes:
    body = tree(random, "cm", (), 60_000)
    first = cm_mic(body)
    second = cmts_mic((*walk(body, "cm"), Tlv(6, first)), SECRET)
    file = body + b"\x06\x10" + first + b"\x07\x10" + second
    tail = b"\xff" + bytes(-(len(file) + 1) % 4)
    return file + (tail if random.random() < 0.6 else bytes.fromhex(random.choice(TAILS)))


def adapter_file(random: Random) -> bytes:
    return b"\xfe\x01\x01" + tree(random, "mta", (), 60_000) + b"\xfe\x01\xff"


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("make", [modem_file, adapter_file])
def test_a_random_file_comes_back_byte_for_byte(make, seed: int) -> None:  # type: ignore[no-untyped-def]
    random = Random(seed)
    named = 0
    for _ in range(FILES):
        data = make(random)
        definition, warning = decode_document(data)
        text = dump_document(definition)
        assert (warning, load_document(text, "x").document.build({}, SECRET)) == ("", data)
        named += text.count("\n") - text.count("tlv:")
    assert named > 20  # most of it has names, or nothing was tried


@pytest.mark.parametrize("seed", range(20))
def test_arbitrary_bytes_are_refused_or_come_back(seed: int) -> None:
    random = Random(seed)
    for _ in range(15):
        data = bytearray(modem_file(random) if random.random() < 0.5 else adapter_file(random))
        for _ in range(random.randrange(1, 4)):
            data[random.randrange(len(data))] = random.randrange(256)
        try:
            definition, warning = decode_document(bytes(data))
        except ValueError:
            assert verify(bytes(data), [SECRET]) == "structure"
            continue
        built = load_document(dump_document(definition), "x").document.build({}, SECRET)
        assert warning or built == data or verify(bytes(data), [SECRET]) in ("cmts-mic", "structure")


@pytest.mark.parametrize(
    "data",
    [
        bytes((24, 0)) * 4000,
        bytes.fromhex("03010100") * 2000,
        (bytes((22, 254, 9, 252)) + bytes((2, 0)) * 126) * 20,
        (bytes.fromhex("2bfe0803fffffff7f7") + bytes((5, 1)) * 123 + b"\1") * 30,
        (bytes((32, 254)) + bytes(254)) * 200,
    ],
    ids=["empty groups", "padding", "nested", "extension", "certificates"],
)
def test_a_hostile_file_is_not_dear(data: bytes) -> None:
    """As long as it is read in one pass; quadratic work would not end within the limit of the suite."""
    definition, _ = decode_document(data + b"\xff")
    assert load_document(dump_document(definition), "x").document.build({}, b"").startswith(data)
