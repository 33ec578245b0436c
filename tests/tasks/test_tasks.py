"""What tasks draw, and what episodes are worth."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffsim.cli.configuration import compose_config
from diffsim.experiment.check import check_run
from diffsim.experiment.experiment import Experiment
from diffsim.experiment.scenario import NOTHING, evaluation_key, validation_key
from diffsim.experiment.simulation import make_world
from diffsim.robots.build import initial_state
from diffsim.simulate.rollout import rollout
from diffsim.tasks.push import draw_directions, push_before, push_count, push_velocities
from diffsim.tasks.reach import ShellConfig, point_in_shell
from diffsim.tasks.start import draw_places
from diffsim.validation import ConfigError
from diffsim.world.world import part_motion

# Single precision, some steps.
ROUND_OFF = 1e-4


def test_points_fill_the_part_of_a_shell_above_its_lowest_height_evenly():
    shell = ShellConfig(center=[1.0, -2.0, 0.1], inner=0.7, outer=1.0, lowest=0.1)
    keys = jax.random.split(jax.random.key(0), 20_000)
    points = np.stack(jax.vmap(lambda key: point_in_shell(key, shell))(keys), axis=-1)
    offset = points - shell.center
    radius = np.linalg.norm(offset, axis=1)
    assert (points[:, 2] >= 0.1 - 1e-6).all()
    assert radius.min() >= 0.7 - 1e-5
    assert radius.max() <= 1.0 + 1e-5
    # By volume: r³ is even between 0.7³ and 1, the height over the radius between 0 and 1.
    np.testing.assert_allclose(np.mean(radius**3), (0.343 + 1.0) / 2, rtol=0.01)
    np.testing.assert_allclose(np.mean(offset[:, 2] / radius), 0.5, rtol=0.02)
    np.testing.assert_allclose(offset[:, :2].mean(axis=0), [0.0, 0.0], atol=0.02)


def test_training_validation_and_evaluation_draw_different_episodes():
    experiment = Experiment(random_pendulum())
    keys = [jax.random.fold_in(jax.random.key(0), k) for k in range(3)]
    keys += [validation_key(0), evaluation_key(0), evaluation_key(1)]
    drawn = np.concatenate([np.asarray(experiment.draw(key, 50).task.x) for key in keys])
    assert len(np.unique(drawn)) == len(drawn)


def test_the_goal_of_the_episode_that_is_watched_is_one_of_its_own():
    assert Experiment(pendulum()).watched_goal() == tuple(pendulum().task.target)
    goals = [Experiment(random_pendulum(f"seed={seed}")).watched_goal() for seed in range(2)]
    for goal in goals:
        assert 0.5 - 1e-5 < np.linalg.norm(np.array(goal) - [0.0, 0.0, 1.0]) < 0.7 + 1e-5
    assert goals[0] != goals[1]


def test_a_batch_is_worth_the_mean_of_its_episodes_and_needs_a_key():
    experiment = Experiment(random_pendulum("batch=4"))
    x = jnp.asarray(experiment.initial) + 0.1
    key = jax.random.key(7)
    batch = jax.jit(experiment.evaluate)(x, key)
    single = jax.jit(lambda x: experiment.each(x, key, 4))(x)
    assert single.loss.shape == (4,)
    assert np.ptp(single.loss) > 0.01
    np.testing.assert_allclose(batch.loss, single.loss.mean(), rtol=ROUND_OFF)
    for name, values in single.metrics.items():
        np.testing.assert_allclose(batch.metrics[name], values.mean(), rtol=ROUND_OFF)
    with pytest.raises(ValueError, match="a key is needed"):
        experiment.evaluate(x)


def test_the_distance_is_that_of_the_body_from_its_target():
    experiment = Experiment(pendulum())
    found = jax.jit(experiment.evaluate)(jnp.asarray(experiment.initial))
    # The pendulum hangs 0.6 m below the pivot at 1 m, and nothing moves it.
    np.testing.assert_allclose(found.metrics["mean_distance"], 1.2, rtol=1e-3)
    np.testing.assert_allclose(found.loss, 1.2, rtol=1e-3)


def test_loss_and_measure_count_from_their_times_on():
    early, late = (
        Experiment(pendulum(f"task.loss_after={time}", f"task.measure_after={time}"))
        for time in (0.0, 0.1)
    )
    x = jnp.asarray(early.initial).at[0].set(3.0)  # the bias: the cart drives off
    whole, part = (jax.jit(e.evaluate)(x) for e in (early, late))
    assert abs(float(part.loss - whole.loss)) > 1e-3
    for found in (whole, part):
        np.testing.assert_allclose(found.metrics["end_distance"], found.loss, rtol=1e-6)
        np.testing.assert_allclose(found.metrics["mean_distance"], whole.loss, rtol=1e-6)


def test_effort_is_added_to_the_loss():
    weights = {"torque": 1e-6, "energy": 1e-4, "smoothness": 1e-6}
    plain = Experiment(pendulum())
    x = jnp.asarray(plain.initial).at[0].set(3.0)
    free = float(jax.jit(plain.evaluate)(x).loss)
    for name, weight in weights.items():
        found = []
        for factor in (1.0, 2.0):
            costly = Experiment(pendulum(f"task.effort.{name}={factor * weight}"))
            found.append(float(jax.jit(costly.evaluate)(x).loss) - free)
        assert found[0] > 1e-5, name
        np.testing.assert_allclose(found[1], 2.0 * found[0], rtol=0.01)


def test_the_speed_of_a_gait_is_the_mean_velocity():
    config = compose_config(
        *(
            "robot=ball",
            "task=gait",
            "task.body=ball",
            "~task.sensors.clock_sine",
            "~task.sensors.clock_cosine",
            "task.duration=0.2",
        ),
        *("robot.bodies.ball.velocity=[2.0,0.5,0.0]", "robot.friction=0.0", "device=cpu"),
    )
    experiment = Experiment(config)
    found = jax.jit(experiment.evaluate)(jnp.asarray(experiment.initial))
    np.testing.assert_allclose(found.metrics["speed"], 2.0, rtol=1e-5)
    np.testing.assert_allclose(found.metrics["sideways"], 0.1, rtol=1e-3)
    np.testing.assert_allclose(found.loss, -2.0, rtol=1e-5)


def test_a_controller_without_sensors_of_motion_is_worked_out_beforehand():
    # The same clock, once beside a reading of the motion that has no weight.
    clock = "s: {type: sine, frequency: 2.0}"
    opened, closed = (
        Experiment(pendulum(f"++task.sensors={{{sensors}}}"))
        for sensors in (clock, f"{clock}, p: {{type: position, body: weight}}")
    )
    known = opened._episode(jnp.asarray(opened.initial), NOTHING).policy
    assert known.given.shape == (20, 1)
    assert closed._episode(jnp.asarray(closed.initial), NOTHING).policy.given is None
    narrow = jnp.array([0.5, 2.0])  # bias, then weights: leaves in the order of their names
    wide = jnp.array([0.5, 2.0, 0.0, 0.0, 0.0])
    before, after = (
        float(jax.jit(e.evaluate)(x).loss) for e, x in ((opened, narrow), (closed, wide))
    )
    assert before == pytest.approx(after, rel=1e-5)
    assert before != pytest.approx(1.2, rel=1e-3)


def test_a_goal_alone_is_read_once_for_the_whole_episode():
    experiment = Experiment(random_pendulum("++task.sensors={g: {type: goal}}", "batch=3"))
    draw = experiment.draw(jax.random.key(0), 3)
    episode = experiment._episode(jnp.arange(4.0), draw)
    assert episode.policy.given is None
    _, control = episode.policy.act((), episode.state)
    goal = draw.task
    np.testing.assert_allclose(control.command[0], goal.x + 2.0 * goal.y + 3.0 * goal.z)


def starts(experiment, count=200, training=False):
    """Angles of the pendulum and their rates at the start of episodes, and the cart's place."""
    draw = experiment.draw(jax.random.key(0), count, training)
    episode = experiment._episode(jnp.asarray(experiment.initial), draw)
    motion = part_motion(episode.world.parts, episode.state)
    names = experiment.part_names
    bar, cart = names.index("bar"), names.index("cart")
    angle = np.arctan2(-motion.pose.rotation.c2.x[bar], -motion.pose.rotation.c2.z[bar])
    return np.asarray(angle), np.asarray(motion.twist.angular.y[bar]), motion.pose.position.x[cart]


