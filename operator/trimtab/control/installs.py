"""Which of several installs on one cluster serves a model. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from trimtab.actuate import kinds, names
from trimtab.actuate.children import owned_by
from trimtab.actuate.settings import InstallSettings
from trimtab.api.resources import ObjectKey, RawObject
from trimtab.control.caches import Caches, key_of


def served_elsewhere(caches: Caches, install: InstallSettings) -> Mapping[ObjectKey, str]:
    """The models that are another install's, and its instance.

    A ModelDeployment's label trimtab.dev/instance names the install that serves it. Without the
    label it is that of its Service, the first child that is made: two installs that both see a new
    model write the Service once each, and whose label it bears in the end goes on alone.
    """
    mine = names.label_value(install.instance) if install.instance else ""
    found = {
        key_of(model): _instance(model) if _named(model) else _served_by(caches, model, mine)
        for model in caches.all(kinds.MODEL_DEPLOYMENT)
    }
    return {key: whose for key, whose in found.items() if whose != mine}


def _served_by(caches: Caches, model: RawObject, mine: str) -> str:
    key = key_of(model)
    place = ObjectKey(key.namespace, names.service_name_of(key.name))
    service = caches.get(kinds.SERVICE, place)
    if service is None or not owned_by(service, model["metadata"].get("uid", "")):
        return mine
    return _instance(service)


def _named(obj: RawObject) -> bool:
    return names.INSTALL_LABEL in (obj["metadata"].get("labels") or {})


def _instance(obj: RawObject) -> str:
    return str((obj["metadata"].get("labels") or {}).get(names.INSTALL_LABEL, ""))
