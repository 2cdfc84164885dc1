"""The install's settings: one YAML file, written by the chart, checked before anything starts."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from trimtab.actuate.settings import CompressSettings, InstallSettings
from trimtab.api.quantities import parse_duration
from trimtab.api.resources import ObjectKey
from trimtab.api.yaml_file import UnreadableYaml, read_yaml
from trimtab.control.lease import LeaseTimes
from trimtab.core.settings import PolicySettings
from trimtab.observe.prometheus import ClientSettings
from trimtab.observe.queries import ReadSettings
from trimtab.observe.tls import TlsFiles

Duration = Annotated[str, Field(max_length=20)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel)


class PrometheusSection(_Section):
    """Where the readings come from, and over which windows."""

    url: Annotated[str, Field(min_length=1)]
    timeout: Duration = "5s"
    bearer_token_file: Path | None = None
    ca_file: Path | None = None
    client_cert_file: Path | None = None
    client_key_file: Path | None = None
    scrape_interval: Duration = "5s"
    fast_window: Duration = "10s"
    long_window: Duration = "60s"
    stale_after: Duration = "30s"
    namespace_label: str = "namespace"
    pod_label: str = "pod"
    extra_matchers: tuple[str, ...] = ()


class ModelsSection(_Section):
    """What models may do in this install."""

    allow_host_path: bool = False


class CompressSection(_Section):
    """How compressions run in the cluster. Without an image none does."""

    image: str = ""
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] = "IfNotPresent"
    image_pull_secrets: tuple[str, ...] = ()
    deadline: Duration = "6h"
    keep: Duration = "24h"

    def settings(self) -> CompressSettings:
        """For the Jobs."""
        return CompressSettings(
            image=self.image,
            image_pull_policy=self.image_pull_policy,
            image_pull_secrets=self.image_pull_secrets,
            deadline_s=max(1, round(parse_duration(self.deadline))),
            keep_s=round(parse_duration(self.keep)),
        )


class LeaseSection(_Section):
    """The Lease by which one replica leads, the others stand by, and how fast it is passed on."""

    namespace: Annotated[str, Field(min_length=1)] = "default"
    name: Annotated[str, Field(min_length=1)] = "trimtab"
    duration: Duration = "15s"
    renew_deadline: Duration = "10s"
    retry_period: Duration = "2s"

    @property
    def place(self) -> ObjectKey:
        """Where it is."""
        return ObjectKey(self.namespace, self.name)

    def times(self) -> LeaseTimes:
        """Raises ValueError where these times do not go together."""
        return LeaseTimes(
            duration_s=parse_duration(self.duration),
            renew_deadline_s=parse_duration(self.renew_deadline),
            retry_s=parse_duration(self.retry_period),
        )


class Settings(_Section):
    """The whole file. `nodes` False: nodes may not be read, so their room is not counted."""

    prometheus: PrometheusSection
    tick: Duration = "5s"
    resync: Duration = "5m"
    namespaces: tuple[str, ...] = ()
    nodes: bool = True
    models: ModelsSection = ModelsSection()
    compress: CompressSection = CompressSection()
    lease: LeaseSection = LeaseSection()
    instance: Annotated[str, Field(max_length=63)] = ""
    log_format: Literal["json", "text"] = "json"
    solver: Literal["auto", "exact"] = "auto"
    room_for_bursts: bool = True

    @property
    def tick_s(self) -> float:
        """Seconds between two decisions."""
        return parse_duration(self.tick)

    @property
    def resync_s(self) -> float:
        """Seconds between two full listings of everything watched."""
        return parse_duration(self.resync)

    def client(self) -> ClientSettings:
        """For the Prometheus client."""
        p = self.prometheus
        return ClientSettings(
            base_url=p.url,
            timeout_s=parse_duration(p.timeout),
            bearer_token_file=p.bearer_token_file,
            tls=TlsFiles(p.ca_file, p.client_cert_file, p.client_key_file),
        )

    def reading(self) -> ReadSettings:
        """For the queries."""
        p = self.prometheus
        return ReadSettings(
            fast_window_s=parse_duration(p.fast_window),
            long_window_s=parse_duration(p.long_window),
            stale_after_s=parse_duration(p.stale_after),
            namespace_label=p.namespace_label,
            pod_label=p.pod_label,
            matchers=p.extra_matchers,
        )

    def policy(self) -> PolicySettings:
        """For the decision: it must know the windows its rates were read over."""
        reading = self.reading()
        policy = PolicySettings(
            fast_window_s=reading.fast_window_s,
            long_window_s=reading.long_window_s,
            solver=self.solver,
        )
        return policy if self.room_for_bursts else replace(policy, late_price_s=0.0)

    def install(self) -> InstallSettings:
        """For the children."""
        return InstallSettings(
            instance=self.instance,
            allow_host_path=self.models.allow_host_path,
            compress=self.compress.settings(),
            scrape_interval_s=max(1, round(parse_duration(self.prometheus.scrape_interval))),
        )


class SettingsError(ValueError):
    """The file cannot be used; the message names each field, its value and the mend."""


def load_settings(path: Path) -> Settings:
    """Reads and checks the file; raises SettingsError."""
    try:
        raw = read_yaml(path)
    except UnreadableYaml as error:
        raise SettingsError(str(error)) from error
    try:
        settings = Settings.model_validate(raw)
        # Each builds what it promises, so that a bad duration is found now and not in a tick.
        settings.client(), settings.reading(), settings.install(), settings.lease.times()
        if settings.tick_s < 1.0:
            raise ValueError(f"tick must be at least 1s; got {settings.tick!r}")
        if settings.solver == "exact" and find_spec("highspy") is None:
            raise ValueError(
                "solver 'exact' needs the package highspy, which is not installed: pip install"
                " trimtab[exact], or set solver: auto"
            )
        if settings.resync_s < settings.tick_s:
            raise ValueError(f"resync must not be shorter than tick; got {settings.resync!r}")
    except ValidationError as error:
        lines = "; ".join(
            f"{'.'.join(str(p) for p in e['loc']) or 'the file'}: {e['msg']}"
            for e in error.errors(include_url=False)
        )
        raise SettingsError(f"{path}: {lines}") from error
    except ValueError as error:
        raise SettingsError(f"{path}: {error}") from error
    return settings
