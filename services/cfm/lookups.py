"""Reads of somebody else's TFTP server: the contract of `fileid.lookup` and `fileid.done`.

    {"op": "fileid.lookup", "id": 1, "file": "AQDV...Qw.residential", "address": "127.64.0.5"}
    {"id": 1, "device": "00:1a:2c:00:00:01", "fileid": "5f0c...", "how": "row", "content": "<base64>"}
    {"id": 1, "error": "unknown"}
    {"op": "fileid.done", "id": 2, "file": "AQDV...Qw.residential"}
    {"op": "fileid.done", "id": 3, "file": "modem.cm", "address": "127.64.0.5"}

A name that many devices share (Kea's class) needs the address in both.

A lookup is a read like any other, told from those of our own TFTP server by its negative number, and it is
answered once: with the file, or with `unknown`, whereupon their server stays silent too. What was answered
stays for `ANSWER_S` or until `fileid.done`, so the lookup of a read that was repeated joins: same file.
"""

from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from bus.errors import DecodeError
from bus.machine import LocalRequest, Reply
from fileid.row import NAME_BYTES_MAX, is_newer, pack_address
from services.cfm.journal import Download

ANSWER_S = 31.0  # as long as our own TFTP server keeps a client that went silent
ANSWERS_MAX = 20_000  # as many as our own has sessions; with files of 1.5 KiB some 50 MiB

_ADDRESS_FIELDS = {"op", "id", "file", "address"}


class Key(NamedTuple):
    """The row that a lookup asks for, by its key, and for whom (packed)."""

    name: bytes
    address: bytes


@dataclass(slots=True)
class _Waiting:
    key: Key
    askers: list[tuple[int, Any]] = field(default_factory=list)


class Answered(NamedTuple):
    """A file that was handed over, of which we do not know yet whether the modem has it."""

    key: Key
    download: Download
    content: bytes


class Lookups:
    """The lookups that wait, and the answers that are not done."""

    def __init__(self, answers_max: int = ANSWERS_MAX) -> None:
        self.counts = dict.fromkeys(("asked", "joined", "done", "shed"), 0)
        self._answers_max = answers_max
        self._reads = 0
        self._waiting: dict[int, _Waiting] = {}
        self._by_key: dict[Key, int] = {}
        self._answers: dict[bytes, Answered] = {}

    def __len__(self) -> int:
        """How many answers are not done."""
        return len(self._answers)

    def ask(self, key: Key, session: int, request_id: Any, newest: bytes = b"") -> int | list[Reply] | None:
        """A lookup: the number of a read to be asked for, the answer that is known, or None: it joined.

        `newest` is the body of the row that is here; if a later lease's than the answer's, that is over.
        """
        self.counts["asked"] += 1
        answered = self._answers.get(key.name)
        is_over = answered is not None and is_newer(newest, answered.download.served.row.body)
        if answered is not None and answered.key == key and not is_over:
            self.counts["joined"] += 1
            return [_file(session, request_id, answered)]
        read = self._by_key.get(key)
        if read is not None:
            self.counts["joined"] += 1
            self._waiting[read].askers.append((session, request_id))
            return None
        self._reads += 1
        read = -self._reads
        self._by_key[key] = read
        self._waiting[read] = _Waiting(key, [(session, request_id)])
        return read

    def serve(self, download: Download, content: bytes) -> list[Reply]:
        """The file of this read is built: everybody who asked gets it."""
        waiting = self._close(download.served.read)
        if waiting is None:
            return []
        while len(self._answers) >= self._answers_max:
            del self._answers[next(iter(self._answers))]
            self.counts["shed"] += 1
        answered = Answered(waiting.key, download, content)
        self._answers.pop(waiting.key.name, None)
        self._answers[waiting.key.name] = answered
        return [_file(session, request_id, answered) for session, request_id in waiting.askers]

    def refuse(self, read: int) -> list[Reply]:
        """This read gets nothing: everybody who asked is told so."""
        waiting = self._close(read)
        return [] if waiting is None else [unknown(*asker) for asker in waiting.askers]

    def done(self, name: bytes) -> Answered | None:
        """The modem has the file of this name: what it was answered, if that is still known."""
        self.counts["done"] += 1
        return self._answers.pop(name, None)

    def leave(self, session: int) -> Iterable[tuple[int, bytes]]:
        """This session is gone: the reads, with their names, for which nobody waits any more."""
        for read, waiting in list(self._waiting.items()):
            waiting.askers = [asker for asker in waiting.askers if asker[0] != session]
            if not waiting.askers:
                self._close(read)
                yield read, waiting.key.name

    def tick(self, now: float) -> Iterable[Answered]:
        """The answers that were not done in time; they are forgotten."""
        while self._answers:
            oldest = next(iter(self._answers.values()))
            if oldest.download.at + ANSWER_S > now:
                return
            yield self._answers.pop(oldest.key.name)

    def deadline(self) -> float | None:
        """When `tick` is due."""
        oldest = next(iter(self._answers.values()), None)
        return oldest.download.at + ANSWER_S if oldest is not None else None

    def _close(self, read: int) -> _Waiting | None:
        waiting = self._waiting.pop(read, None)
        if waiting is not None:
            del self._by_key[waiting.key]
        return waiting


def parse_lookup(request: LocalRequest) -> Key:
    """What a `fileid.lookup` asks for; `DecodeError` says which field is wrong."""
    body = request.body
    if not body.keys() <= _ADDRESS_FIELDS:
        raise DecodeError(f"{min(body.keys() - _ADDRESS_FIELDS)}: is not a field of fileid.lookup")
    try:
        return Key(_file_name(request), pack_address(body.get("address")))
    except DecodeError as error:
        raise DecodeError(f"fileid.lookup: {error}") from error


def parse_done(request: LocalRequest) -> Key:
    """What a `fileid.done` speaks of; no address if it has none. `DecodeError` for what no modem asks for."""
    address = request.body.get("address")
    return Key(_file_name(request), b"" if address is None else pack_address(address))


def _file_name(request: LocalRequest) -> bytes:
    text = request.body.get("file")
    if not isinstance(text, str) or not 0 < len(text) <= NAME_BYTES_MAX or not text.isascii():
        raise DecodeError(f"file: is not a name of 1 to {NAME_BYTES_MAX} ASCII characters")
    return text.encode()


def unknown(session: int, request_id: Any) -> Reply:
    """There is no file; their server stays silent."""
    return Reply(session, {"id": request_id, "error": "unknown"})


def _file(session: int, request_id: Any, answered: Answered) -> Reply:
    served = answered.download.served
    body = {
        "id": request_id,
        "device": served.fields.device.hex(":"),
        "fileid": served.fields.serial.hex(),
        "how": served.how,
        "content": b64encode(answered.content).decode(),
    }
    return Reply(session, body)
