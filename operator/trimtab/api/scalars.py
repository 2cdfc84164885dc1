"""The strings of the wire format: each with its spelling, its bound, and how to write it right."""

from __future__ import annotations

import re
from typing import Annotated

from trimtab.api import quantities as q
from trimtab.api.quantity import parse_quantity
from trimtab.api.wire import IntOrText, Text, cel_string

_SEGMENT = r"[A-Za-z0-9_@.+-]+"
_UP = r"(^|/)\.\.(/|$)"
_NO_UP = f"!self.matches({cel_string(_UP)})"
# Whoever may read the ModelDeployment, its pods or their nodes' logs would read them too.
_USER = r"://[^/]*@"
_LABEL_NAME = r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
_DNS_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_DNS_NAME = rf"{_DNS_LABEL}(\.{_DNS_LABEL})*"
LABEL_KEY = rf"^({_DNS_NAME}/)?{_LABEL_NAME}$"
LABEL_KEY_MAX_LENGTH = 317
OBJECT_NAME = rf"^{_DNS_NAME}$"
OBJECT_NAME_MAX_LENGTH = 253
LABEL_KEY_MEND = (
    "write each key as a label key such as nvidia.com/gpu.product: "
    "letters, digits, '-', '_', '.', and at most one prefix with '/'"
)

# Flags whose values the operator renders, since probes, scraping and draining rest on them; and
# those that would open a further way in, past the model control that is off.
OWNED_FLAGS = (
    "allow-grpc",
    "allow-http",
    "allow-metrics",
    "allow-sagemaker",
    "allow-vertex-ai",
    "cache-config",
    "cache-directory",
    "exit-on-error",
    "exit-timeout-secs",
    "grpc-address",
    "grpc-port",
    "http-address",
    "http-port",
    "load-model",
    "metrics-address",
    "metrics-config",
    "metrics-interval-ms",
    "metrics-port",
    "model-config-name",
    "model-control-mode",
    "model-repository",
    "model-store",
    "repository-poll-secs",
    "response-cache-byte-size",
    "strict-readiness",
)
_OWNED_CEL = f"[{', '.join(cel_string('--' + flag) for flag in OWNED_FLAGS)}]"


def _owned(argument: str) -> bool:
    """Triton takes any unambiguous beginning of a flag for the flag: --model-control-m=explicit
    would turn model control on again."""
    return any(f"--{flag}".startswith(argument.partition("=")[0]) for flag in OWNED_FLAGS)


def _climbs(path: str) -> bool:
    return ".." in path.split("/")


def _duration(limit: str, example: str) -> Text:
    limit_s = q.parse_duration(limit)
    return Text(
        pattern=q.DURATION,
        max_length=q.DURATION_MAX_LENGTH,
        mend=f"write a time above 0 and at most {limit} with its unit (us, ms, s, m or h), "
        f"such as {example}",
        also=lambda text: 0 < q.parse_duration(text) <= limit_s,
        also_cel=f"duration(self) > duration('0s') && duration(self) <= duration('{limit}')",
    )


def _path(root: str, example: str, max_length: int) -> Text:
    return Text(
        pattern=rf"^{_SEGMENT}(/{_SEGMENT})*/?$",
        max_length=max_length,
        mend=f"give a path below {root}, without a leading '/' and without '..', such as {example}",
        also=lambda text: not _climbs(text),
        also_cel=_NO_UP,
    )


def label(max_length: int, mend: str, *, first: str = "a-z0-9") -> Text:
    """A DNS label: what Kubernetes lets a name of a child or a label value be made of."""
    return Text(
        pattern=rf"^[{first}]([-a-z0-9]*[a-z0-9])?$",
        max_length=max_length,
        mend=f"{mend}: at most {max_length} lower-case letters, digits and '-', "
        "starting and ending with a letter or digit",
    )


