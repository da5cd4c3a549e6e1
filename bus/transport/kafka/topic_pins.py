"""Whether a topic is the one that we knew: Kafka gives each an id, and a new one when it is made anew.

The id that was seen first is remembered, and where there is a directory it is kept for the next start, in
`TOPIC.id`. It is on the disk before it counts: a power cut must not make a stranger a friend.
"""

from collections.abc import Sequence
from pathlib import Path

from bus import state_file


class TopicPins:
    """The id that each of some topics had when it was seen first."""

    def __init__(self, directory: Path | None, topics: Sequence[str]) -> None:
        """Read what is kept (the errors of `bus.state_file`); without a directory nothing is."""
        self._directory = directory
        self._ids: dict[str, str] = {}
        if directory is None:
            return
        for topic in topics:
            path = directory / f"{topic}.id"
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
        """What tells this topic from every other one: its id, drawn at random; empty if unknown."""
        return self._ids.get(topic, "")

    def check(self, topic: str, seen: str) -> str:
        """Why this is not the topic that we knew; empty if it is. The first id is kept (`OSError`)."""
        known = self._ids.get(topic)
        if known is None:
            if self._directory is not None:
                state_file.keep(self._directory / f"{topic}.id", f"{seen}\n".encode())
            self._ids[topic] = seen
            return ""
        if known == seen:
            return ""
        reason = f"{topic} was deleted and made anew: its id is {seen}, and was {known}"
        if self._directory is None:
            return reason
        return f"{reason} (remove {self._directory / topic}.id once nobody acts on the old one)"
