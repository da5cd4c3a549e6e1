"""The rights of clients on a cluster with an authorizer: all, but for those that are taken away here.

A topic with any rule denies operations that no rule allows. So taking a right away first grants all rights by
name, and then denies that one, which takes precedence.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from bus.errors import UnavailableError

CLIENTS = "User:ANONYMOUS"
EVERY_TOPIC = "*"
CLUSTER = "kafka-cluster"
ASK_S = 10.0
VISIBLE_S_MAX = 10.0  # a rule is in force at every broker a moment after it was taken
_LOOK_AGAIN_S = 0.1

Change = Callable[[AdminClient], None]


def take_away(settings: Mapping[str, Any], operation: str, topics: Iterable[str]) -> None:
    """Deny all clients to `read` or `write` these topics. Without the right to write to any topic at all
    (`EVERY_TOPIC`) an idempotent producer cannot even begin.
    """
    rules = [(ResourceType.TOPIC, name, AclOperation[operation.upper()]) for name in topics]
    if operation == "write" and any(name == EVERY_TOPIC for _, name, _ in rules):
        rules.append((ResourceType.BROKER, CLUSTER, AclOperation.IDEMPOTENT_WRITE))
    wanted = [_rule(kind, name, AclOperation.ALL, AclPermissionType.ALLOW) for kind, name, _ in rules]
    wanted += [_rule(kind, name, denied, AclPermissionType.DENY) for kind, name, denied in rules]
    with AdminClient(dict(settings)) as admin:
        _ask(lambda: admin.create_acls(wanted))
        _wait_until(lambda: len(_denials(admin)) >= len(rules), "the rights to be taken away")


def give_back(settings: Mapping[str, Any]) -> None:
    """Allow all clients all operations again."""
    with AdminClient(dict(settings)) as admin:
        _ask(lambda: admin.delete_acls([_every(AclPermissionType.DENY)]))
        _wait_until(lambda: not _denials(admin), "the rights to be given back")


def _rule(kind: Any, name: str, operation: Any, permission: Any) -> Any:
    return AclBinding(kind, name, ResourcePatternType.LITERAL, CLIENTS, "*", operation, permission)


def _every(permission: Any) -> Any:
    anything: Any = None
    return AclBindingFilter(
        ResourceType.ANY,
        anything,
        ResourcePatternType.ANY,
        CLIENTS,
        anything,
        AclOperation.ANY,
        permission,
    )


def _denials(admin: AdminClient) -> list[Any]:
    return [*admin.describe_acls(_every(AclPermissionType.DENY), request_timeout=ASK_S).result(ASK_S)]


def _ask(request: Callable[[], Mapping[Any, Any]]) -> None:
    try:
        for answer in request().values():
            answer.result(ASK_S)
    except (KafkaException, TimeoutError) as error:
        raise UnavailableError(f"the brokers did not change the rights of clients: {error}") from error


def _wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + VISIBLE_S_MAX
    while not condition():
        if time.monotonic() > deadline:
            raise UnavailableError(f"waited {VISIBLE_S_MAX:g} s in vain for {what}")
        time.sleep(_LOOK_AGAIN_S)