def test_starts_are_scattered_evenly_around_the_robots_own():
    experiment = Experiment(pendulum("task.start={position: 0.2, velocity: 0.5}", "batch=4"))
    angle, rate, place = starts(experiment)
    assert np.abs(angle).max() <= 0.2 + 1e-6
    assert np.abs(rate).max() <= 0.5 + 1e-6
    for values, width in ((angle, 0.2), (rate, 0.5), (place, 0.2)):
        assert np.std(values) == pytest.approx(width / 3**0.5, rel=0.1)
    assert abs(np.corrcoef(angle, rate)[0, 1]) < 0.2


PRACTICE = "+task.practice={up: {share: 0.4, joints: {pivot: [0.0]}, position: 0.3, velocity: 1}}"


def test_a_share_of_training_begins_where_it_is_to_be_practised():
    experiment = Experiment(pendulum("task.start.position=0.1", PRACTICE, "batch=4"))
    angle, rate, _ = starts(experiment, training=True)
    up = np.abs(angle) > np.pi / 2.0
    assert up.mean() == pytest.approx(0.4, abs=2e-3)
    away = np.abs(np.abs(angle[up]) - np.pi)
    assert away.max() <= 0.3 + 1e-5
    assert away.std() == pytest.approx(0.3 / 12**0.5, rel=0.1)
    assert np.abs(angle[~up]).max() <= 0.1 + 1e-6
    assert np.abs(rate[~up]).max() < 1e-5
    assert np.std(rate[up]) == pytest.approx(1.0 / 3**0.5, rel=0.1)
    elsewhere, _, _ = starts(experiment)
    assert np.abs(elsewhere).max() <= 0.1 + 1e-6


