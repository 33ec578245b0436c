"""Runs all checks of one robot and prints what they find."""

from __future__ import annotations

import time

from rich.console import Console

from diffsim.checks.config import CheckConfig, check_config
from diffsim.checks.gradients import KindResult, check_gradients
from diffsim.checks.measure import Measure
from diffsim.checks.motion import check_motion
from diffsim.checks.observation import observe
from diffsim.checks.structure import readings, structure
from diffsim.checks.tables import (
    actuator_table,
    facts,
    gradient_table,
    missed,
    motion_table,
    print_lines,
    sensor_table,
    structure_table,
)
from diffsim.checks.trial import Trials
from diffsim.experiment.device import computing_on
from diffsim.robots.actuators import actuators
from diffsim.robots.build import build_world
from diffsim.robots.caveats import caveats


def run_checks(config: CheckConfig, console: Console) -> list[str]:
    """Check a robot; the tolerances that do not hold, in words.

    Raises:
        ConfigError: if the config cannot be run.
    """
    check_config(config)
    start = time.perf_counter()
    measures: list[Measure] = []
    results: list[KindResult] = []
    with computing_on(config.device, "float64"):
        trials = Trials(config, observe)
        world, state = trials.build(config.robot)
        simulation = config.simulation
        everything = build_world(
            config.robot,
            simulation.gravity,
            simulation.dt,
            eliminate_joints=False,
            merge_fixed=False,
        )
        found = structure(config.robot, world, everything)
        console.print(structure_table(config.robot.name, found))
        minded = (f"mind: {caveat}" for caveat in caveats(config.robot, world, state))
        print_lines(console, *facts(found), *minded, "")
        if measured := readings(config.robot):
            console.print(sensor_table(measured), "")
        if driven := actuators(config.robot):
            console.print(actuator_table(driven), "")
        if config.check.motion:
            with console.status("simulating; the first step is compiled"):
                motions = check_motion(trials, world, state)
            console.print(motion_table(motions), "")
            measures = motions.measures
        if config.check.gradients:
            with console.status("differentiating; the gradient is compiled first"):
                results = check_gradients(trials, world)
            console.print(gradient_table(results, config.check.gradient_steps))
            without = [result.kind for result in results if not result.matters]
            print_lines(console, f"without effect here: {', '.join(without) or 'none'}", "")
    misses = missed(measures, results, config.check.tolerances)
    _conclude(console, config, misses, results, time.perf_counter() - start)
    return misses


def _conclude(
    console: Console,
    config: CheckConfig,
    misses: list[str],
    results: list[KindResult],
    seconds: float,
) -> None:
    """The last line: whether all tolerances hold, or which do not."""
    switches = sum(result.switches for result in results)
    if switches:
        compared = sum(result.compared for result in results)
        untold = [result.kind for result in results if result.switches and not result.compared]
        nothing_left = f"; nothing is left to compare of {', '.join(untold)}" if untold else ""
        print_lines(
            console,
            f"{switches} of {switches + compared} numbers are next to a switch, where there is no "
            f"derivative to compare with{nothing_left}",
        )
    if misses:
        print_lines(console, f"[red]missed:[/red] {'; '.join(misses)} ({seconds:.0f} s)")
    elif config.check.motion or config.check.gradients:
        print_lines(console, f"[green]all tolerances hold[/green] ({seconds:.0f} s)")
