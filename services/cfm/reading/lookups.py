"""Reads of another TFTP server: the contract of `fileid.lookup` and `fileid.done`.

    {"op": "fileid.lookup", "id": 1, "file": "AQDV...Qw.residential", "address": "127.64.0.5"}
    {"id": 1, "device": "001a.2c00.0001", "fileid": "5f0c...", "how": "row", "content": "<base64>"}
    {"id": 1, "error": "unknown"}
    {"op": "fileid.done", "id": 2, "file": "AQDV...Qw.residential"}
    {"op": "fileid.done", "id": 3, "file": "modem.cm", "address": "127.64.0.5"}

A name that many devices share (Kea's class) needs the address in both.

A lookup is a read like any other; its negative number tells it from those of our own TFTP server. It is
answered once: with the file, or with `unknown`, whereupon their server stays silent too. Few wait for one
read, for all their answers are made at one moment. An answer stays for `ANSWER_S` or until `fileid.done`, so
the lookup of a repeated read joins it and gets the same file.
"""

from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from bus.device import device_text
from bus.effects import Reply
from bus.errors import DecodeError
from bus.messages import LocalRequest
from fileid.row import NAME_BYTES_MAX, is_newer, pack_address
from services.cfm.reading.audit_events import Download
from services.instance.local_api import answer, refuse

ANSWER_S = 31.0  # as long as our own TFTP server keeps a client that went silent
ANSWERS_MAX = 20_000  # as many as our own has sessions; with files of 1.5 KiB some 50 MiB
ASKERS_MAX = 16  # a modem asks twice or three times in the 4 s that its read may wait

_ADDRESS_FIELDS = {"op", "id", "file", "address"}


class WantedRow(NamedTuple):
    """The row that a lookup asks for: its key, and the address of the modem that asks (packed)."""

    name: bytes
    address: bytes


@dataclass(slots=True)
class _Waiting:
    key: WantedRow
    askers: list[LocalRequest] = field(default_factory=list)


class Answered(NamedTuple):
    """A file that was handed over; whether the modem has it is not known yet."""

    key: WantedRow
    download: Download
    content: bytes


class Lookups:
    """The lookups that wait, and the answers that are not done."""

    def __init__(self, answers_max: int = ANSWERS_MAX) -> None:
        self.counts = dict.fromkeys(("asked", "joined", "refused", "done", "shed"), 0)
        self._answers_max = answers_max
        self._reads = 0
        self._waiting: dict[int, _Waiting] = {}
        self._by_key: dict[WantedRow, int] = {}
        self._answers: dict[bytes, Answered] = {}

    def __len__(self) -> int:
        """The number of answers that are not done."""
        return len(self._answers)

    def ask(self, key: WantedRow, request: LocalRequest, newest: bytes = b"") -> int | list[Reply] | None:
        """Begin a lookup: the number of a new read, the answer that there is already, or None if it joined
        another. Where too many wait for it the answer is `unknown`.

        `newest` is the body of the row that is here; if its lease is later than the answer's, that is over.
        """
        self.counts["asked"] += 1
        answered = self._answers.get(key.name)
        is_over = answered is not None and is_newer(newest, answered.download.served.row.body)
        if answered is not None and answered.key == key and not is_over:
            self.counts["joined"] += 1
            return [_file(request, answered)]
        read = self._by_key.get(key)
        if read is not None:
            askers = self._waiting[read].askers
            if len(askers) >= ASKERS_MAX:
                self.counts["refused"] += 1
                return [refuse(request, "unknown")]
            self.counts["joined"] += 1
            askers.append(request)
            return None
        self._reads += 1
        read = -self._reads
        self._by_key[key] = read
        self._waiting[read] = _Waiting(key, [request])
        return read

    def serve(self, download: Download, content: bytes) -> list[Reply]:
        """The file of this read is built: answer every asker."""
        waiting = self._close(download.served.read)
        if waiting is None:
            return []
        while len(self._answers) >= self._answers_max:
            del self._answers[next(iter(self._answers))]
            self.counts["shed"] += 1
        answered = Answered(waiting.key, download, content)
        self._answers.pop(waiting.key.name, None)
        self._answers[waiting.key.name] = answered
        return [_file(asker, answered) for asker in waiting.askers]

    def refuse(self, read: int) -> list[Reply]:
        """This read gets no file: refuse every asker."""
        waiting = self._close(read)
        return [] if waiting is None else [refuse(asker, "unknown") for asker in waiting.askers]

    def done(self, name: bytes) -> Answered | None:
        """The modem has the file of this name: its answer, if that is still known."""
        self.counts["done"] += 1
        return self._answers.pop(name, None)

    def leave(self, session: int) -> Iterable[tuple[int, bytes]]:
        """This session is gone: the reads, with their names, that no asker waits for any more."""
        for read, waiting in list(self._waiting.items()):
            waiting.askers = [asker for asker in waiting.askers if asker.session != session]
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


def parse_lookup(request: LocalRequest) -> WantedRow:
    """The row that a `fileid.lookup` asks for; `DecodeError` says which field is wrong."""
    body = request.body
    if not body.keys() <= _ADDRESS_FIELDS:
        raise DecodeError(f"{min(body.keys() - _ADDRESS_FIELDS)}: is not a field of fileid.lookup")
    try:
        return WantedRow(_file_name(request), pack_address(body.get("address")))
    except DecodeError as error:
        raise DecodeError(f"fileid.lookup: {error}") from error


def parse_done(request: LocalRequest) -> WantedRow:
    """The row that a `fileid.done` ends; no address if it has none. `DecodeError` if one is malformed."""
    address = request.body.get("address")
    return WantedRow(_file_name(request), b"" if address is None else pack_address(address))


def _file_name(request: LocalRequest) -> bytes:
    text = request.body.get("file")
    if not isinstance(text, str) or not 0 < len(text) <= NAME_BYTES_MAX or not text.isascii():
        raise DecodeError(f"file: is not a name of 1 to {NAME_BYTES_MAX} ASCII characters")
    return text.encode()


def _file(request: LocalRequest, answered: Answered) -> Reply:
    served = answered.download.served
    return answer(
        request,
        device=device_text(served.fields.device),
        fileid=served.fields.serial.hex(),
        how=served.how,
        content=b64encode(answered.content).decode(),
    )