def test_shares_of_small_batches_are_right_on_average():
    task = pendulum(PRACTICE).task
    places = [draw_places(jax.random.key(k), task, 2) for k in range(500)]
    assert np.mean(places) == pytest.approx(0.4, abs=0.03)
    assert set(np.sum(places, axis=1).tolist()) == {0, 1}


def test_pushes_are_sudden_velocities_in_drawn_directions():
    config = pendulum("task.push={speed: 0.6, every: 0.06}")
    assert push_count(config.task) == 3
    experiment = Experiment(config)
    assert experiment.random
    x = jnp.asarray(experiment.initial)
    body = experiment.body_names.index("bar")
    rates = []
    for turned in (0.0, np.pi / 2.0):
        episode = experiment._episode(x, NOTHING)
        pushes = experiment._pushes(episode, jnp.array([0.0, 0.0, np.pi]) + turned)
        assert pushes.x.shape == (20, len(experiment.body_names))
        seen = rollout(*episode.pushed(pushes), lambda state, _: state.twist.angular.y[body])
        rates.append(np.asarray(seen.observations))
    along, across = rates
    # It hangs: what is pushed along x turns about -y, twice as fast after the second push.
    assert np.abs(along[:6]).max() < 1e-4
    assert along[6] < -0.3
    assert along[12] == pytest.approx(2.0 * along[6], rel=0.15)
    assert along[18] == pytest.approx(along[6], rel=0.5)
    # Across, the hinge lets nothing through.
    assert np.abs(across).max() < 1e-4


