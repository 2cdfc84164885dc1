"""A reader of protobuf's text format that keeps track of where each field lies, and the merge of
the plan's values into a config.pbtxt.

Like prepare.py it travels into the model server's image: nothing but the standard library of
Python 3.8 or later, and no import of trimtab.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from typing import TypeAlias

    # A scalar is its own text; a list is a list of values.
    Value: TypeAlias = "str | Message | list[Any]"

MAX_DEPTH = 64

TOKEN = re.compile(
    r"""(?P<skip>\s+|\#[^\n]*)
    |(?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
    |(?P<punct>[{}\[\]<>:,;])
    |(?P<word>-?\s*[A-Za-z0-9_.+][A-Za-z0-9_.+-]*)""",
    re.VERBOSE,
)
CLOSERS = {"{": "}", "<": ">"}


class PbtxtError(Exception):
    """What is wrong with the text, and where."""


class Token(NamedTuple):
    """A piece of text and where it lies."""

    kind: str
    text: str
    start: int
    end: int


class Field(NamedTuple):
    """One `name: value` of a message; `start` and `end` span it and its separator."""

    name: str
    value: Value
    start: int = 0
    end: int = 0


class Message(NamedTuple):
    """The fields between braces."""

    fields: list[Field]


def tokenize(text: str) -> list[Token]:
    """The tokens of a text-format message, without white space and comments."""
    tokens = []
    at = 0
    while at < len(text):
        match = TOKEN.match(text, at)
        if match is None:
            raise PbtxtError(f"{place(text, at)}: unexpected {text[at : at + 10]!r}")
        if match.lastgroup != "skip":
            tokens.append(Token(str(match.lastgroup), match.group(), match.start(), match.end()))
        at = match.end()
    return tokens


def place(text: str, at: int) -> str:
    """Line and column, for messages."""
    line = text.count("\n", 0, at) + 1
    return f"line {line}, column {at - (text.rfind(chr(10), 0, at) + 1) + 1}"


class Parser:
    """A recursive-descent parser of protobuf's text format."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tokenize(text)
        self.at = 0

    def message(self, closer: str | None = None, depth: int = 0) -> list[Field]:
        """The fields up to `closer`, or up to the end."""
        if depth > MAX_DEPTH:
            raise self.error("messages are nested too deeply")
        fields = []
        while not self.peek(closer):
            name = self.take("a field name")
            if name.kind != "word":
                raise self.error(f"expected a field name, found {name.text!r}", name)
            value = self.value(depth, scalar=self.accept(":"))
            if self.peek(",") or self.peek(";"):
                self.at += 1
            fields.append(Field(name.text, value, name.start, self.tokens[self.at - 1].end))
        if closer is not None:
            self.at += 1
        return fields

    def value(self, depth: int, *, scalar: bool) -> Value:
        """A scalar, a message or a list; a scalar only after a colon."""
        token = self.take("a value")
        if token.text in CLOSERS and token.kind == "punct":
            return Message(self.message(CLOSERS[token.text], depth + 1))
        if token.text == "[" and token.kind == "punct":
            return self.items(depth, scalar=scalar)
        if token.kind == "punct" or not scalar:
            raise self.error(f"expected a value, found {token.text!r}", token)
        text = token.text
        while token.kind == "string" and self.at < len(self.tokens):
            if self.tokens[self.at].kind != "string":
                break
            # Strings side by side are one string.
            text += " " + self.take("a string").text
        return text

    def items(self, depth: int, *, scalar: bool) -> list[Any]:
        """The values of a list, up to its bracket."""
        values: list[Any] = []
        while not self.accept("]"):
            if values and not self.accept(","):
                raise self.error("expected ',' or ']' in a list")
            if self.peek("["):
                raise self.error("a list inside a list")
            values.append(self.value(depth, scalar=scalar))
        return values

    def peek(self, text: str | None) -> bool:
        """Whether that mark comes next; None is the end."""
        if self.at >= len(self.tokens):
            return text is None
        token = self.tokens[self.at]
        return token.kind == "punct" and token.text == text

    def accept(self, text: str) -> bool:
        """Take that mark if it comes next."""
        found = self.peek(text)
        self.at += found
        return found

    def take(self, what: str) -> Token:
        """The next token, whatever it is."""
        if self.at >= len(self.tokens):
            raise self.error(f"expected {what}, found the end")
        self.at += 1
        return self.tokens[self.at - 1]

    def error(self, message: str, token: Token | None = None) -> PbtxtError:
        """The error, with its place."""
        if token is None and self.at < len(self.tokens):
            token = self.tokens[self.at]
        return PbtxtError(
            f"{place(self.text, token.start if token else len(self.text))}: {message}"
        )


def render(field: Field) -> str:
    """A field as text, on one line."""
    return f"{field.name}: {render_value(field.value)}"


def render_value(value: Value) -> str:
    """A value as text, on one line."""
    if isinstance(value, Message):
        return "{ " + " ".join(render(f) for f in value.fields) + " }"
    if isinstance(value, list):
        return "[ " + ", ".join(render_value(v) for v in value) + " ]"
    return value


def whole(name: str, value: Value) -> int:
    """The value of the field of that name, as an integer."""
    try:
        return int(str(value), 0)
    except ValueError:
        shown = value if isinstance(value, str) else render_value(value)
        raise PbtxtError(f"{name} is {shown}, not a whole number") from None


def number(field: Field) -> int:
    """The field's value as an integer."""
    return whole(field.name, field.value)


def named(fields: list[Field], name: str) -> list[Field]:
    """All fields of that name."""
    return [f for f in fields if f.name == name]


def values(fields: list[Field], name: str) -> list[Any]:
    """All values of a repeated field, whether it is written as one list or many times."""
    found: list[Any] = []
    for field in named(fields, name):
        found.extend(field.value if isinstance(field.value, list) else [field.value])
    return found


def messages(fields: list[Field], name: str) -> list[Message]:
    """All values of a field that holds messages."""
    found = values(fields, name)
    if not all(isinstance(v, Message) for v in found):
        raise PbtxtError(f"{name} must be a message in braces")
    return found


def put(fields: list[Field], name: str, value: Value | None) -> list[Field]:
    """The fields with that one set, or without it where the value is None."""
    kept = [f for f in fields if f.name != name]
    return kept if value is None else [*kept, Field(name, value)]


class Merge:
    """The user's config.pbtxt with the plan's values; `notes` say what had no effect, and why."""

    def __init__(self, text: str, overlay: dict[str, Any]) -> None:
        self.text = text
        self.overlay = overlay
        self.fields = Parser(text).message()
        self.notes: list[str] = []
        self.changed: dict[str, list[Field]] = {}

    def merged(self) -> str:
        """The new text: what is not changed stays as it was written, comments and all."""
        if self.overlay.get("response_cache"):
            self.cache()
        if self.is_ensemble:
            # It runs nothing itself: a smaller batch would only refuse requests.
            but = ", but for the response cache" if self.changed else ""
            self.notes.append(f"an ensemble: its config.pbtxt is used as it is{but}")
            return self.spliced() if self.changed else self.text
        self.check_name()
        batch = self.batch_size()
        if batch > 0 and not named(self.fields, "sequence_batching"):
            self.changed["dynamic_batching"] = [Field("dynamic_batching", self.batching(batch))]
        self.instances()
        self.warmups(max(1, batch))
        return self.spliced()

    @property
    def is_ensemble(self) -> bool:
        """Whether the model is made of other models."""
        return bool(named(self.fields, "ensemble_scheduling"))

    def check_name(self) -> None:
        """Triton refuses a name that is not the folder's, less clearly."""
        for field in named(self.fields, "name"):
            text = str(field.value)
            if "\\" not in text and text[1:-1] not in ("", self.overlay["model"]):
                raise PbtxtError(
                    f"name is {text}, but the model's folder is {self.overlay['model']!r}: "
                    "make them the same, or leave the name out"
                )

    def cache(self) -> None:
        """Answers are kept, unless the user's file says that this model's may not be."""
        if self.uncacheable:
            # Triton refuses the model in words that name no field of the user's.
            raise PbtxtError(
                f"the model has {self.uncacheable}, and Triton keeps no answers of such a model: "
                "remove spec.triton.responseCache"
            )
        given = [f for m in messages(self.fields, "response_cache") for f in m.fields]
        if any(f.value == "false" for f in named(given, "enable")):
            self.notes.append("response_cache has enable: false, which is kept: nothing is cached")
            return
        enabled = Message(put(given, "enable", "true"))
        self.changed["response_cache"] = [Field("response_cache", enabled)]

    @property
    def uncacheable(self) -> str:
        """What of the model rules a response cache out; empty where nothing does."""
        if named(self.fields, "sequence_batching"):
            return "sequence_batching"
        policies = messages(self.fields, "model_transaction_policy")
        decoupled = [f for p in policies for f in named(p.fields, "decoupled")]
        return "decoupled: true" if any(f.value == "true" for f in decoupled) else ""

    def batch_size(self) -> int:
        """The largest batch; what the user's file sets is what the model can do."""
        cap = int(self.overlay["max_batch_size"])
        given = named(self.fields, "max_batch_size")
        shaped = named(self.fields, "input") or named(self.fields, "output")
        # Shapes written without max_batch_size hold the batch dimension already: a size would add
        # a second one.
        able = 0 if shaped else cap
        if given:
            able = number(given[-1])
        if able == 0:
            self.notes.append(f"max_batch_size is 0, the model takes no batches: {cap} is not set")
            return 0
        batch = min(able, cap)
        self.changed["max_batch_size"] = [Field("max_batch_size", str(batch))]
        return batch

    def batching(self, batch: int) -> Message:
        """The user's dynamic_batching with the plan's delays and queue, within the batch size."""
        given = messages(self.fields, "dynamic_batching")
        fields = [f for message in given for f in message.fields]
        delay = self.overlay["max_queue_delay_microseconds"]
        if delay is not None:
            fields = put(fields, "max_queue_delay_microseconds", str(int(delay)))
        name = "preferred_batch_size"
        preferred = [v for v in values(fields, name) if whole(name, v) <= batch]
        fields = put(fields, name, preferred or None)
        ordered = any(f.value == "true" for f in named(fields, "preserve_ordering"))
        policy = self.queue_policy(messages(fields, "default_queue_policy"), ordered=ordered)
        return Message(put(fields, "default_queue_policy", Message(policy) if policy else None))

    def queue_policy(self, given: list[Message], *, ordered: bool) -> list[Field]:
        """The user's policy with the plan's bound and timeout; a timeout of his own stays.

        ordered: answers leave in the order of their requests, so that one that goes last would hold
        up all that came after it.
        """
        policy = [f for message in given for f in message.fields]
        size = int(self.overlay["max_queue_size"])
        if size > 0:
            policy = put(policy, "max_queue_size", str(size))
        timeout = self.overlay["queue_timeout_microseconds"]
        if timeout is None:
            return policy
        if ordered:
            self.notes.append("preserve_ordering is set: late requests keep their turn")
            return policy
        name = "default_timeout_microseconds"
        if named(policy, name) or named(policy, "timeout_action"):
            self.notes.append("default_queue_policy has a timeout of its own, which is kept")
            return policy
        # DELAY: who has waited so long goes behind those who have not, and none is refused.
        return put(put(policy, "timeout_action", "DELAY"), name, str(int(timeout)))

    def instances(self) -> None:
        """The plan's count in the user's instance group, which keeps its kind and devices."""
        groups = messages(self.fields, "instance_group")
        count = str(int(self.overlay["instance_count"]))
        if len(groups) > 1:
            self.notes.append(f"{len(groups)} instance groups: their counts are kept")
            return
        group = Message(put(groups[0].fields if groups else [], "count", count))
        self.changed["instance_group"] = [Field("instance_group", [group])]

    def warmups(self, batch: int) -> None:
        """A warm-up with a batch larger than the model now takes would be refused."""
        warmups = messages(self.fields, "model_warmup")
        if any(number(f) > batch for w in warmups for f in named(w.fields, "batch_size")):
            self.changed["model_warmup"] = [
                Field("model_warmup", Message(self.clamped(w.fields, batch))) for w in warmups
            ]

    @staticmethod
    def clamped(fields: list[Field], batch: int) -> list[Field]:
        """The warm-up's fields with a batch size the model takes."""
        return [
            f._replace(value=str(min(number(f), batch))) if f.name == "batch_size" else f
            for f in fields
        ]

    def spliced(self) -> str:
        """The text without the changed fields, and those at its end."""
        kept = []
        at = 0
        for field in self.fields:
            if field.name in self.changed:
                kept.append(self.text[at : field.start])
                at = field.end
        kept.append(self.text[at:])
        lines = [render(f) for fields in self.changed.values() for f in fields]
        return "".join(kept).rstrip() + "\n\n# Set by trimtab.\n" + "\n".join(lines) + "\n"
