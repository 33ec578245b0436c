"""One test over all optimisers: they minimise, keep to their bounds, and come back from arrays."""

from __future__ import annotations

import dataclasses
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffsim.optimizers.evolution import EvolutionConfig
from diffsim.optimizers.gradient import OPTAX_METHODS, GradientConfig, clip, make_schedule
from diffsim.optimizers.levenberg_marquardt import LevenbergMarquardtConfig
from diffsim.simulate.gradient_flow import EXACT
from diffsim.tasks.task import Evaluation
from diffsim.validation import ConfigError
from tests.kinds import make_optimizer


class Valley:
    """A curved valley as least squares, r = (10 (x₁ − x₀²), 1 − x₀): minimum 0 at (1, 1)."""

    episodes = 1
    sharding = None

    def __init__(self, upper: float = np.inf) -> None:
        self.initial = np.array([-1.0, 1.0], np.float32)
        self.lower = np.array([-np.inf, -np.inf], np.float32)
        self.upper = np.array([upper, np.inf], np.float32)

    def evaluate(self, x, key=None, flow=EXACT) -> Evaluation:
        residuals = jnp.stack([10.0 * (x[1] - x[0] ** 2), 1.0 - x[0]])
        loss = 0.5 * jnp.sum(residuals**2)
        return Evaluation(loss, residuals, {"distance": jnp.hypot(x[0] - 1.0, x[1] - 1.0)})


OPTIMIZERS = {
    "adam": GradientConfig(method="adam", learning_rate=0.05, iterations=1500),
    "clipped": GradientConfig(
        method="sgd", learning_rate=0.02, clip_norm=1.0, iterations=3000, schedule="cosine"
    ),
    "backtracking": GradientConfig(
        method="adam", learning_rate=0.05, iterations=1500, backtrack=0.5
    ),
    "lm": LevenbergMarquardtConfig(iterations=40),
    "cmaes": EvolutionConfig(iterations=150, sigma=0.5),
}


def minimise(config, problem, iterations=None):
    optimizer = make_optimizer(config, problem, seed=0)
    state, reports = optimizer.init(), []
    for _ in range(iterations or config.iterations):
        state, report = optimizer.step(state)
        reports.append(report)
    return optimizer, state, reports


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimiser_finds_the_minimum(name):
    _, _, reports = minimise(OPTIMIZERS[name], Valley())
    assert reports[-1].loss < 1e-2
    assert reports[-1].metrics["distance"] < 0.2
    assert reports[-1].loss == pytest.approx(float(Valley().evaluate(reports[-1].x).loss), rel=1e-3)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimiser_keeps_to_its_bounds(name):
    _, _, reports = minimise(OPTIMIZERS[name], Valley(upper=0.5), iterations=100)
    assert all(report.x[0] <= 0.5 + 1e-6 for report in reports)


def test_levenberg_marquardt_comes_back_from_a_bound():
    class Overshoot(Valley):
        """r = 10 (x² − 1) from x = 0.1: the first step goes far beyond the bound at 1.2."""

        def __init__(self) -> None:
            self.initial = np.array([0.1], np.float32)
            self.lower, self.upper = np.array([0.0]), np.array([1.2])

        def evaluate(self, x, key=None, flow=EXACT) -> Evaluation:
            residuals = 10.0 * (x**2 - 1.0)
            return Evaluation(0.5 * jnp.sum(residuals**2), residuals, {})

    _, _, reports = minimise(OPTIMIZERS["lm"], Overshoot())
    assert reports[-1].x[0] == pytest.approx(1.0, abs=1e-3)


def test_losses_of_another_run_are_refused():
    optimizer, state, _ = minimise(OPTIMIZERS["cmaes"], Valley(), iterations=4)
    other = make_optimizer(OPTIMIZERS["cmaes"], Valley(), seed=1)
    with pytest.raises(ValueError, match="another state than expected"):
        other.restore(optimizer.arrays(state))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_restored_state_goes_on_as_if_nothing_had_happened(name):
    optimizer, state, _ = minimise(OPTIMIZERS[name], Valley(), iterations=7)
    arrays = {k: np.array(v) for k, v in optimizer.arrays(state).items()}
    fresh = make_optimizer(OPTIMIZERS[name], Valley(), seed=0)
    restored = fresh.restore(arrays)
    for _ in range(5):
        state, expected = optimizer.step(state)
        restored, report = fresh.step(restored)
        np.testing.assert_array_equal(report.x, expected.x)
        assert report.loss == expected.loss


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_arrays_of_another_kind_are_refused(name):
    optimizer = make_optimizer(OPTIMIZERS[name], Valley(), seed=0)
    with pytest.raises(ValueError, match="expected"):
        optimizer.restore({"wrong": np.zeros(3)})


