"""The sealed name: only its minter makes it, in exactly one spelling, for exactly one mask."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from math import ceil

import pytest

from bus.errors import DecodeError, LocalError
from fileid.row import HEAD, NAME_BYTES_MAX, Fields, Row, pack
from fileid.seal import KEY_BYTES, MASK_BYTES_MAX, SEAL_VERSION, Opener, Sealer, SealKey

ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
OVERHEAD_BYTES = 2 + 16  # version and key id, synthetic IV
MASKS = ["m" * size for size in range(1, MASK_BYTES_MAX + 1)]

Mint = Callable[..., Row]


def spell(sealed: bytes, mask: bytes = b"residential") -> bytes:
    """A name as a minter spells it, whatever is in it."""
    return urlsafe_b64encode(sealed).rstrip(b"=") + b"." + mask


def test_opening_is_the_inverse_of_sealing(mint: Mint, opener: Opener) -> None:
    row = mint("business")
    assert opener.open(row.name) == row
    assert row.name.endswith(b".business")
    assert set(row.name) <= {*ALPHABET, ord(".")}


def test_the_same_row_has_the_same_name_and_another_serial_another(mint: Mint) -> None:
    assert mint(serial=b"12345678") == mint(serial=b"12345678")
    assert mint(serial=b"12345678").name != mint(serial=b"12345679").name


def test_nothing_of_the_row_can_be_read_in_the_name(mint: Mint, fields: Fields) -> None:
    sealed = urlsafe_b64decode(mint().name.partition(b".")[0] + b"==")
    assert fields.device not in sealed
    assert fields.address not in sealed


@pytest.mark.parametrize("mask", MASKS, ids=len)
@pytest.mark.parametrize("address_bytes", [4, 16])
def test_a_row_is_sealed_whole_exactly_as_long_as_its_name_fits(
    mint: Mint, opener: Opener, mask: str, address_bytes: int
) -> None:
    for size in range(30):
        row = mint(mask, values=bytes(size), address=bytes(range(address_bytes)), relay=bytes(4))
        sealed_bytes = OVERHEAD_BYTES + HEAD.size + address_bytes - 4 + size
        whole_bytes = ceil(sealed_bytes * 4 / 3) + 1 + len(mask)
        assert row.fields().address == opener.open(row.name).fields().address == bytes(range(address_bytes))
        opened = opener.open(row.name).fields()
        assert opened.partial is row.fields().partial is (whole_bytes > NAME_BYTES_MAX)
        assert len(row.name) <= NAME_BYTES_MAX
        assert opened.values == (b"" if opened.partial else bytes(size))
        assert row.fields().values == bytes(size)


def test_the_longest_mask_leaves_an_ipv6_row_room_for_a_number(mint: Mint, opener: Opener) -> None:
    row = mint("m" * MASK_BYTES_MAX, address=bytes(16), relay=bytes(4), values=bytes(5))
    assert opener.open(row.name) == row
    assert not row.fields().partial


def test_a_whole_name_may_have_all_127_characters(mint: Mint) -> None:
    assert max(len(mint(mask, values=bytes(size)).name) for mask in MASKS for size in range(30)) == 127


def test_a_partial_name_holds_the_head_and_says_so(fields: Fields, mint: Mint, opener: Opener) -> None:
    row = mint(values=bytes(500), serial=fields.serial)
    assert opener.open(row.name).fields() == fields._replace(partial=True, values=b"")
    assert row.fields() == fields._replace(partial=True, values=bytes(500))


def test_a_mask_has_a_limit(mint: Mint) -> None:
    with pytest.raises(LocalError):
        mint("m" * (MASK_BYTES_MAX + 1))


def test_every_flipped_character_is_refused(mint: Mint, opener: Opener) -> None:
    name = mint().name
    for at, character in enumerate(name):
        for other in {character ^ 1, character ^ 0x20, *b"A_./=", 0, 0xFF} - {character}:
            with pytest.raises(DecodeError):
                opener.open(name[:at] + bytes((other,)) + name[at + 1 :])


def test_a_name_that_is_cut_or_has_more_is_refused(mint: Mint, opener: Opener) -> None:
    name = mint().name
    for at in range(len(name)):
        for changed in (name[:at], name[at + 1 :], name[:at] + name[at + 1 :], name[:at] + b"\n" + name[at:]):
            with pytest.raises(DecodeError):
                opener.open(changed)


@pytest.mark.parametrize("values", [b"", b"1", b"12"], ids=len)
def test_only_one_spelling_of_a_name_opens(mint: Mint, opener: Opener, values: bytes) -> None:
    name = mint(values=values).name
    text, _, mask = name.partition(b".")
    sealed = urlsafe_b64decode(text + b"==")
    plain = text.replace(b"-", b"+").replace(b"_", b"/")
    spellings = {text + b"=", text + b"==", text + b"====", b" " + text, text + b"\n", text + b"!" * 4}
    spellings |= {text[:-1] + bytes((last,)) for last in ALPHABET} | ({plain} - {text})
    assert urlsafe_b64decode(text[:-1] + b"\n" + text[-1:] + b"==") == sealed  # a lax decoder takes many
    for other in spellings - {text}:
        with pytest.raises(DecodeError):
            opener.open(other + b"." + mask)
    assert opener.open(name).name == name


@pytest.mark.parametrize(
    "mask", [b"", b"business", b"Residential", b"residentia", b"residential.", b"r" * 127]
)
def test_the_mask_cannot_be_exchanged(mint: Mint, opener: Opener, mask: bytes) -> None:
    text = mint("residential").name.partition(b".")[0]
    with pytest.raises(DecodeError):
        opener.open(text + b"." + mask)


@pytest.mark.parametrize(
    "name",
    [
        b"",
        b".",
        b"residential",
        b".residential",
        b"A.residential",
        b"modem.bin",
        b"../../etc/passwd",
        b"\xff" * 60 + b".residential",
        spell(b""),
        spell(bytes((SEAL_VERSION, 5)) + bytes(15)),
        spell(bytes((SEAL_VERSION, 5)) + bytes(16)),
        spell(bytes((SEAL_VERSION, 5)) + bytes(66)),
        spell(bytes((SEAL_VERSION, 5)) + bytes(90)),
    ],
)
def test_what_nobody_sealed_is_refused(opener: Opener, name: bytes) -> None:
    with pytest.raises(DecodeError):
        opener.open(name)


@pytest.mark.parametrize("version", [0, 2, 255])
def test_another_version_is_refused(mint: Mint, opener: Opener, version: int) -> None:
    text, _, mask = mint().name.partition(b".")
    sealed = urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    with pytest.raises(DecodeError):
        opener.open(spell(bytes((version,)) + sealed[1:], mask))


def test_a_key_id_that_is_not_known_is_refused(mint: Mint) -> None:
    with pytest.raises(DecodeError, match="key id 5"):
        Opener([]).open(mint().name)


def test_another_key_of_the_same_id_does_not_open(mint: Mint, seal_key: SealKey) -> None:
    other = Opener([seal_key._replace(key=bytes(KEY_BYTES))])
    with pytest.raises(DecodeError, match="does not open"):
        other.open(mint().name)


def test_a_key_speaks_for_its_own_minter_only(fields: Fields, mps_key: SealKey, opener: Opener) -> None:
    with pytest.raises(DecodeError, match="not its minter's"):
        opener.open(Sealer(mps_key).seal(pack(fields), "residential").name)


def test_a_seal_around_something_else_than_a_row_is_refused(opener: Opener, seal_key: SealKey) -> None:
    for body in (b"", b"short", b"\0\2" + bytes(48)):
        with pytest.raises(DecodeError):
            opener.open(Sealer(seal_key).seal(body, "residential").name)


def test_each_minter_has_its_key(mint: Mint, mps_row: Row, opener: Opener) -> None:
    mine = mint()
    assert opener.open(mps_row.name) == mps_row
    assert opener.open(mine.name) == mine
