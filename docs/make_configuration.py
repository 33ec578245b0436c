"""Writes ``docs/configuration.md`` from the schemas and from the files under ``conf/``.

A schema is a dataclass; what a field means is the comment behind it, or above it, in its source. So
the page says what the code says: ``make docs`` writes it anew, and a test fails where it is not up
to date.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import inspect
import io
import re
import sys
import tokenize
import types
import typing
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from omegaconf import MISSING

from diffsim.bench.config import BenchConfig
from diffsim.checks.config import CheckConfig
from diffsim.evaluation.config import EvalConfig
from diffsim.experiment.config import KINDS, RunConfig
from diffsim.reporting.config import ReportConfig

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "configuration.md"

COMMANDS: dict[str, type] = {
    "diffsim-run": RunConfig,
    "diffsim-eval": EvalConfig,
    "diffsim-check": CheckConfig,
    "diffsim-bench": BenchConfig,
    "diffsim-report": ReportConfig,
}
COMMENT_ONLY = ("robot", "recipe", "experiment")
"""Groups whose files are too long to be listed: what they are for is said, and no more."""

INTRODUCTION = """\
# Configuration: every key

Written by `make docs` from the schemas in the code and the files under `conf/`: change those, not
this page. A key is overridden on the command line by `KEY=VALUE`; `NAME` stands for a name of your
own, or of the robot's file (`robot.bodies.ball.mass=5`).

    diffsim-run optimizer.learning_rate=2 robot.friction=0.5
    diffsim-run --cfg job                              # print what comes out of it, and stop
    diffsim-run '+variables={grip: {path: robot.friction, lower: 0.1, upper: 2.0}}'

- **A group** (`robot`, `task`, `controller`, `variables`, `optimizer`, `solver`, `device`,
  `recipe`, `experiment`) is chosen by a name, `optimizer=cmaes`: of a file in `conf/` or, with
  `--config-dir mine`, in a folder of yours; or of a kind (`controller=dense`), which has the
  defaults in the tables here. What a file says goes before those; what you override before both.
- **A recipe** says what a robot is usually for: task, controller, variables, and settings for each
  optimiser. It holds where neither the command nor a preset of `experiment` chooses. A robot
  without a recipe has the settings of the group files, which are made for a net: `optimizer=adam`
  has a learning rate of 0.001.
- `+key=value` adds to a mapping what is not in it yet, `~key` removes something, and quotes keep
  the shell off brackets and braces. `null` is nothing, `inf` infinite, lists are `[1,2]`; one
  number of a list has its index behind the key (`robot.bodies.ball.velocity.0=3`).
- Unknown keys, values of another type and values that are not allowed end the command with one line
  and exit code 2, before anything is computed.
- A few messages are in Hydra's words: that an override cannot be read (`Error parsing override`,
  `no viable alternative`: a bracket or quote is missing), that a group has no such choice (`Could
  not find 'robot/unknown'`, with those that there are), and that a value has another type (`could
  not be converted to Float`).
