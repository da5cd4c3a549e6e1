"""The order of types in the CMTS MIC, and what the checks cover; the vectors are in test_vectors."""

import hashlib
import hmac

import pytest

from services.docsis.checks.mic import (
    HASH_OBJECT,
    cm_mic,
    cmts_mic,
    extended_coverage,
    mta_hash,
    mta_hash_header,
)
from services.docsis.mib.ber import OCTET_STRING, read_varbind
from services.docsis.tlv import Tlv, read, write

ONE_OF_EACH = [Tlv(type, bytes((type,))) for type in range(1, 255)]


def test_order_is_by_type_then_by_position() -> None:
    tlvs = [Tlv(25, b"a"), Tlv(29, b"b"), Tlv(43, b"c"), Tlv(25, b"d"), Tlv(28, b"e"), Tlv(3, b"f")]
    expected = b"\x03\x01f\x2b\x01c\x19\x01a\x19\x01d\x1c\x01e\x1d\x01b"
    assert cmts_mic(tlvs, b"key") == hmac.digest(b"key", expected, "md5")


def test_exactly_the_listed_types_are_covered_in_their_order() -> None:
    whole = cmts_mic(ONE_OF_EACH, b"key")
    covered = {
        tlv.type for tlv in ONE_OF_EACH if cmts_mic([x for x in ONE_OF_EACH if x != tlv], b"key") != whole
    }
    order = [1, 2, 3, 4, 17, 43, 6, 18, 19, 20, 22, 23, 24, 25, 28, 29, 26, 35, 36, 37, 40]
    assert covered == set(order)
    assert whole == hmac.digest(b"key", b"".join(bytes((type, 1, type)) for type in order), "md5")


@pytest.mark.parametrize("digest", [cm_mic, lambda body: cmts_mic(ONE_OF_EACH, body)])
def test_mics_have_sixteen_bytes_and_depend_on_input(digest) -> None:  # type: ignore[no-untyped-def]
    assert len(digest(b"a")) == 16
    assert digest(b"a") != digest(b"b")


def test_cm_mic_has_no_key() -> None:
    assert cm_mic(b"\x03\x01\x01") == hashlib.md5(b"\x03\x01\x01").digest()


def test_hash_header_precedes_twenty_bytes() -> None:
    digest = mta_hash(b"file")
    (tlv,) = read(mta_hash_header("na") + digest, "mta")
    assert tlv.type == 11
    assert read_varbind(tlv.value) == (HASH_OBJECT["na"], OCTET_STRING, digest)


def test_the_object_of_each_model() -> None:
    assert {model: mta_hash_header(model)[6:-2].hex() for model in HASH_OBJECT} == {
        "na": "2b06010401a30b02020101020700",
        "eu": "2b06010401ba080101020900",
        "ietf": "2b06010201810c01020b00",
    }


def field(mic: str) -> Tlv:
    """The extension field that holds this 43.6 alone."""
    value = bytes.fromhex(mic)
    return Tlv(43, bytes.fromhex("0803ffffff06") + bytes((len(value),)) + value)


def test_without_a_digest_of_its_own_the_cmts_mic_is_the_extended_one() -> None:
    tlvs = [Tlv(3, b"\1"), field("010101020110"), Tlv(18, b"\4"), Tlv(6, bytes(16))]
    assert cmts_mic(tlvs, b"s3cret").hex() == "d80c32d5d11332e748f96b23810e7d44"
    assert cmts_mic(tlvs, b"s3cret") == hmac.digest(b"s3cret", bytes.fromhex("030101"), "md5")


@pytest.mark.parametrize(
    "mic",
    [
        pytest.param("0101010201100304000000ff", id="with a digest"),
        pytest.param("010102020110", id="of another HMAC"),
        pytest.param("010101", id="without a bitmap"),
        pytest.param("020110", id="without an HMAC type"),
    ],
)
def test_otherwise_it_is_the_plain_one(mic: str) -> None:
    tlvs = [Tlv(3, b"\1"), field(mic), Tlv(6, bytes(16))]
    plain = hmac.digest(b"key", b"".join(write(tlv, "cm") for tlv in tlvs), "md5")
    assert cmts_mic(tlvs, b"key") == plain


def test_a_field_of_a_vendor_holds_no_extended_mic() -> None:
    vendors = Tlv(43, bytes.fromhex("080300000c0606010101020110"))
    tlvs = [Tlv(3, b"\1"), vendors, Tlv(6, bytes(16))]
    assert extended_coverage(tlvs) is None


def test_several_covered_tlvs_are_read_as_they_stand_in_the_file() -> None:
    both = field("0101010203100020")
    assert extended_coverage([both]) == frozenset({3, 18})
    tlvs = [Tlv(18, b"\4"), Tlv(3, b"\1"), both, Tlv(6, bytes(16))]
    assert cmts_mic(tlvs, b"key") == hmac.digest(b"key", bytes.fromhex("120104030101"), "md5")
