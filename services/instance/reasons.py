"""The table of reasons: what an instance may say of itself when it is not ready, or degraded.

A part says a reason by its code (`bus.reason`), with what it found. Here stand, for each code, who may say
it, the sentence with `...` for what is filled in, what it means for the service, and what to do. The page
`docs/reference/readiness.md` is made of this table, and a test finds every code of it in the code.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from bus.fleet.fleet import MINTERS, SERVICES
from bus.telemetry.health import Status, judge
from bus.telemetry.metrics import Sample, labelled


class Weight(StrEnum):
    """What a reason makes of an instance."""

    NOT_READY = "not ready"  # it can serve nothing
    DEGRADED = "degraded"  # it serves, with less than there should be
    EITHER = "not ready or degraded"  # as `means` says


class ReasonRow(NamedTuple):
    """One reason. `services` are those that may say it."""

    services: tuple[str, ...]
    weight: Weight
    text: str
    means: str
    do: str


_DHCP, _CFM = ("dhcp",), ("cfm",)
_NO, _LESS, _EITHER = Weight.NOT_READY, Weight.DEGRADED, Weight.EITHER

REASONS: dict[str, ReasonRow] = {
    # The instance itself
    "no-settings": ReasonRow(
        SERVICES,
        _NO,
        "settings",
        "no settings catalogue has come, and none is on disk",
        "`provbus settings apply`",
    ),
    "stopping": ReasonRow(
        SERVICES, _NO, "it drains, to stop", "it finishes its work", "wait, and start it again"
    ),
    "name-taken": ReasonRow(
        SERVICES,
        _NO,
        "its name: another process has it, of the later incarnation ...",
        "it does nothing until the other one has been silent for 10 s",
        "a cloned machine? Stop one of the two",
    ),
    "name-contended": ReasonRow(
        SERVICES,
        _NO,
        "its name: it took turns with incarnation ...; stop one, restart the other",
        "two processes of its name took turns, and both have stopped",
        "stop one, restart the other",
    ),
    "name-twice": ReasonRow(
        SERVICES,
        _LESS,
        "its name is in use twice: incarnation ... beats too; stop that process",
        "the other process yields",
        "stop the other one",
    ),
    "clock-off": ReasonRow(
        SERVICES,
        _LESS,
        "the clock of ... is more than ... s off ours",
        "seals have an age",
        "set one of the clocks",
    ),
    "unproven": ReasonRow(
        SERVICES,
        _LESS,
        "messages that are not believed: the last one is ...",
        "they change nothing; somebody wrote them who may write to a topic, or has the group's key",
        "`wrong-service`: that CFM was broken into, see [Keys](../howto/keys.md#when-a-key-was-stolen)."
        " Any other: is a fleet file, or a key of the one that is named, behind? Else somebody forges: see"
        " who may write",
    ),
    "role-writer-unlisted": ReasonRow(
        SERVICES,
        _LESS,
        "the role log has records of ... by a key that our fleet file does not have",
        "they count all the same: every reader must judge them alike",
        "give every instance the same fleet file; if the key was stolen, `provbus failover era --revoke`",
    ),
    "incarnation-ahead": ReasonRow(
        SERVICES,
        _LESS,
        "... says an incarnation that is to come: its clock was wrong, or another has its key",
        "its beats are proven and count; a process of that name with a right clock is ignored beside it",
        "see its clock, and who else has its key: [Keys](../howto/keys.md)",
    ),
    "keys-behind": ReasonRow(
        SERVICES,
        _LESS,
        "...",
        "keys or fleet files differ: between two steps of a rotation, or because one was not distributed",
        "give the instance its files and reload it (SIGHUP), or restart it: [Keys](../howto/keys.md)",
    ),
    "switching": ReasonRow(
        SERVICES,
        _LESS,
        "a switch to ... is at step ...: waiting for ...",
        "both transports are used; the roles stay with who holds them",
        "`provbus transport status` names who is missing; `provbus transport switch --abort` calls it off:"
        " [Moving off multicast](../howto/moving-off-multicast.md)",
    ),
    "left-behind": ReasonRow(
        SERVICES,
        _LESS,
        "a switch that went on without ...: it goes on by ...",
        "it was absent while the transport was switched, and came back in the former mode: soon nobody hears"
        " it. Who says it of itself stands for no role meanwhile",
        "write the mode of the others into its file and start it again:"
        " [Moving off multicast](../howto/moving-off-multicast.md#6-switch)",
    ),
    "faults": ReasonRow(
        SERVICES,
        _LESS,
        "a fault of its own, which cost a message or more: ...",
        "within the last minute something made a handler raise; all else went on",
        "report the line of `provbus.faults` in its log; `provbus_faults_total` says how often",
    ),
    "descriptors": ReasonRow(
        _CFM,
        _LESS,
        "descriptors: from ... in use on nobody new connects to the hand-off port",
        "minters that are connected stay, others wait",
        "see who connects, or raise `LimitNOFILE`",
    ),
    # Its role
    "drained": ReasonRow(
        MINTERS,
        _NO,
        "its role, which an operator told it not to take",
        "it gave the role back and stands for it no more",
        "`provbus failover drain --off`",
    ),
    "locked": ReasonRow(
        MINTERS,
        _LESS,
        "its lock: it takes no role by itself",
        "what it holds it keeps; if it loses that, or holds nothing, it does nothing",
        "`provbus failover lock --off`",
    ),
    "no-host": ReasonRow(
        MINTERS,
        _LESS,
        "its host service, without which it stands for no role",
        "with `minter.attached`, or a Kea that is followed: nobody is there to act for",
        "start the host service; [Connect a DHCP server](../howto/host-service.md)",
    ),
    "host-silent": ReasonRow(
        MINTERS,
        _LESS,
        "a word of its host service, which is attached and stands still",
        "it might act, and for a lease's time asked nothing, or made no progress: the role is given back",
        "look at the host service: it goes on by itself when it asks again",
    ),
    "role-log-unreached": ReasonRow(
        MINTERS,
        _EITHER,
        "the role log, which no broker has shown yet",
        "not ready: it cannot know who is the primary. Degraded where the CFMs know another one",
        "see why Kafka does not answer",
    ),
    "role-log-unread": ReasonRow(
        MINTERS,
        _NO,
        "the end of the role log, which it still reads",
        "it reads on",
        "wait, or look at Kafka",
    ),
    "role-log-beginning-lost": ReasonRow(
        MINTERS,
        _NO,
        "the beginning of the role log: ...",
        "retention took it away and no checkpoint is left, so nobody can know who holds a role",
        "[Begin an era](../howto/failover.md#begin-an-era)",
    ),
    "role-log-changed": ReasonRow(
        MINTERS,
        _NO,
        "the role log, which is not what it was: ...",
        "HALT: the log lost records, or is another one; or half of the log's readers, or more, disagree"
        " with it",
        "find out why, then restart it; compare `provbus failover status` of all: of two readers that"
        " disagree nobody can tell which one is wrong",
    ),
    "role-suspended": ReasonRow(
        MINTERS,
        _NO,
        "its role: its renewals do not come back from the log",
        "it holds the role and may not act: `try_again`",
        "look at Kafka; after 5 s it gives the role back if the log moves",
    ),
    "autonomous": ReasonRow(
        MINTERS,
        _LESS,
        "the role log: a majority of the CFMs vouches for it meanwhile",
        "it is the primary without the log, and nobody else can become it",
        "look at Kafka",
    ),
    "no-era-left": ReasonRow(
        MINTERS,
        _NO,
        "an era in which it could hold its role: ...",
        "with `failover.grants`, the last era that there can be is over",
        "change to `transport.mode: bus`",
    ),
    "mode-unanswered": ReasonRow(
        MINTERS,
        _NO,
        "a majority of the CFMs in mode ..., after ...: ... heard",
        "it was started in another mode than the last time, and stands for its role once they answer there",
        "[Change the mode](../howto/change-of-mode.md)",
    ),
    "cfms-unheard": ReasonRow(
        MINTERS,
        _NO,
        "a majority of the CFMs, to ... as the primary: ... heard",
        "over multicast, the configured primary asks them which era it may begin; and who was the primary,"
        " and could hear the bus, asks whether the others are here still",
        "start the CFMs, or `provbus failover promote --absent`",
    ),
    "rows-refused": ReasonRow(
        MINTERS,
        _NO,
        "a CFM that takes its rows: those that answer stand by ...",
        "it holds its role, and every CFM that answers stands by another claim",
        "[Change the mode](../howto/change-of-mode.md)",
    ),
    "disk-claims": ReasonRow(
        MINTERS,
        _EITHER,
        "a disk that keeps its claims (...)",
        "not ready: it stands for nothing until there is room. Degraded while it holds its role",
        "make room",
    ),
    # CFMs, as minters see them
    "no-cfm": ReasonRow(
        MINTERS,
        _EITHER,
        "no CFM is alive",
        "not ready; with `minter.default_next_server` degraded",
        "start a CFM, or see whether its beats arrive",
    ),
    "no-able-cfm": ReasonRow(
        MINTERS,
        _EITHER,
        "no CFM that is alive can take rows",
        "the same: every CFM drains, lacks the settings, or cannot be reached",
        "see the CFMs in `provbus fleet status`",
    ),
    "cfm-unreachable": ReasonRow(
        MINTERS,
        _LESS,
        "a connection to ..., which is alive",
        "its beats come, and its hand-off port is not reached: it gets no rows from here",
        "see `cfm.listen`, `cfm.advertise` and what is between; with `handshake-refused`, the keys",
    ),
    "cfm-place-useless": ReasonRow(
        MINTERS,
        _LESS,
        "the place of ... is of no use: ...",
        "that CFM announces an address or endpoint which nobody can reach; it gets no rows and no modem",
        "correct its `cfm.advertise` or `cfm.tftp.address`",
    ),
    "handshake-refused": ReasonRow(
        MINTERS,
        _LESS,
        "the handshake with ... at ...: it has another key, or does not know ours",
        "a fleet file or a key is not the same at both ends",
        "give both the fleet file and their keys, and reload them (SIGHUP), or restart them",
    ),
    # Minters, as CFMs see them
    "stranger-refused": ReasonRow(
        _CFM,
        _LESS,
        "the hand-off port, at which a key that is not of the fleet was refused just now",
        "within the last 10 s: an instance with another fleet file, or a stranger",
        "compare fleet files; find out who connects",
    ),
    "former-key": ReasonRow(
        _CFM,
        _LESS,
        "... speaks with a key that was dropped: its frames do not count",
        "within the last 10 s: an instance that did not reload in a rotation, one that was taken out of the"
        " fleet file, or somebody who has its former key; nothing is sent to it",
        "reload the instance (SIGHUP) with its present files, or restart it, or end it; else find out who"
        " connects",
    ),
    "no-minter": ReasonRow(
        _CFM,
        _LESS,
        "no minter is alive",
        "no row comes; names that were given out are served",
        "start one, or see whether its beats arrive: after a switch that went on without this CFM they go by"
        " another transport, see `left-behind`",
    ),
    "minter-unconnected": ReasonRow(
        _CFM,
        _LESS,
        "..., which is alive, is not connected to the hand-off port",
        "its rows do not come here",
        "see its `cfm-unreachable` and `handshake-refused`",
    ),
    "minter-clock-off": ReasonRow(
        _CFM,
        _LESS,
        "the time of ...: its clock is more than ... s off",
        "its rows serve, and its names do not without them",
        "set one of the clocks",
    ),
    "clock-jumped": ReasonRow(
        _CFM,
        _LESS,
        "a clock to trust: it jumped by ... s",
        "no name serves without its row: for 70 s after a jump ahead, after one back as long as it was more",
        "see who set the clock; if it is right now, a restart ends the doubt",
    ),
    "seal-key-missing": ReasonRow(
        _CFM,
        _LESS,
        "the seal key of ..., without which a read before its row gets nothing: see cfm.seal_keys",
        "`cfm.seal_keys` has no key of this minter of the fleet",
        "give it the key's file",
    ),
    "no-vote": ReasonRow(
        _CFM,
        _LESS,
        "its vote, without which a role may find no majority: see provbus failover admit",
        "with `failover.grants` it has no record of what it promised, so it abstains; rows are taken",
        "`provbus failover admit`",
    ),
    "fence-stale": ReasonRow(
        _CFM,
        _LESS,
        "the role log, so later primaries are refused (...)",
        "rows of the primaries that it knows are taken, those of later ones not",
        "the words in brackets say why; see `provbus failover status`",
    ),
    "era-behind": ReasonRow(
        _CFM,
        _LESS,
        "an era of the role log above another authority's: ...",
        "the log has not followed what was decided over multicast yet",
        "a sidecar begins that era once it hears a majority of the CFMs",
    ),
    "disk-fence": ReasonRow(
        _CFM,
        _LESS,
        "a disk for its fence, so the rows of later primaries are refused (...)",
        "rows of the claim on its disk are taken until a later one is read, then none of that role",
        "make room",
    ),
    "disk-incarnations": ReasonRow(
        SERVICES,
        _LESS,
        "a disk for the incarnations of its peers, so a restart asks older ones too (...)",
        "mode multicast; each peer proves itself all the same",
        "make room",
    ),
    "disk-promises": ReasonRow(
        _CFM,
        _LESS,
        "a disk for its promises, so it may abstain from a vote (...)",
        "with `failover.grants` it answers nothing that it could not keep",
        "make room",
    ),
    # Settings
    "disk-settings": ReasonRow(
        SERVICES,
        _LESS,
        "its copy of the settings, which a start without the others would need (...)",
        "the settings are in force; the copy is tried again every second",
        "make room",
    ),
    "settings-faulty": ReasonRow(
        SERVICES,
        _LESS,
        "settings that every CMTS takes (...): see provbus settings check",
        "they make files that a CMTS would reject, first for the reason in brackets; they are served",
        "[Rules for files](file-rules.md)",
    ),
    "settings-locked": ReasonRow(
        SERVICES,
        _EITHER,
        "settings key ..., which generation ... needs: ... in force",
        "newer settings came, whose secrets it cannot open. Not ready: it has no others. Degraded: it goes on"
        " with those that it has",
        "give it `settings/fleet.key` and reload it (SIGHUP), or restart it; if its configuration has no"
        " `settings_key`, name the file there and restart it: [Keys](../howto/keys.md)",
    ),
    "settings-unbelieved": ReasonRow(
        MINTERS,
        _NO,
        "publish_catalogue: settings were written that are not believed, and it is not written over them",
        "the plant has no first settings, or this instance does not have the key of who wrote them",
        "give it the fleet file of the others and restart it; without any settings, `provbus settings apply`",
    ),
    "settings-unsealed": ReasonRow(
        MINTERS,
        _EITHER,
        "there is no settings key (settings_key), without which no secret is written to the topic",
        "its settings have secrets, and do not come to the topic from it. Not ready: it has no others",
        "name the file in `settings_key`, and restart it: [Keys](../howto/keys.md)",
    ),
    # Kea
    "kea-behind": ReasonRow(
        _DHCP,
        _NO,
        "rows for what Kea granted in the last minute: its journal is being read",
        "it has just begun",
        "if it stays, Kea's journal is not there or cannot be read, and the log says why",
    ),
    "kea-absent": ReasonRow(
        _DHCP,
        _LESS,
        "Kea is not found at its control socket (...): see provbus doctor kea",
        "the role is given back: it does not run, listens elsewhere, or we have no right to speak to it",
        "`provbus doctor kea`",
    ),
    "kea-no-leases": ReasonRow(
        _DHCP,
        _LESS,
        "Kea answers no modem: a reload failed and left it without leases (its log says why)",
        "the role is given back: its process lives and gives no lease",
        "mend what its log says, then `config-reload` or restart it",
    ),
    "kea-no-sockets": ReasonRow(
        _DHCP,
        _LESS,
        "Kea hears no modem: a reload was refused and left it without sockets (its log says why)",
        "the role is given back: it answers commands, and has no socket; seen on one machine with it",
        "mend what its log says, then restart it",
    ),
    "kea-silent": ReasonRow(
        _DHCP,
        _LESS,
        "Kea answers nobody: it stands still, or reads its leases",
        "the role is given back after 5 s without an answer",
        "look at Kea's process",
    ),
    "kea-journal-cut": ReasonRow(
        _DHCP,
        _LESS,
        "Kea would refuse its journal at its next start: somebody cut it, see provbus doctor kea",
        "leases are read on",
        "stop Kea and put the first line back",
    ),
    "kea-journal-unreadable": ReasonRow(
        _DHCP,
        _LESS,
        "Kea's journal cannot be read (...), and the log says which file",
        "the role is given back after 5 s",
        "let our user read it: `provbus doctor kea`",
    ),
    "kea-reloads": ReasonRow(
        _DHCP,
        _LESS,
        "Kea reloads its configuration (provbus kea apply): it answers nobody meanwhile",
        "the role is kept",
        "wait",
    ),
    "kea-resync": ReasonRow(
        _DHCP,
        _LESS,
        "Kea is asked for all its leases, because its journal was cut",
        "modems that got a lease as it was cut have to wait for their row",
        "wait",
    ),
    "disk-kea-place": ReasonRow(
        _DHCP,
        _LESS,
        "its place in Kea's journal, which a start would read on from (...)",
        "a restart would read more of the journal than it has to",
        "make room",
    ),
    # Kafka
    "kafka-silent": ReasonRow(
        SERVICES,
        _LESS,
        "Kafka does not answer",
        "no record is confirmed any more; hand-offs go on",
        "look at the brokers: `provbus config check --online`",
    ),
    "kafka-in-clear": ReasonRow(
        SERVICES,
        _LESS,
        "Kafka names brokers beyond loopback (...), and ... would send in clear",
        "nothing is written to its topics or read from them; a start ends with 78",
        "set `kafka.client.security.protocol` to SSL or SASL_SSL, or correct the brokers'"
        " `advertised.listeners`",
    ),
    "topic-missing": ReasonRow(
        SERVICES,
        _LESS,
        "the topic ..., which ...",
        "it is not there, or may not be seen",
        "`provbus topics apply`, or give the right to see it",
    ),
    "topic-leaderless": ReasonRow(
        SERVICES,
        _LESS,
        "a leader of ...: see provbus topics leaders",
        "nobody can read or write that topic",
        '"After a power cut" in `deploy/kafka/README.md`',
    ),
    "topic-unreadable": ReasonRow(
        SERVICES,
        _LESS,
        "the right to read ...",
        "it was taken away",
        "give it back; it then reads on by itself",
    ),
    "topic-unwritable": ReasonRow(
        SERVICES,
        _LESS,
        "the right to write ...",
        "what could not be written is tried again or counted",
        "give it back",
    ),
    "topic-bounds-unknown": ReasonRow(
        SERVICES,
        _LESS,
        "where ... begins and ends: ...",
        "no broker says so, so that topic is not read yet",
        "look at the brokers",
    ),
    "disk-topic-id": ReasonRow(
        SERVICES,
        _LESS,
        "the id of ..., which cannot be kept: ...",
        "the role log is not read before its id is in the state directory",
        "make room",
    ),
    "kafka-client-replaced": ReasonRow(
        SERVICES,
        _LESS,
        "the Kafka ..., which is replaced: ...",
        "the producer or the consumer failed for good, or one of its topics was made anew",
        "another one follows within 10 s",
    ),
}


def reason_samples(status: Status, service: str) -> Iterator[Sample]:
    """1 for each reason that this instance of a service gives now, 0 for the others that it may give."""
    given = {reason.code for reason in judge(status).reasons}
    may_give = (code for code, row in REASONS.items() if service in row.services)
    return labelled("provbus_reason", "code", {code: float(code in given) for code in may_give})
