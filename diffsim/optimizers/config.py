"""What an optimiser's YAML file may say."""

from __future__ import annotations

from dataclasses import dataclass, field

from diffsim.validation import bounded

OPTAX_METHODS = (
    "adabelief",
    "adadelta",
    "adafactor",
    "adagrad",
    "adam",
    "adamax",
    "adamaxw",
    "adamw",
    "adan",
    "amsgrad",
    "fromage",
    "lamb",
    "lars",
    "lion",
    "nadam",
    "nadamw",
    "novograd",
    "optimistic_adam_v2",
    "optimistic_gradient_descent",
    "radam",
    "rmsprop",
    "sgd",
    "sign_sgd",
    "signum",
    "yogi",
)
"""optax's optimisers that take a schedule for the learning rate and need no key of their own."""

SCHEDULES = ("constant", "exponential", "linear", "cosine")


@dataclass
class GradientConfig:
    """First-order descent by back-propagation, with any of optax's optimisers."""

    kind: str = bounded("gradient", choices=("gradient",))
    method: str = bounded("adam", choices=OPTAX_METHODS)
    iterations: int = bounded(100, at_least=1)
    learning_rate: float = bounded(0.001, above=0)  # in units of each variable's scale
    schedule: str = bounded("constant", choices=SCHEDULES)
    final_learning_rate: float = bounded(0.1, above=0, at_most=1)  # share left at the last one
    clip_norm: float | None = bounded(None, above=0)  # limit of the gradient's L2 norm
    # How far above the best loss so far a point may be, before the next step starts from the best
    # one again and is half as long; null: never. Where all episodes are the same one.
    backtrack: float | None = bounded(None, at_least=0)
    # How the gradient passes back in time; 1, null and null leave it exact.
    gradient_decay: float = bounded(1.0, above=0, at_most=1)  # α per time step
    cotangent_limit: float | None = bounded(None, above=0)  # of the state's, at every time step
    truncation: int | None = bounded(None, at_least=1)  # [time steps] after which it ends
    # Gradients in a row that are not finite, and are skipped, before the run has diverged.
    max_skipped: int = bounded(10, at_least=1)
    options: dict[str, float] = field(default_factory=dict)  # of the method, such as b1 and b2


@dataclass
class LevenbergMarquardtConfig:
    """Second-order descent for small problems whose loss is a sum of squares."""

    kind: str = bounded("lm", choices=("lm",))
    iterations: int = bounded(50, at_least=1)


@dataclass
class EvolutionConfig:
    """CMA-ES: no gradient; the population of each generation is one batch.

    Its full covariance has the square of the number of variables, and learns one for every
    evaluation or so. The separable form has a variance for each variable instead: it scales, but
    knows nothing of how variables depend on each other, and needs many times more evaluations than
    there are variables.
    """

    kind: str = bounded("cmaes", choices=("cmaes",))
    iterations: int = bounded(500, at_least=1)  # generations
    population: int | None = bounded(None, at_least=2)  # null: CMA-ES chooses by dimension
    covariance: str = bounded("auto", choices=("auto", "full", "separable"))  # auto: full to 1000
    sigma: float = bounded(1.0, above=0)  # first step size, in units of each variable's scale
