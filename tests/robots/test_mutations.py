"""Whatever is done to a robot's file, it is accepted or refused in one line, and nothing else.

Mutants of the robots in ``conf/robot`` take the way of the command line, from YAML to the checks.
About nine in ten are refused; the others are harmless changes, of a number or a name, say.
"""

from __future__ import annotations

import copy
import io
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import yaml
from omegaconf import OmegaConf

from diffsim.cli.command import CONFIG_ERRORS
from diffsim.cli.configuration import compose_bench_config, register_resolvers, typed_config
from diffsim.cli.errors import LONGEST_MESSAGE, describe
from diffsim.experiment.config import RunConfig
from diffsim.robots.check import check_robot
from diffsim.robots.config import RobotConfig
from diffsim.robots.load import _read
from diffsim.validation import check

MUTANTS = 10_000
CHUNK = 250  # the first of them is run by default, the others by `make test-slow`
SEED = 20190619
LONGEST_S = 5.0  # for one mutant; the largest robot takes 0.5 s on a slow computer
LEAST_REFUSED = 0.6  # a share well below the usual one: fewer would mean that checks are missing
COMPOSED = 12  # mutants that go through Hydra itself

MECHANISM = """
name: mechanism
bodies:
  cart: {shape: box, size: [0.3, 0.2, 0.1]}
  arm: {shape: box, size: [0.1, 0.1, 1.0]}
  tip: {shape: sphere, radius: 0.1, frictionless: true}
  ring: {shape: sphere, radius: 0.2, position: [1.0, 0.0, 0.2], inertia: [1.0, 1.0, 1.5]}
joints:
  rail: {type: slider, parent: world, child: cart, lower: [-1.0], upper: [2.0]}
  neck: {type: universal, parent: cart, child: arm, position: [0.1, 0.2], lower: [-1.0, -.inf]}
  end: {type: ball, parent: arm, child: tip, frequency: 20.0, orientation: [1.0, 0.0, 1.0, 0.0]}
  loose: {type: free, parent: world, child: ring}
  tie: {type: hinge, parent: tip, child: ring, closes_loop: true}
motors:
  drive: {joint: rail, max_force: 1.0, command_range: [-1.0, 1.0]}
  nod: {joint: neck, coordinate: 1, type: velocity, max_force: 1.0}
contact_pairs: [[tip, ring]]
thrusters:
  push: {body: cart, type: torque, limit: 2.0}
sensors:
  place: {type: position, body: tip, relative_to: cart, components: zx}
  touch: {type: contact, body: ring}
  far: {type: distance, body: tip, target: [1.0, 0.0, 0.0]}
  sine: {type: sine, frequency: 1.5}
"""
"""What the robots in ``conf/robot`` do not have."""


def texts() -> dict[str, str]:
    """Files of robots as they stand, and whole where they build on others."""
    folder = Path(__file__).parents[2] / "conf" / "robot"
    found = {path.stem: path.read_text() for path in sorted(folder.glob("*.yaml"))}
    for name, text in found.items():
        if "defaults:" in text:
            found[name] = OmegaConf.to_yaml(_read(folder / f"{name}.yaml"))
    return found | {"mechanism": MECHANISM}


ROBOTS = texts()
TREES = {name: OmegaConf.to_container(OmegaConf.create(text)) for name, text in ROBOTS.items()}

STRANGE: tuple[Any, ...] = (
    *(-1, -2.5, 0, 0.0, 1, 3, 1e-300, 1e300, 10**30, float("nan"), float("inf"), float("-inf")),
    *(None, True, False, "", " ", "nan", "1.5", "text", "two\nlines", "world", "a.b", "ä", "???"),
    *("${robot.friction}", "${robot.bodies}", "${robot}", "${nowhere}", "${", "${oc.env:HOME}"),
    *([], [0.0, 0.0, 0.0], [1.0], [None], ["x", "y"], [[1.0, 2.0], [3.0]], {}, {"x": 1.0}),
    {"x": {"y": [None, {}]}},
)
NAMES: tuple[Any, ...] = (
    "x",
    "",
    "ground",
    "World",
    "a.b",
    "a b",
    "_x",
    "é",
    "x" * 500,
    1,
    2.5,
    True,
)
SCHEMA = OmegaConf.structured(RunConfig)
REFERENCES = ("parent", "child", "body", "joint", "relative_to")


