"""What becomes of a row, as a table of rows decides it from a fence's tokens."""

from bus.envelope import Token
from bus.wire.codec import pack_token
from heartbeat.roles.log.fence import Fence, Verdict


def judge(fence: Fence, minter: str, token: Token) -> Verdict:
    """Compare `fileid.table.Table.accept`."""
    tokens = fence.tokens(minter)
    if tokens is None:
        return Verdict.VALID
    valid, known = tokens
    packed = pack_token(token).to_bytes(8, "big")
    return Verdict.VALID if packed == valid else Verdict.UNVERIFIED if packed > known else Verdict.STALE
