"""Does the gradient see the trajectory as it is? Final position over the initial vertical velocity.

Usage: python -m benchmarks.bounce_gradient

A ball is thrown forward with backspin at 1,201 vertical velocities from −4 to 8 m/s and lands,
bounces and slides until 5 s, in float64. The derivative of its final position by back-propagation
is compared with the secant over neighbouring throws, 0.01 m/s apart: these cross many switches of
the time step in which an impact falls. Prints a Markdown table.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from diffsim.cli.configuration import compose_config
from diffsim.experiment.experiment import Experiment

VERTICAL = np.linspace(-4.0, 8.0, 1201)
FORWARD, BACKSPIN = 4.0, -20.0  # [m/s], [rad/s]


def compare(dt: float) -> str:
    """One line of the table: errors of the derivative and jumps of the position."""
    experiment = Experiment(
        compose_config(
            f"simulation.dt={dt}",
            "precision=float64",
            f"robot.bodies.ball.velocity=[{FORWARD},0,0]",
            f"robot.bodies.ball.angular_velocity=[0,{BACKSPIN},0]",
            "~variables.spin",
            "variables.velocity.scale=[1]",
        )
    )

    def final_position(vertical: jax.Array) -> jax.Array:
        x = jnp.asarray(experiment.initial).at[2].set(vertical)
        target = experiment.config.task.target[0]
        residuals = experiment.evaluate(x).residuals
        assert residuals is not None
        return residuals[0] + target

    value_and_slope = jax.jit(jax.vmap(jax.value_and_grad(final_position)))
    position, slope = (np.asarray(a) for a in value_and_slope(jnp.asarray(VERTICAL)))
    step = VERTICAL[1] - VERTICAL[0]
    secant = np.diff(position) / step
    mean_slope = 0.5 * (slope[1:] + slope[:-1])
    error = np.abs(mean_slope - secant) / np.abs(secant)
    jump = np.abs(np.diff(position) - mean_slope * step)
    return (
        f"| {dt:g} | {np.median(error):.1e} | {np.percentile(error, 99):.1e} | {error.max():.1e} "
        f"| {jump.max():.1e} |"
    )


def main() -> None:
    """Print the table for three time steps."""
    print("| dt [s] | relative error, median | 99 % | largest | largest jump of the position [m] |")
    print("|---|---|---|---|---|")
    with jax.enable_x64(True):
        for dt in (0.01, 0.005, 0.0025):
            print(compare(dt), flush=True)


if __name__ == "__main__":
    main()