class Place(NamedTuple):
    """A node of a tree: its container, a dict or a list, and its key there."""

    container: Any
    key: Any


def places(tree: Any) -> Iterator[Place]:
    for key in list(tree) if isinstance(tree, dict) else range(len(tree)):
        yield Place(tree, key)
        if isinstance(tree[key], dict | list):
            yield from places(tree[key])


def pick(rng: np.random.Generator, options: Any) -> Any:
    return options[rng.integers(len(options))] if len(options) else None


def delete(rng: np.random.Generator, tree: Any, place: Place) -> None:
    del place.container[place.key]


def replace(rng: np.random.Generator, tree: Any, place: Place) -> None:
    place.container[place.key] = copy.deepcopy(pick(rng, STRANGE))


def perturb(rng: np.random.Generator, tree: Any, place: Place) -> None:
    value = place.container[place.key]
    if isinstance(value, float):
        place.container[place.key] = value * pick(rng, (-1.0, 0.5, 1e-30, 1e10, 1e200))
    else:
        replace(rng, tree, place)


def rename(rng: np.random.Generator, tree: Any, place: Place) -> None:
    name = pick(rng, (*NAMES, *(p.key for p in places(tree) if isinstance(p.key, str))))
    if isinstance(place.container, dict):
        place.container[name] = place.container.pop(place.key)
    else:
        place.container[place.key] = name


def duplicate(rng: np.random.Generator, tree: Any, place: Place) -> None:
    value = copy.deepcopy(place.container[place.key])
    if isinstance(place.container, dict):
        place.container[f"{place.key}_2"] = value
    else:
        place.container.append(value)


def swap(rng: np.random.Generator, tree: Any, place: Place) -> None:
    other = pick(rng, [p for p in places(tree) if p.key == place.key] or [place])
    mine, others = place.container[place.key], other.container[other.key]
    place.container[place.key] = copy.deepcopy(others)
    other.container[other.key] = copy.deepcopy(mine)


def redirect(rng: np.random.Generator, tree: Any, place: Place) -> None:
    """Another existing name for a reference, which makes rings and second parents of joints."""
    found = [p for p in places(tree) if p.key in REFERENCES]
    groups = [tree[group] for group in ("bodies", "joints") if isinstance(tree.get(group), dict)]
    names = ["world", "nobody", *(name for group in groups for name in group)]
    place = pick(rng, found) or place
    place.container[place.key] = pick(rng, names)


def turn_joint(rng: np.random.Generator, tree: Any, place: Place) -> None:
    joints = [p.container for p in places(tree) if p.key == "parent" and "child" in p.container]
    if joint := pick(rng, joints):
        joint["parent"], joint["child"] = joint["child"], joint["parent"]


def add(rng: np.random.Generator, tree: Any, place: Place) -> None:
    """A key known or unknown, at any place."""
    name = pick(rng, (*NAMES, *(p.key for p in places(tree))))
    if isinstance(place.container, dict):
        place.container[name] = copy.deepcopy(pick(rng, STRANGE))
    else:
        place.container.insert(0, copy.deepcopy(pick(rng, STRANGE)))


TREE_MUTATIONS = (
    *(delete, replace, replace, perturb, rename, duplicate, swap, redirect, redirect, turn_joint),
    add,
)


def mutated_tree(rng: np.random.Generator, tree: Any) -> Any:
    tree = copy.deepcopy(tree)
    for _ in range(rng.integers(1, 4)):
        found = [*places(tree)]
        if found:
            pick(rng, TREE_MUTATIONS)(rng, tree, pick(rng, found))
    return tree


