"""What an account may do, and what the API server's audit log says that it did."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

# Of a request that the API server forbids by RBAC; admission, quota and a namespace on its way out
# answer 403 as well, and say otherwise.
_FORBIDS = "cannot "
# Questions about oneself that every authenticated account may ask (the role system:basic-user).
_EVERYBODYS = frozenset({"selfsubjectreviews", "selfsubjectaccessreviews"})
_POD = "authentication.kubernetes.io/pod-name"


class Right(NamedTuple):
    """One verb on one resource, or subresource, of one API group."""

    group: str
    resource: str
    verb: str

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}{'.' if self.group else ''}{self.group}"


def granted(rules: Any) -> Iterator[Right]:
    """The rights in the rules of a role."""
    for rule in rules:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                for verb in rule["verbs"]:
                    yield Right(group, resource, verb)


def rules_of(objects: list[dict[str, Any]], account: str) -> Iterator[dict[str, Any]]:
    """The rules of every role among the objects that is bound to that account."""
    roles = {_name(o): o for o in objects if o["kind"] in ("ClusterRole", "Role")}
    for binding in (o for o in objects if o["kind"] in ("ClusterRoleBinding", "RoleBinding")):
        if account in [s["name"] for s in binding["subjects"]]:
            ref = binding["roleRef"]
            space = binding["metadata"].get("namespace", "") if ref["kind"] == "Role" else ""
            yield from roles[ref["kind"], space, ref["name"]]["rules"]


def _name(role: Mapping[str, Any]) -> tuple[str, str, str]:
    meta = role["metadata"]
    return role["kind"], meta.get("namespace", ""), meta["name"]


@dataclass(frozen=True)
class Audit:
    """The log of one account from a moment on. `folder` holds it, rotated or not. `pods`: of these
    alone; empty for all."""

    folder: Path
    account: str
    since: str
    pods: frozenset[str] = frozenset()

    @classmethod
    def begin(cls, folder: Path, namespace: str, account: str) -> Audit:
        """From now on."""
        return cls(folder, f"system:serviceaccount:{namespace}:{account}", _now())

    def of_pods(self, *pods: str) -> Audit:
        """What these pods asked for: where roles change, one that is on its way out is denied what
        its successor no longer needs."""
        return replace(self, pods=frozenset(pods))

    def used(self) -> set[Right]:
        """What it did and was let do."""
        return {
            right
            for event in self._events()
            if not _forbidden(event)
            for right in rights_of_event(event)
        }

    def denied(self) -> set[str]:
        """What RBAC did not let it do, in words."""
        return {
            f"{event['verb']} {event.get('requestURI', '').partition('?')[0]}"
            for event in self._events()
            if _forbidden(event)
        }

    def _events(self) -> Iterator[dict[str, Any]]:
        for file in sorted(self.folder.glob("audit*.log")):
            with file.open() as lines:
                for line in lines:
                    # The last line may still be in the writing.
                    if self.account in line and line.endswith("\n"):
                        event = json.loads(line)
                        who = event["user"]["username"]
                        late = event["requestReceivedTimestamp"] >= self.since
                        if who == self.account and late and self._is_of_pods(event):
                            yield event

    def _is_of_pods(self, event: Mapping[str, Any]) -> bool:
        told = (event["user"].get("extra") or {}).get(_POD, ())
        return not self.pods or bool(self.pods.intersection(told))


def rights_of_event(event: Mapping[str, Any]) -> Iterator[Right]:
    """What one request needed; nothing where it is about no resource, as discovery is, or
    where nobody is denied it."""
    ref = event.get("objectRef")
    if not ref or "resource" not in ref or ref["resource"] in _EVERYBODYS:
        return
    resource = "/".join(filter(None, (ref["resource"], ref.get("subresource"))))
    yield Right(ref.get("apiGroup", ""), resource, event["verb"])
    # Server-side apply of what is not there yet: the API server asks for create as well.
    if event["verb"] == "patch" and _code(event) == 201:
        yield Right(ref.get("apiGroup", ""), resource, "create")


def _code(event: Mapping[str, Any]) -> int:
    return int((event.get("responseStatus") or {}).get("code", 0))


def _forbidden(event: Mapping[str, Any]) -> bool:
    decision = (event.get("annotations") or {}).get("authorization.k8s.io/decision")
    said = (event.get("responseStatus") or {}).get("message", "")
    return decision == "forbid" or (_code(event) == 403 and _FORBIDS in said)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
