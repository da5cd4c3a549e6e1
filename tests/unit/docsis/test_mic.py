"""The order of types in the CMTS MIC, and what the checks cover; the vectors are in test_vectors."""

import hashlib
import hmac

import pytest

from services.docsis.mic import HASH_OBJECT, cm_mic, cmts_mic, mta_hash, mta_hash_header
from services.docsis.snmp import OCTET_STRING, read_varbind
from services.docsis.tlv import Tlv, read

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