def mutated_text(rng: np.random.Generator, text: str) -> str:
    """One to three characters or lines deleted, doubled, exchanged or replaced."""
    for _ in range(rng.integers(1, 4)):
        parts = [*text] if rng.random() < 0.6 else text.splitlines(keepends=True)
        at, other = rng.integers(len(parts), size=2)
        action = rng.integers(4)
        if action == 0:
            del parts[at]
        elif action == 1:
            parts.insert(at, parts[at])
        elif action == 2:
            parts[at], parts[other] = parts[other], parts[at]
        elif rng.random() < 0.5:
            parts[at] = chr(rng.integers(32, 127))
        else:
            parts[at] = pick(
                rng, ("\n", "\t", "  ", "\0", "é", "\u2028", "[", "}", "&a ", "*a", "!")
            )
        text = "".join(parts)
    return text


def mutant(number: int) -> str | dict[str, Any]:
    """The text or the tree of a mutant, the same each time; large robots are rarer."""
    rng = np.random.default_rng([SEED, number])
    weights = np.array([1.0 / len(text) for text in ROBOTS.values()])
    name = rng.choice([*ROBOTS], p=weights / weights.sum())
    if rng.random() < 0.5:
        return mutated_text(rng, ROBOTS[name])
    return mutated_tree(rng, TREES[name])


def load(source: str | dict[str, Any]) -> RobotConfig:
    """What the command line does with a file, but for Hydra."""
    robot = OmegaConf.load(io.StringIO(source)) if isinstance(source, str) else source
    rest = {"name": "test", "task": {}, "controller": {}, "optimizer": {}}
    return checked(typed_config(OmegaConf.merge(SCHEMA, rest, {"robot": robot}), RunConfig).robot)


def checked(robot: RobotConfig) -> RobotConfig:
    check(robot, "robot")
    check_robot(robot)
    return robot


def refusal(read: Callable[[], RobotConfig]) -> str:
    """The message with which a robot is refused, "" if it is accepted."""
    try:
        read()
    except CONFIG_ERRORS as error:
        message = describe(error)
        assert len(message.splitlines()) == 1, message
        assert len(message) <= LONGEST_MESSAGE
        assert not re.search(r"\$[A-Z]", message), f"an unfilled template: {message}"
        return message
    return ""


@pytest.fixture(autouse=True, scope="module")
def _resolvers() -> None:
    register_resolvers()


@pytest.mark.parametrize("name", ROBOTS)
def test_the_robots_themselves_are_accepted(name: str) -> None:
    assert refusal(lambda: load(ROBOTS[name])) == ""
    assert refusal(lambda: load(TREES[name])) == ""


@pytest.mark.parametrize(
    "start",
    [
        pytest.param(start, marks=[pytest.mark.slow] if start else [])
        for start in range(0, MUTANTS, CHUNK)
    ],
)
def test_a_mutant_is_accepted_or_refused_in_one_line(start: int) -> None:
    refused = 0
    for number in range(start, start + CHUNK):
        source = mutant(number)
        begin = time.process_time()
        try:
            refused += refusal(lambda source=source: load(source)) != ""
        except Exception as error:
            raise AssertionError(f"mutant {number}: {error!r} from {source}") from error
        assert time.process_time() - begin < LONGEST_S, f"mutant {number}: {source}"
    assert refused / CHUNK > LEAST_REFUSED


@pytest.mark.parametrize("number", range(COMPOSED))
def test_hydra_takes_mutants_as_this_test_does(number: int, tmp_path: Path) -> None:
    source = mutant(number)
    text = source if isinstance(source, str) else yaml.dump(source, sort_keys=False)
    (tmp_path / "robot").mkdir()
    (tmp_path / "robot" / "mutant.yaml").write_text(text)
    overrides = ("robot=mutant", f"hydra.searchpath=['file://{tmp_path}']")
    composed = refusal(lambda: checked(compose_bench_config(*overrides).robot))
    assert bool(composed) == bool(refusal(lambda: load(text))), composed
