"""What the wire models are made of: checked strings, keyed lists, and rules across fields.

Every check is stated once and used twice: as schema and CEL in the generated CRD, where the API
server refuses wrong input, and in the parser, for an older CRD and for use without a cluster.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidationError,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError, core_schema

JsonSchema = dict[str, Any]
RULE = "rule"


def custom_error(kind: str, mend: str) -> PydanticCustomError:
    """An error whose text is the mend; handed over as context, so that braces in it are safe."""
    return PydanticCustomError(kind, "{mend}", {"mend": mend})


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule across the fields of a model.

    `cel` holds where the input is right, `broken` where it is wrong; `message` names the field and
    the mend; `field` is the path below the model that the error points at. `broken` is None for
    rules about a change, which only the API server sees; `cel` is empty for those of a file, which
    it never sees.
    """

    cel: str
    message: str
    broken: Callable[[Any], bool] | None
    field: str = ""

    def as_schema(self) -> JsonSchema:
        """The entry of x-kubernetes-validations."""
        schema: JsonSchema = {"rule": self.cel, "message": self.message}
        if self.field:
            schema["fieldPath"] = f".{self.field}"
        return schema


SWITCH = "x-switch"
"""Marks an optional block whose presence asks for something, whatever stands in it: it gets no
default."""


class Wire(BaseModel):
    """Base of every wire model: camelCase, nothing unknown, nothing coerced."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
        use_attribute_docstrings=True,
    )
    rules: ClassVar[tuple[Rule, ...]] = ()

    def has(self, name: str) -> bool:
        """Whether the field was written by the user: CEL's has(), for fields without a default."""
        return name in self.model_fields_set

    @model_validator(mode="after")
    def _hold_rules(self) -> Self:
        broken = [r for r in self.rules if r.broken is not None and r.broken(self)]
        if broken:
            # One ValidationError with a line per rule: pydantic merges it into its own list.
            raise ValidationError.from_exception_data(
                type(self).__name__, [self._line(rule) for rule in broken]
            )
        return self

    def _line(self, rule: Rule) -> InitErrorDetails:
        loc = tuple(rule.field.split(".")) if rule.field else ()
        return InitErrorDetails(type=custom_error(RULE, rule.message), loc=loc, input=None)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchema:
        made = handler.resolve_ref_schema(handler(schema))
        if cls.rules:
            made["x-kubernetes-validations"] = [rule.as_schema() for rule in cls.rules]
        return made


@dataclass(frozen=True, slots=True)
class Text:
    """A string of a given spelling; `mend` says how to write it.

    `also` narrows what the pattern lets through, and `also_cel` says the same in CEL. The pattern
    stands in the schema too, for editors and linters that know no CEL.
    """

    pattern: str
    mend: str
    max_length: int
    min_length: int = 1
    also: Callable[[str], bool] | None = None
    also_cel: str | None = None

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        plain = core_schema.str_schema(strict=True, max_length=self.max_length)
        return core_schema.no_info_after_validator_function(self._check, plain)

    def _check(self, value: str) -> str:
        spelled = re.fullmatch(self.pattern, value) is not None
        if len(value) < self.min_length or not spelled or not self._narrowed(value):
            raise custom_error(RULE, self.mend)
        return value

    def _narrowed(self, value: str) -> bool:
        return self.also is None or self.also(value)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchema:
        cel = f"self.matches({cel_string(self.pattern)})"
        if self.also_cel is not None:
            cel = f"{cel} && {self.also_cel}"
        return {
            "type": "string",
            "minLength": self.min_length,
            "maxLength": self.max_length,
            "pattern": self.pattern,
            "x-kubernetes-validations": [{"rule": cel, "message": self.mend}],
        }


@dataclass(frozen=True, slots=True)
class IntOrText:
    """An integer, or a string of a given spelling; both are checked as text."""

    pattern: str
    mend: str
    max_length: int
    also: Callable[[str], bool] | None = None
    also_cel: str | None = None

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self._check)

    def _check(self, value: Any) -> str:
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise custom_error(RULE, self.mend)
        text = str(value)
        if re.fullmatch(self.pattern, text) is None or (self.also and not self.also(text)):
            raise custom_error(RULE, self.mend)
        return text

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchema:
        # No `pattern` here: with int-or-string it would print twice and say less.
        cel = f"string(self).matches({cel_string(self.pattern)})"
        if self.also_cel is not None:
            cel = f"{cel} && {self.also_cel}"
        return {
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "x-kubernetes-int-or-string": True,
            "maxLength": self.max_length,
            "x-kubernetes-validations": [{"rule": cel, "message": self.mend}],
        }


class ListMap:
    """A list whose entries are told apart by these attributes: server-side apply merges by them."""

    def __init__(self, *attributes: str) -> None:
        self.attributes = attributes
        self.keys = tuple(to_camel(attribute) for attribute in attributes)

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def _check(self, entries: list[Any]) -> list[Any]:
        identities = [tuple(getattr(e, name) for name in self.attributes) for e in entries]
        refuse_duplicates(identities, self.keys)
        return entries

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchema:
        made = handler(schema)
        made["x-kubernetes-list-type"] = "map"
        made["x-kubernetes-list-map-keys"] = list(self.keys)
        return made


class ListSet:
    """A list of distinct scalars."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def _check(self, entries: list[Any]) -> list[Any]:
        refuse_duplicates([(entry,) for entry in entries], ())
        return entries

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchema:
        made = handler(schema)
        made["x-kubernetes-list-type"] = "set"
        return made


def refuse_duplicates(identities: list[tuple[Any, ...]], keys: tuple[str, ...]) -> None:
    """Raise one error line for every entry that repeats an earlier one."""
    subject = " and ".join(keys) or "each entry"
    mend = f"stands in the list twice, but {subject} must be unique: rename or remove one"
    lines = []
    seen: set[tuple[Any, ...]] = set()
    for index, identity in enumerate(identities):
        if identity in seen:
            loc: tuple[int | str, ...] = (index, *keys[:1])
            lines.append(InitErrorDetails(type=custom_error(RULE, mend), loc=loc, input=None))
        seen.add(identity)
    if lines:
        raise ValidationError.from_exception_data("list", lines)


def cel_string(text: str) -> str:
    """The text as a CEL literal; raw, so that a pattern reads as it stands in the schema."""
    if "'" in text or "\n" in text:
        raise ValueError(f"{text!r} holds a quote or a newline: no raw CEL literal can say it")
    return f"r'{text}'"