@pytest.mark.parametrize("beyond", [1e6, np.nan])
def test_backtracking_comes_back_from_a_cliff_and_goes_on(beyond):
    class Ledge(Valley):
        """The minimum is beyond a cliff at -0.8, where no gradient leads back."""

        def evaluate(self, x, key=None, flow=EXACT) -> Evaluation:
            good = (x[0] + 1.0) ** 2 + 0.5 * x[1] ** 2
            loss = jnp.where(x[0] > -0.8, good, beyond)
            return Evaluation(loss, None, {})

        def __init__(self) -> None:
            super().__init__()
            self.initial = np.array([1.0, 1.0], np.float32)

    config = GradientConfig(method="adam", learning_rate=0.1, iterations=200)
    _, _, lost = minimise(config, Ledge())
    assert not lost[-1].loss < 1.0
    _, _, reports = minimise(dataclasses.replace(config, backtrack=0.01), Ledge())
    losses = [report.loss for report in reports]
    assert np.nanmin(losses) < 0.1
    # It was beyond the cliff, and back at once.
    failed = [not loss < 1e5 for loss in losses]
    assert any(failed)
    assert all(before <= 10 for before in map(len, runs_of_true(failed)))


def test_backtracking_gives_up_where_no_gradient_is_finite():
    class Flat(Valley):
        def evaluate(self, x, key=None, flow=EXACT) -> Evaluation:
            return Evaluation(jnp.sum(jnp.sqrt(jnp.abs(x - self.initial))), None, {})

    config = GradientConfig(method="adam", learning_rate=0.1, iterations=5, backtrack=0.01)
    _, _, reports = minimise(config, Flat())
    assert [report.skipped for report in reports] == [1, 2, 3, 4, 5]


def runs_of_true(flags):
    """The stretches in which the flags are true."""
    return [list(group) for value, group in itertools.groupby(flags) if value]


def test_evolution_survives_losses_that_are_not_finite():
    class Cliff(Valley):
        def evaluate(self, x, key=None, flow=EXACT) -> Evaluation:
            good = super().evaluate(x)
            return good._replace(loss=jnp.where(x[0] < -1.0, jnp.nan, good.loss))

    _, _, reports = minimise(OPTIMIZERS["cmaes"], Cliff())
    assert reports[-1].loss < 1e-2


def test_evolution_depends_on_its_seed_alone():
    def losses(seed):
        np.random.seed(seed + 100)  # noqa: NPY002 - the global state must not matter
        optimizer = make_optimizer(OPTIMIZERS["cmaes"], Valley(), seed)
        state, found = optimizer.init(), []
        for _ in range(5):
            state, report = optimizer.step(state)
            found.append(report.loss)
        return found

    assert losses(1) == losses(1)
    assert losses(1) != losses(2)


@pytest.mark.parametrize("method", OPTAX_METHODS)
def test_every_method_of_optax_on_the_list_works(method):
    config = GradientConfig(method=method, learning_rate=0.01)
    _, _, reports = minimise(config, Valley(), iterations=3)
    assert np.isfinite(reports[-1].loss)


def test_an_option_that_a_method_has_not_is_told():
    with pytest.raises(ConfigError, match="momentum must be one of b1, b2"):
        make_optimizer(GradientConfig(options={"momentum": 0.9}), Valley(), 0)


@pytest.mark.parametrize(
    ("schedule", "last"),
    [("constant", 2.0), ("exponential", 0.2), ("linear", 0.2), ("cosine", 0.2)],
)
def test_schedules_end_at_their_share(schedule, last):
    config = GradientConfig(
        learning_rate=2.0, schedule=schedule, final_learning_rate=0.1, iterations=50
    )
    rate = make_schedule(config)
    assert float(rate(0)) == pytest.approx(2.0)
    assert float(rate(50)) == pytest.approx(last, rel=1e-5)


class Flaky(Valley):
    """Every other loss, by chance, is not a number."""

    def evaluate(self, x, key=None, flow=EXACT) -> Evaluation:
        good = super().evaluate(x)
        lost = jax.random.bernoulli(key)
        return good._replace(loss=jnp.where(lost, jnp.nan, 1.0) * good.loss)


def test_a_gradient_that_is_not_finite_changes_nothing_and_is_counted():
    _, _, reports = minimise(OPTIMIZERS["clipped"], Flaky(), iterations=40)
    in_a_row = 0
    for report, after in itertools.pairwise(reports):
        in_a_row = 0 if np.isfinite(report.loss) else in_a_row + 1
        assert (report.skipped, report.not_finite) == (in_a_row, in_a_row > 0)
        assert np.array_equal(report.x, after.x) == (in_a_row > 0)
    skipped = [report.skipped for report in reports]
    assert 5 < np.count_nonzero(skipped) < 35
    assert max(skipped) > 1


