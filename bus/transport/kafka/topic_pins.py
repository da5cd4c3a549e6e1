"""The pinned ids of topics: Kafka gives each an id, and a new one when it is made anew.

The id that was seen first is remembered. Those of the logs are kept for the next start, in `TOPIC.id`, if
there is a directory. An id is on the disk before it counts: after a power cut another topic must not pass
for the known one.
"""

from collections.abc import Sequence
from pathlib import Path

from bus import state_file


class TopicPins:
    """The id that each topic had when it was seen first."""

    def __init__(self, directory: Path | None, kept: Sequence[str]) -> None:
        """The ids of the topics `kept` are in files of the directory, if there is one (the errors of
        `bus.state_file`).
        """
        self._directory = directory
        self._kept = frozenset(kept if directory is not None else ())
        self._ids: dict[str, str] = {}
        for topic in self._kept:
            path = self._path(topic)
            try:
                known = path.read_text().strip()
            except FileNotFoundError:
                continue
            except OSError as error:
                raise state_file.unusable("read", path, error) from error
            except ValueError as error:
                raise state_file.damaged(path, str(error)) from error
            if not known:
                raise state_file.damaged(path, "it does not hold the id of a topic")
            self._ids[topic] = known

    def __contains__(self, topic: str) -> bool:
        return topic in self._ids

    def identity(self, topic: str) -> str:
        """The id of this topic, drawn at random, so no other has it; empty if unknown."""
        return self._ids.get(topic, "")

    def check(self, topic: str, seen: str) -> str:
        """Why this is not the topic that we knew; empty if it is. The first id is kept (`OSError`)."""
        known = self._ids.get(topic)
        if known is None:
            self.use(topic, seen)
            return ""
        if known == seen:
            return ""
        reason = f"{topic} was deleted and made anew: its id is {seen}, and was {known}"
        if topic not in self._kept:
            return reason
        return f"{reason} (remove {self._path(topic)} once nobody acts on the old one)"

    def use(self, topic: str, seen: str) -> None:
        """Pin this id from now on (`OSError`)."""
        if topic in self._kept:
            state_file.keep(self._path(topic), f"{seen}\n".encode())
        self._ids[topic] = seen

    def _path(self, topic: str) -> Path:
        assert self._directory is not None
        return self._directory / f"{topic}.id"
