"""The local API: the operations of the local sockets, with their requests and answers.

The JSON Schemas and `docs/reference/local-api.md` are generated from this table, and a refusal lists an
instance's operations by it. Tests check the machines' answers against it: each machine has a handler for
every operation that is its own.
"""

from typing import NamedTuple

from bus.contract import Contract
from bus.messages import LocalDoor
from services.instance.contracts import fileid, refusal, role, settings, status, trace, transport
from services.instance.contracts.field import Nothing

MINTERS = ("dhcp", "mps")
ALL = (*MINTERS, "cfm")
BOTH = (LocalDoor.HOST, LocalDoor.ADMIN)
OPERATORS = (LocalDoor.ADMIN,)


class Error(NamedTuple):
    """An error of a refused request: its meaning for the asker, and the shape of the answer."""

    means: str
    answer: type[Contract] = refusal.Refusal


ERRORS: dict[str, Error] = {
    "try_again": Error("The request is right, and cannot be met now. The same one may be met later."),
    "bad_request": Error("The request is wrong: its operation, a field, or what its settings say."),
    "refused": Error("The request is right, and is not granted as things stand."),
    "unknown": Error(
        "There is no file of this name for this address. A TFTP server stays silent too.", refusal.Unknown
    ),
    "bad_settings": Error("The catalogue has mistakes. Nothing was changed.", refusal.BadSettings),
    "indeterminate": Error(
        "Nobody knows yet whether it was done. `settings` tells. After a fault of the instance's own it is"
        " the answer to any operation."
    ),
}


class Operation(NamedTuple):
    """One operation: the services that answer it, and at which doors, its fields beside `op` and `id`, the
    shapes of its answers beside `id`, and the words of its errors. `does` is one plain sentence. With
    `needs_vote` a CFM without a vote does not have it.
    """

    name: str
    services: tuple[str, ...]
    doors: tuple[LocalDoor, ...]
    fields: type[Contract]
    answers: tuple[type[Contract], ...]
    errors: tuple[str, ...]
    does: str
    needs_vote: bool = False