def test_a_gradient_longer_than_its_limit_is_reported():
    _, _, reports = minimise(OPTIMIZERS["clipped"], Valley(), iterations=50)
    assert [r.clipped for r in reports] == [r.grad_norm > 1.0 for r in reports]
    _, _, reports = minimise(OPTIMIZERS["adam"], Valley(), iterations=1)
    assert reports[0].clipped is None


@pytest.mark.parametrize("size", [1e-30, 1.0, 1e30])
def test_a_gradient_is_clipped_whatever_its_size(size):
    """Its squares may be beyond float32's range, in either direction."""
    gradient = jnp.asarray([3.0, 0.0, -4.0], jnp.float32) * size
    clipped, norm = clip(gradient, 1.0)
    np.testing.assert_allclose(norm, 5.0 * size, rtol=1e-6)
    expected = np.array([0.6, 0.0, -0.8]) if size >= 1.0 else np.asarray(gradient)
    np.testing.assert_allclose(clipped, expected, rtol=1e-6)
    np.testing.assert_array_equal(clip(gradient, None)[0], gradient)
    assert not np.isfinite(clip(gradient.at[0].set(jnp.inf), 1.0)[0]).all()
    assert not np.any(clip(jnp.zeros(3), 1.0)[0])


def test_a_large_problem_is_given_to_the_separable_form_of_evolution():
    class Large(Valley):
        def __init__(self) -> None:
            self.initial = np.ones(5000, np.float32)
            self.lower, self.upper = self.initial - np.inf, self.initial + np.inf

        def evaluate(self, x, key=None, flow=EXACT) -> Evaluation:
            return Evaluation(jnp.sum(x**2), None, {})

    config = EvolutionConfig(population=8, sigma=0.1)
    optimizer, state, reports = minimise(config, Large(), iterations=3)
    assert np.isfinite([report.loss for report in reports]).all()
    restored = make_optimizer(config, Large(), seed=0).restore(optimizer.arrays(state))
    np.testing.assert_array_equal(optimizer.step(state)[1].x, optimizer.step(restored)[1].x)


class Bowl(Valley):
    """(x − 0.3)² summed over one or more variables, from 0.5, with or without bounds."""

    def __init__(self, size: int, bounded: bool) -> None:
        self.initial = np.full(size, 0.5, np.float32)
        edge = np.full(size, 1.0 if bounded else np.inf, np.float32)
        self.lower, self.upper = np.where(bounded, 0.1, -np.inf) * np.ones(size), edge

    def evaluate(self, x, key=None, flow=EXACT) -> Evaluation:
        return Evaluation(jnp.sum((x - 0.3) ** 2), None, {})


@pytest.mark.parametrize("bounded", [True, False])
@pytest.mark.parametrize("size", [1, 2])
def test_evolution_takes_few_variables_with_a_large_step(size, bounded):
    """pycma alone does not take a single one whose bounds are closer than its step."""
    config = EvolutionConfig(iterations=60, sigma=3.0)
    optimizer, state, reports = minimise(config, Bowl(size, bounded))
    assert reports[-1].x.shape == (size,)
    assert reports[-1].loss < 1e-4
    if bounded:
        assert all(((r.x >= 0.1 - 1e-6) & (r.x <= 1.0 + 1e-6)).all() for r in reports)
    fresh = make_optimizer(config, Bowl(size, bounded), seed=0)
    restored = fresh.restore(optimizer.arrays(state))
    for _ in range(3):
        state, expected = optimizer.step(state)
        restored, report = fresh.step(restored)
        np.testing.assert_array_equal(report.x, expected.x)


def test_arrays_of_evolution_are_those_of_a_complete_generation():
    """Also while the next one is under way, which changes pycma's object in place."""
    optimizer, state, _ = minimise(OPTIMIZERS["cmaes"], Valley(), iterations=3)
    before = {name: array.copy() for name, array in optimizer.arrays(state).items()}
    optimizer.step(state)
    for name, array in optimizer.arrays(state).items():
        np.testing.assert_array_equal(array, before[name])


@pytest.mark.parametrize("value", [np.nan, -np.inf, np.inf])
@pytest.mark.parametrize("everywhere", [True, False])
def test_evolution_never_reports_a_point_that_is_not_finite_as_the_best(everywhere, value):
    class Hole(Valley):
        def evaluate(self, x, key=None, flow=EXACT) -> Evaluation:
            good = super().evaluate(x)
            lost = everywhere | (x[0] < -1.0)
            return good._replace(loss=jnp.where(lost, value, good.loss))

    _, _, reports = minimise(OPTIMIZERS["cmaes"], Hole(), iterations=5)
    size = reports[0].evaluations
    if everywhere:
        assert [report.not_finite for report in reports] == [size] * 5
        assert not any(np.isfinite(report.loss) for report in reports)
    else:
        assert 0 < reports[0].not_finite < size
        assert all(np.isfinite(report.loss) and report.x[0] >= -1.0 for report in reports)