- Units: metres, kilograms, seconds, newtons, radians; a field's own unit is in brackets.
"""


class Field(NamedTuple):
    """A row of a table."""

    name: str
    kind: str
    default: str
    allowed: str
    meaning: str


def page() -> str:
    """The whole page."""
    places = _places()
    parts = [INTRODUCTION]
    for command, schema in COMMANDS.items():
        parts.append(f"## {command}\n\n{_described(schema, command, places)}")
    done: set[type] = set(COMMANDS.values())
    for schema, prefixes in places.items():
        group = prefixes[0].split(".")[0]
        if schema in done or (group in KINDS and "." not in prefixes[0]):
            continue
        done.add(schema)
        body = _described(schema, prefixes[0], places)
        if len(prefixes) > 1:
            body = f"Also `{'`, `'.join(prefixes[1:])}`. {body}"
        parts.append(f"## {prefixes[0]}\n\n{body}")
        if "." not in prefixes[0] and (ROOT / "conf" / group).is_dir():
            parts.append(_choices(group))
        if prefixes[0] == "variables.NAME":
            parts.append(_choices("variables"))
    for group, table in KINDS.items():
        parts.append(f"## {group}\n\nOne of {len(table.own)} kinds. {_choices(group)}")
        for name in table.own:
            schema = table[name].Config
            parts.append(f"### {group}: {name}\n\n{_described(schema, group, places)}")
    parts.append(f"## recipe\n\nUsual choices of each robot. {_choices('recipe')}")
    parts.append(
        f"## experiment\n\nPresets, which set keys of all groups. {_choices('experiment')}"
    )
    return "\n".join(part.rstrip() + "\n" for part in parts)


def _places() -> dict[type, list[str]]:
    """Every schema that has a table of its own, and the keys under which it occurs."""
    found: dict[type, list[str]] = {}

    def visit(schema: type, prefix: str) -> None:
        places = found.setdefault(schema, [])
        if prefix in places:
            return
        places.append(prefix)
        for field, expected in _fields(schema):
            child = _schema_in(expected)
            if child is not None:
                named = ".NAME" if _origin(expected) is dict else ""
                visit(child, f"{prefix}.{field.name}{named}".lstrip("."))

    for schema in COMMANDS.values():
        for field, expected in _fields(schema):
            child = _schema_in(expected)
            if child is not None:
                visit(child, field.name + (".NAME" if _origin(expected) is dict else ""))
    for group, table in KINDS.items():
        for name in table.own:
            visit(table[name].Config, group)
    return found


def _described(schema: type, prefix: str, places: dict[type, list[str]]) -> str:
    """Describe a schema and its fields."""
    text = _as_markdown(inspect.getdoc(schema) or "")
    rows = [_row(field, expected, schema, places) for field, expected in _fields(schema)]
    lines = [text, "", "| key | type | default | allowed | meaning |", "|---|---|---|---|---|"]
    own = prefix not in COMMANDS
    for row in rows:
        key = f"{prefix}.{row.name}" if own else row.name
        cells = (f"`{key}`", row.kind, row.default, row.allowed, row.meaning)
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(lines)


def _row(
    field: dataclasses.Field[Any], expected: Any, schema: type, places: dict[type, list[str]]
) -> Field:
    child = _schema_in(expected)
    if field.name in KINDS and schema is RunConfig:
        kinds = ", ".join(KINDS[field.name].own)
        link = f"[a group](#{_anchor(field.name)})"
        return Field(field.name, link, "", kinds, _comment(schema, field.name))
    if child is not None:
        heading = places[child][0]
        many = "mapping of names to " if _origin(expected) is dict else ""
        kind = f"{many}[{heading}](#{_anchor(heading)})"
        default = "none" if many else ""
        return Field(field.name, kind, default, "", _comment(schema, field.name))
    return Field(
        field.name,
        _type(expected),
        _default(field),
        _allowed(field.metadata),
        _comment(schema, field.name),
    )


def _fields(schema: type) -> list[tuple[dataclasses.Field[Any], Any]]:
    hints = typing.get_type_hints(schema)
    found = [(field, hints[field.name]) for field in dataclasses.fields(schema)]
    return sorted(found, key=lambda pair: pair[0].name != "kind")  # what it is comes first


def _origin(expected: Any) -> Any:
    return typing.get_origin(expected) or expected


def _schema_in(expected: Any) -> type | None:
    """The schema of a field, or of what its mapping has."""
    if _origin(expected) is dict:
        expected = typing.get_args(expected)[1]
    if _origin(expected) in (typing.Union, types.UnionType):  # a schema, or null
        expected = next(o for o in typing.get_args(expected) if o is not types.NoneType)
    return expected if dataclasses.is_dataclass(expected) and isinstance(expected, type) else None


def _type(expected: Any) -> str:
    words = {float: "number", int: "whole number", bool: "true or false", str: "text"}
    if expected is Any:
        return "any"
    if _origin(expected) in (typing.Union, types.UnionType):
        options = [o for o in typing.get_args(expected) if o is not types.NoneType]
        return " or ".join([*map(_type, options), "null"])
    arguments = typing.get_args(expected)
    if _origin(expected) is list:
        return f"list of {_plural(_type(arguments[0]))}"
    if _origin(expected) is dict:
        return "mapping" if arguments[1] is Any else f"mapping to {_plural(_type(arguments[1]))}"
    return words[expected]


def _plural(word: str) -> str:
    return word if word == "true or false" else re.sub(r"^(list|\w+( number)?)", r"\1s", word)


def _default(field: dataclasses.Field[Any]) -> str:
    if field.default_factory is not dataclasses.MISSING:
        return f"`{_value(field.default_factory())}`"
    if field.default is dataclasses.MISSING or field.default == MISSING:
        return "must be given"
    return f"`{_value(field.default)}`" if field.default != "" else "none"


def _value(value: Any) -> str:
    """Value as a YAML file has it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{name}: {_value(item)}' for name, item in value.items())}}}"
    return str(value)