_OPERATIONS = (
    Operation(
        "fileid.create",
        MINTERS,
        BOTH,
        fileid.CreateRequest,
        (fileid.CreateAnswer,),
        ("try_again", "bad_request"),
        "Makes a file name for a device that is leased an address, and hands its row to a CFM.",
    ),
    Operation(
        "authority",
        MINTERS,
        BOTH,
        role.AuthorityRequest,
        (role.AuthorityAnswer, role.StaticAuthorityAnswer),
        ("bad_request",),
        "Says whether, and until when, the sidecar and its host service may act.",
    ),
    Operation(
        "host.attach",
        MINTERS,
        BOTH,
        role.AttachRequest,
        (role.AttachAnswer, role.StaticAttachAnswer),
        ("try_again", "refused"),
        "Attaches the process that asks as the host service of the sidecar.",
    ),
    Operation(
        "host.yielded",
        MINTERS,
        BOTH,
        Nothing,
        (role.YieldedAnswer,),
        ("refused",),
        "Says that the attached host service has stopped to act, so nobody waits for its lease.",
    ),
    Operation(
        "host.reloads",
        MINTERS,
        BOTH,
        role.ReloadsRequest,
        (role.ReloadsAnswer,),
        ("bad_request",),
        "Says that somebody makes Kea reload, so its silence does not count as a failure.",
    ),
    Operation(
        "failover.status",
        MINTERS,
        OPERATORS,
        Nothing,
        (role.ElectedStanding, role.AppointedStanding, role.GrantedStanding, role.StaticStanding),
        (),
        "Says where the sidecar stands for its role.",
    ),
    Operation(
        "failover.drain",
        MINTERS,
        OPERATORS,
        role.SwitchRequest,
        (role.DrainAnswer,),
        ("try_again", "bad_request"),
        "Has the sidecar give its role back for good; one without a role goes on.",
    ),
    Operation(
        "failover.lock",
        MINTERS,
        OPERATORS,
        role.SwitchRequest,
        (role.LockAnswer,),
        ("try_again", "bad_request"),
        "Keeps the sidecar from taking its role; what it won it keeps, an appointed primary stops.",
    ),
    Operation(
        "failover.promote",
        MINTERS,
        OPERATORS,
        role.PromoteRequest,
        (role.PromoteAnswer,),
        ("try_again", "bad_request", "refused"),
        "Makes the sidecar the primary, whoever is it now.",
    ),
    Operation(
        "failover.era",
        MINTERS,
        OPERATORS,
        role.EraRequest,
        (role.EraAnswer,),
        ("try_again", "bad_request"),
        "Begins an era of the role log: every primary stops, and everything decided before is stale.",
    ),
    Operation(
        "settings",
        ALL,
        OPERATORS,
        settings.SettingsRequest,
        (settings.SettingsAnswer,),
        ("bad_request",),
        "Says which catalogue of settings is in force.",
    ),
    Operation(
        "settings.apply",
        MINTERS,
        OPERATORS,
        settings.ApplyRequest,
        (settings.ApplyAnswer, settings.UnchangedAnswer),
        ("try_again", "bad_request", "bad_settings", "indeterminate"),
        "Puts another catalogue of settings in force, everywhere.",
    ),
    Operation(
        "settings.history",
        ALL,
        OPERATORS,
        Nothing,
        (settings.HistoryAnswer,),
        (),
        "Says which generations of the settings the instance keeps, and who made them.",
    ),
    Operation(
        "settings.rollback",
        MINTERS,
        OPERATORS,
        settings.RollbackRequest,
        (settings.ApplyAnswer, settings.UnchangedAnswer),
        ("try_again", "bad_request", "bad_settings", "indeterminate", "refused"),
        "Puts the classes and rules of a former generation in force again, everywhere.",
    ),
    Operation(
        "status",
        ALL,
        BOTH,
        Nothing,
        (status.SidecarStatus, status.CfmStatus),
        (),
        "Says what the instance sees and counts since its start.",
    ),
    Operation(
        "transport.status",
        ALL,
        OPERATORS,
        Nothing,
        (transport.TransportStatus,),
        (),
        "Says by which columns messages travel, and how far a switch is.",
    ),
    Operation(
        "transport.parity",
        ALL,
        OPERATORS,
        Nothing,
        (transport.ParityAnswer,),
        ("refused",),
        "Says which messages came by both columns, and which by one alone.",
    ),
    Operation(
        "transport.switch",
        ALL,
        OPERATORS,
        transport.SwitchTransportRequest,
        (
            transport.SwitchTransportAnswer,
            transport.ObstaclesAnswer,
            transport.FinishAnswer,
        ),
        ("try_again", "bad_request", "refused"),
        "Switches the fleet to another mode, calls that off, or closes the former column.",
    ),
    Operation(
        "trace",
        ALL,
        OPERATORS,
        trace.TraceRequest,
        (trace.TraceAnswer,),
        ("bad_request",),
        "Says what the instance remembers of a device or of a FileID.",
    ),
    Operation(
        "fileid.lookup",
        ("cfm",),
        BOTH,
        fileid.LookupRequest,
        (fileid.LookupAnswer,),
        ("bad_request", "unknown"),
        "Asks for the file of a read that somebody else's TFTP server was asked for.",
    ),
    Operation(
        "fileid.done",
        ("cfm",),
        BOTH,
        fileid.DoneRequest,
        (fileid.DoneAnswer,),
        ("bad_request", "unknown"),
        "Says that the device has its file, to the last block.",
    ),
    Operation(
        "failover.admit",
        ("cfm",),
        OPERATORS,
        role.AdmitRequest,
        (role.AdmitAnswer,),
        ("try_again", "bad_request", "refused"),
        "Has a CFM vote that abstains, because it is new or its disk was lost.",
        needs_vote=True,
    ),
)
OPERATIONS: dict[str, Operation] = {one.name: one for one in _OPERATIONS}
"""Every operation, in the order in which the refusal of an unknown one lists them."""
