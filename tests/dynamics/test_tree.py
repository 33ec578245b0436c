"""Groups, limbs and sums along random trees, against what one finds body by body."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffsim.dynamics.tree import FREE, NONE, Tree, build_tree, degrees, path
from diffsim.dynamics.tree_sums import from_above, from_below, of_whole_tree
from diffsim.math.indexing import WORLD
from diffsim.robots.build import build_world
from tests.robots_in_package import robot_config
from tests.worlds import DOWN

TYPES = {"hinge": 1, "universal": 2, "ball": 3, "fixed": 0}
SEEDS = range(20)


def random_tree(seed: int) -> Tree:
    """Some bodies, each on one before it, on the world, or free; in random order."""
    random = np.random.default_rng(seed)
    count = int(random.integers(1, 15))
    order = random.permutation(count)
    joints: list[tuple[int, int, str]] = []
    for place, body in enumerate(order):
        kind = str(random.choice([*TYPES, FREE, "hinge", "hinge"]))
        if kind != FREE:
            above = order[random.integers(place)] if place and random.random() < 0.9 else WORLD
            joints.append((int(above), int(body), kind))
    return build_tree(
        bodies=count,
        joints=tuple(range(len(joints))),
        types=tuple(kind for _, _, kind in joints),
        freedoms=tuple(TYPES[kind] for _, _, kind in joints),
        parent=tuple(parent for parent, _, _ in joints),
        child=tuple(child for _, child, _ in joints),
    )


def line(tree: Tree, body: int) -> list[int]:
    """A body and all above it."""
    return [] if body == WORLD else [body, *line(tree, tree.parent_of[body])]


@pytest.mark.parametrize("seed", SEEDS)
def test_limbs_hold_every_body_once_and_follow_its_parents(seed: int) -> None:
    tree = random_tree(seed)
    assert sorted(group for limb in tree.limbs for group in limb.groups) == [
        *range(len(tree.groups))
    ]
    for number, limb in enumerate(tree.limbs):
        assert limb.parent < number
        for first, second in zip(limb.groups, limb.groups[1:], strict=False):
            for unit, body in enumerate(tree.groups[second].bodies):
                assert tree.parent_of[body] == tree.groups[first].bodies[unit]
        if limb.parent != NONE:
            last = tree.groups[tree.limbs[limb.parent].groups[-1]]
            for body, unit in zip(
                tree.groups[limb.groups[0]].bodies, limb.parent_units, strict=True
            ):
                assert tree.parent_of[body] == last.bodies[unit]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_path_moves_what_is_above_a_body(seed: int) -> None:
    tree = random_tree(seed)
    for body in range(len(tree.parent_of)):
        limb, unit = tree.limb_of[tree.group_of[body]], tree.unit_of[body]
        found = {
            tree.groups[group].bodies[slot.units[0]]
            for slot in path(tree, limb, (unit,))
            for group in tree.limbs[slot.limb].groups
        }
        assert set(line(tree, body)) <= found
        assert found - set(line(tree, body)) <= {
            other for other in range(len(tree.parent_of)) if body in line(tree, other)
        }
    freedoms = sum(group.freedoms * len(group.bodies) for group in tree.groups)
    assert len(degrees(tree)) == len(set(degrees(tree))) == freedoms


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("behind", [(), (3,)])
@pytest.mark.parametrize("seed", SEEDS)
def test_sums_are_those_over_lines_and_trees(seed: int, behind: tuple[int, ...]) -> None:
    tree = random_tree(seed)
    count = len(tree.parent_of)
    random = np.random.default_rng(seed)
    values = random.normal(size=(count, *behind))
    lines = [line(tree, body) for body in range(count)]
    carried = [[b for b in range(count) if body in lines[b]] for body in range(count)]
    whole = [[b for b in range(count) if lines[b][-1] == lines[body][-1]] for body in range(count)]
    for found, members in (
        (from_above(tree, (jnp.asarray(values),), tuple(range(count))), lines),
        (from_below(tree, (jnp.asarray(values),)), carried),
        (of_whole_tree(tree, (jnp.asarray(values),)), whole),
    ):
        expected = np.stack([values[each].sum(axis=0) for each in members])
        np.testing.assert_allclose(found[0], expected, atol=1e-12)


@pytest.mark.usefixtures("float64")
def test_several_values_may_belong_to_a_body_and_others_to_none() -> None:
    tree = random_tree(3)
    count = len(tree.parent_of)
    sources = (0, 0, count - 1)
    values = jnp.asarray([1.0, 2.0, 4.0])
    (found,) = from_above(tree, (values,), sources)
    expected = [
        sum(float(values[k]) for k, at in enumerate(sources) if at in line(tree, body))
        for body in range(count)
    ]
    np.testing.assert_allclose(found, expected)


def test_the_legs_of_a_quadruped_are_one_limb_of_four_units() -> None:
    tree = build_world(robot_config("quadruped"), DOWN, 0.01).tree
    legs = [limb for limb in tree.limbs if limb.units == 4]
    assert len(legs) == 1
    assert len(legs[0].groups) > 1


def test_sums_do_not_grow_with_the_length_of_a_chain() -> None:
    def count(bodies: int) -> int:
        number = range(bodies)
        hinges = ("hinge",) * bodies
        parents = tuple(body - 1 for body in number)  # the first is on the world
        tree = build_tree(bodies, tuple(number), hinges, (1,) * bodies, parents, tuple(number))
        traced = jax.make_jaxpr(lambda x: from_below(tree, (x, x)))(jnp.zeros((bodies, 8)))
        return len(traced.jaxpr.eqns)

    assert count(30) == count(3)