def test_scattered_starts_change_the_loss_and_goals_stay_what_they_were():
    x = 0.1 * jnp.arange(1.0, 7.0)
    key = jax.random.key(3)
    still, thrown = (
        Experiment(random_pendulum("batch=3", *more)) for more in ((), ("task.start.position=1",))
    )
    draws = [experiment.draw(key, 3) for experiment in (still, thrown)]
    for a, b in zip(draws[0].task, draws[1].task, strict=True):
        np.testing.assert_array_equal(a, b)
    losses = [
        np.asarray(jax.jit(e.each, static_argnums=2)(x, key, 3).loss) for e in (still, thrown)
    ]
    assert np.abs(losses[0] - losses[1]).min() > 1e-4


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (("task.shell.outer=null",), r"either a target or a shell\.outer, got neither"),
        (("task.target=[0,0,1]",), r"either a target or a shell\.outer, got both"),
        (("task.start.position=-1",), r"task\.start\.position must be >= 0"),
        (
            ("robot=ball", "task.body=ball", "task.start.velocity=1"),
            r"task\.start\.velocity must be 0 without joints",
        ),
        (("+task.practice={a: {share: 0}}",), r"task\.practice\.a\.share must be > 0"),
        (
            ("+task.practice={a: {share: 0.6}, b: {share: 0.6}}",),
            r"the shares of task\.practice must be at most 1 in all, got 1\.2",
        ),
        (
            ("+task.practice={a: {joints: {knee: [0]}}}",),
            r"task\.practice\.a\.joints must be one of",
        ),
        (
            ("+task.practice={a: {joints: {elbow_yaw: [0, 1]}}}",),
            r"task\.practice\.a\.joints\.elbow_yaw must be a list of as many",
        ),
        (("task.push.every=0",), r"task\.push\.every must be > 0"),
        (("task.loss_after=9",), r"task\.loss_after must be < task\.duration"),
        (("task.shell.outer=0.5",), r"task\.shell\.outer must be > task\.shell\.inner"),
        (("task.shell.lowest=3",), r"task\.shell\.lowest must be below the shell's top"),
        (("task.body=hand",), "task.body must be one of shoulder"),
        (("task.sensors.target.type=colour",), "task.sensors.target.type must be one of"),
        (("+task.sensors={x: {type: position, body: hand}}",), r"task\.sensors\.x\.body must be"),
        (("task=reach_fixed", "batch=4"), "batch must be 1: all episodes of this task are alike"),
        (("+robot.sensors={g: {type: goal}}",), "goals are set by tasks"),
        (
            ("task=gait", "task.body=elbow", "++task.sensors={g: {type: goal}}"),
            "this task sets no goal",
        ),
        (("controller.hidden=[0]",), r"controller\.hidden\[0\] must be >= 1"),
        (("controller.activation=step",), r"controller\.activation must be one of elu"),
        (("optimizer.backtrack=0.1",), r"optimizer\.backtrack must be null: episodes of this task"),
        (("optimizer.truncation=0",), r"optimizer\.truncation must be >= 1"),
        (("optimizer.cotangent_limit=0",), r"optimizer\.cotangent_limit must be > 0"),
        (("validation.episodes=0",), r"validation\.episodes must be >= 1"),
    ],
)
def test_bad_settings_are_named(overrides, says):
    with pytest.raises(ConfigError, match=says):
        check_run(compose_config("experiment=arm_random", *overrides))


def pendulum(*overrides):
    """A fifth of a second of the hanging pendulum, with a linear controller."""
    return compose_config(
        *("robot=cartpole", "task=swing_up", "controller=linear", "variables=controller"),
        *("task.duration=0.2", "task.measure_after=null", "task.start.position=0"),
        *("device=cpu", *overrides),
    )


def random_pendulum(*overrides):
    shell = "task.shell={center: [0, 0, 1], inner: 0.5, outer: 0.7, lowest: 1}"
    return pendulum("task.target=null", shell, *overrides)


def test_pushes_of_one_step_add_up_in_both_ways_of_living(float64):
    config = compose_config("experiment=swing_up", "task.push.speed=0.5", "task.push.every=0.004")
    task = dataclasses.replace(config.task, duration=0.02)
    world = make_world(config.robot, config.simulation, config.solver)
    state = initial_state(config.robot, world)
    directions = draw_directions(jax.random.key(0), task)
    whole = push_velocities(task, directions, state, 1, 0.01)
    for step in range(2):
        one = push_before(task, 0.01, directions, jnp.asarray(step))
        np.testing.assert_allclose([c[step, 1] for c in whole], [*one], rtol=1e-12)