Latency = Annotated[str, _duration("1h", "50ms, 4100us or 9.5ms")]
Window = Annotated[str, _duration("24h", "5m or 90s")]
Money = Annotated[
    str,
    Text(
        pattern=q.MONEY,
        max_length=q.MONEY_MAX_LENGTH,
        mend="write money as a quoted decimal of 0 or more, without sign, unit or exponent, "
        'such as "4.00"',
    ),
]
Fraction = Annotated[
    str,
    Text(
        pattern=q.FRACTION,
        max_length=q.FRACTION_MAX_LENGTH,
        mend='write an accuracy as a quoted decimal from 0 to 1, such as "0.912"',
    ),
]
Percentile = Annotated[
    str,
    IntOrText(
        pattern=q.PERCENTILE,
        max_length=q.PERCENTILE_MAX_LENGTH,
        mend='write a percentile above 0 and below 100: a whole number such as 99, or "99.9" '
        "in quotes",
        also=lambda text: float(text) > 0,
        also_cel="double(string(self)) > 0.0",
    ),
]
ResourceAmount = Annotated[
    str,
    IntOrText(
        pattern=q.RESOURCE_QUANTITY,
        max_length=q.RESOURCE_QUANTITY_MAX_LENGTH,
        mend="write an amount above 0, a whole number or a quoted Kubernetes quantity "
        'such as "250m" or "4Gi"',
        also=lambda text: any(digit in text for digit in "123456789"),
        also_cel="string(self).matches('[1-9]')",
    ),
]
# Below, the bookkeeping of Triton's cache is all that fits, and Triton does not start.
CacheSize = Annotated[
    str,
    IntOrText(
        pattern=q.RESOURCE_QUANTITY,
        max_length=q.RESOURCE_QUANTITY_MAX_LENGTH,
        mend="write a size from 1Mi to 1Ti, as a quoted Kubernetes quantity such as "
        '"64Mi" or in bytes',
        also=lambda text: parse_quantity("1Mi") <= parse_quantity(text) <= parse_quantity("1Ti"),
        also_cel="quantity(string(self)).compareTo(quantity('1Mi')) >= 0 && "
        "quantity(string(self)).compareTo(quantity('1Ti')) <= 0",
    ),
]
ModelName = Annotated[
    str,
    Text(
        pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$",
        max_length=63,
        mend="name the model as Triton serves it: at most 63 letters, digits, '_', '-' and '.', "
        "starting with a letter, a digit or '_'",
        also=lambda text: ".." not in text,
        also_cel="!self.contains('..')",
    ),
]
VariantName = Annotated[str, label(24, "name the variant")]
ClassName = Annotated[str, label(24, "give the name of an AcceleratorClass")]
ObjectName = Annotated[
    str,
    Text(
        pattern=OBJECT_NAME,
        max_length=OBJECT_NAME_MAX_LENGTH,
        mend="give the name of an object: lower-case letters, digits, '-' and '.', "
        "starting and ending with a letter or digit",
    ),
]
NamespaceName = Annotated[str, label(63, "give the name of a namespace")]
Hostname = Annotated[
    str,
    Text(
        pattern=r"^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
        max_length=253,
        mend="give a host name without scheme and port, such as digits.models.example or "
        "*.models.example: lower-case letters, digits, '-' and '.'",
    ),
]
ConfigMapKey = Annotated[
    str,
    Text(
        pattern=r"^[-._A-Za-z0-9]+$",
        max_length=253,
        mend="give a key of the ConfigMap, such as sample.json: letters, digits, '-', '_' and '.'",
    ),
]
ImageReference = Annotated[
    str,
    Text(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._/:@-]*$",
        max_length=512,
        mend="give an image reference such as registry.example/team/model:1 without spaces",
    ),
]
RelativePath = Annotated[str, _path("the source's root", "models/v2", 512)]
# Shorter: a run's folder and a variant's name come below it, and both make a RelativePath.
OutputPath = Annotated[str, _path("the volume's root", "compressed/classifier", 384)]
ModelFile = Annotated[
    str,
    Text(
        pattern=rf"^{_SEGMENT}(/{_SEGMENT})*\.py$",
        max_length=512,
        mend="give the path of a MODEL.py below the source's root, without a leading '/' and "
        "without '..', such as digits/to_compress.py",
        also=lambda text: not _climbs(text),
        also_cel=_NO_UP,
    ),
]
AbsolutePath = Annotated[
    str,
    Text(
        pattern=rf"^(/{_SEGMENT})+/?$",
        max_length=512,
        mend="give an absolute path on the node without '..', such as /var/lib/models",
        also=lambda text: not _climbs(text),
        also_cel=_NO_UP,
    ),
]
StoreUri = Annotated[
    str,
    Text(
        pattern=r"^(s3|gs|as)://[A-Za-z0-9_@.+:%/-]+$",
        max_length=1024,
        mend="give an address Triton can read: s3://..., gs://... or as://..., without '..', and "
        "with its credentials in source.secretRef",
        also=lambda text: not _climbs(text) and not re.search(_USER, text),
        also_cel=f"{_NO_UP} && !self.matches({cel_string(_USER)})",
    ),
]
TritonFlag = Annotated[
    str,
    Text(
        pattern=r"^--[a-z][a-z0-9-]*(=.*)?$",
        max_length=256,
        mend="write each argument as --flag or --flag=value, and leave out, also shortened, the "
        f"flags that are trimtab's to set ({', '.join(OWNED_FLAGS)})",
        also=lambda text: not _owned(text),
        also_cel=f"!{_OWNED_CEL}.exists(flag, flag.startsWith(self.split('=')[0]))",
    ),
]
LabelKey = Annotated[
    str, Text(pattern=LABEL_KEY, max_length=LABEL_KEY_MAX_LENGTH, mend=LABEL_KEY_MEND)
]
LabelValue = Annotated[
    str,
    Text(
        pattern=rf"^({_LABEL_NAME})?$",
        max_length=63,
        min_length=0,
        mend="give a label value: at most 63 letters, digits, '-', '_' and '.', "
        "starting and ending with a letter or digit",
    ),
]