def _allowed(rule: typing.Mapping[str, Any]) -> str:
    signs = {"above": ">", "at_least": "≥", "below": "<", "at_most": "≤"}
    said = [f"{sign} {rule[n]:g}" for n, sign in signs.items() if rule.get(n) is not None]
    if rule.get("choices"):
        said.append(", ".join(rule["choices"]))
    if rule.get("length") is not None:
        said.append(f"{rule['length']} of them")
    if rule.get("infinite"):
        said.append("or infinite")
    return ", ".join(said)


def _comment(schema: type, name: str) -> str:
    """Comment on a field in the source: behind it and, if that is a comment, right above it."""
    owner = next(base for base in schema.__mro__ if name in inspect.get_annotations(base))
    behind, above = _comments_of(sys.modules[owner.__module__])[owner.__name__, name]
    said = behind
    if above:
        said = f"{behind}. {above}" if behind else above
    return _as_markdown(said)


@functools.cache
def _comments_of(module: types.ModuleType) -> dict[tuple[str, str], tuple[str, str]]:
    """Comments on every field of every class in a module, behind and above."""
    source = inspect.getsource(module)
    comments: dict[int, tuple[str, bool]] = {}  # by line: the text, and whether it is alone there
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            alone = not token.line[: token.start[1]].strip()
            comments[token.start[0]] = (token.string.lstrip("# ").strip(), alone)
    found = {}
    for part in ast.parse(source).body:
        for item in part.body if isinstance(part, ast.ClassDef) else ():
            if not isinstance(item, ast.AnnAssign) or not isinstance(item.target, ast.Name):
                continue
            lines = range(item.lineno, (item.end_lineno or item.lineno) + 1)
            behind = " ".join(comments[line][0] for line in lines if line in comments)
            above: list[str] = []
            line = item.lineno - 1
            while line in comments and comments[line][1]:
                above.insert(0, comments[line][0])
                line -= 1
            assert isinstance(part, ast.ClassDef)
            found[part.name, item.target.id] = (behind, " ".join(above))
    return found


def _choices(group: str) -> str:
    """Choices of a group: what each sets, other than its schema's default, and what it is for."""
    lines = ["Choices:", "", "| choice | sets | what it is |", "|---|---|---|"]
    if group in COMMENT_ONLY:
        lines = ["Choices:", "", "| choice | what it is |", "|---|---|"]
    paths = sorted((ROOT / "conf" / group).glob("*.yaml"))
    for name in KINDS[group].own if group in KINDS else ():
        if name not in {path.stem for path in paths}:  # a kind by itself, with its defaults
            said = (inspect.getdoc(KINDS[group][name].Config) or "").splitlines()[0]
            link = f"[`{name}`](#{_anchor(f'{group}: {name}')})"
            lines.append(f"| {link} |  | {_as_markdown(said)} |")
    for path in paths:
        text = path.read_text()
        first = re.match(r"(?:# @package \S+\n)?((?:#.*\n)*)", text)
        assert first is not None
        said = " ".join(line.lstrip("# ") for line in first.group(1).splitlines())
        link = f"[`{path.stem}`](../{path.relative_to(ROOT)})"
        if group in COMMENT_ONLY:
            lines.append(f"| {link} | {_as_markdown(said)} |")
            continue
        content = yaml.safe_load(text)
        schema = _schema_of(group, content.pop("defaults", []))
        usual = dataclasses.asdict(schema()) if schema else {}
        differing = [
            f"{k}: {_value(v)}" for k, v in content.items() if k not in usual or usual[k] != v
        ]
        sets = f"`{', '.join(differing)}`" if differing else ""
        lines.append(f"| {link} | {sets} | {_as_markdown(said)} |")
    return "\n".join(lines)


def _schema_of(group: str, defaults: list[Any]) -> type | None:
    """The schema that a file of a group is based on."""
    for entry in defaults:
        if isinstance(entry, str) and (found := re.match(r"schema/(\w+)@", entry)):
            schema: type = KINDS[group][found.group(1)].Config
            return schema
    own = [field for field, _ in _fields(RunConfig) if field.name == group]
    expected = typing.get_type_hints(RunConfig)[own[0].name]
    return expected if dataclasses.is_dataclass(expected) and isinstance(expected, type) else None


def _as_markdown(text: str) -> str:
    """Docstrings have ``code``, pages `code`; what looks like a tag or emphasis stays as it is."""
    text = re.sub(r"``(.+?)``", r"`\1`", text)
    return "".join(
        part if part.startswith("`") else part.replace("<", "&lt;").replace("*", "\\*")
        for part in re.split(r"(`[^`]*`)", text)
    )


def _anchor(heading: str) -> str:
    """Anchor of a heading, as it is made on pages of a repository."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


if __name__ == "__main__":
    PAGE.write_text(page())
    print(f"{PAGE.relative_to(ROOT)} is written")
