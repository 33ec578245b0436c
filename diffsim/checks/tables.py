"""Tables that a check prints."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from diffsim.checks.config import ToleranceConfig
from diffsim.checks.gradients import KindResult
from diffsim.checks.measure import Measure
from diffsim.checks.motion import MOTIONS, Motions
from diffsim.checks.structure import Reading, RowCounts, Structure
from diffsim.robots.actuators import Actuator

YES, NO = "[green]holds[/green]", "[red]missed[/red]"


def structure_table(name: str, found: Structure) -> Table:
    """Counts, as simulated and as in the file."""
    table = _table(escape(name), "", "as simulated", "nothing merged or eliminated")
    table.add_row("bodies", str(found.simulated_bodies), str(found.bodies))
    for what in RowCounts._fields:
        both = (getattr(found.rows, what), getattr(found.all_rows, what))
        table.add_row(f"rows of {what}", *map(str, both))
    table.add_row("rows", str(found.rows.total), str(found.all_rows.total), style="bold")
    return table


def facts(found: Structure) -> list[str]:
    """Facts that need no table."""
    kinds = ", ".join(f"{count} {kind}" for kind, count in found.joints.items()) or "none"
    extra = [
        f"{count} {what}"
        for count, what in ((found.soft_joints, "soft"), (found.loop_joints, "closing a loop"))
        if count
    ]
    of_these = f" (of these {', '.join(extra)})" if extra else ""
    at_least = "" if found.freedoms_are_exact else "at least "
    return [
        f"joints: {kinds}{of_these}",
        f"degrees of freedom: {at_least}{found.freedoms}",
        f"total mass: {found.mass:.4g} kg",
    ]


def sensor_table(readings: Sequence[Reading]) -> Table:
    """All readings in their order; those of one sensor with one unit share a line."""
    table = _table("sensors", "reading", "name:", "unit:")
    start = 0
    while start < len(readings):
        name, unit = readings[start]
        sensor = name.split(".")[0]
        stop = start
        while (
            stop < len(readings)
            and readings[stop].unit == unit
            and readings[stop].name.split(".")[0] == sensor
        ):
            stop += 1
        components = [reading.name.split(".")[1] for reading in readings[start:stop] if "." in name]
        numbers = str(start) if stop == start + 1 else f"{start} to {stop - 1}"
        shown = f"{sensor}.({' '.join(components)})" if stop > start + 1 else name
        table.add_row(numbers, shown, unit)
        start = stop
    return table


def actuator_table(actuators: Sequence[Actuator]) -> Table:
    """All actuators in their order."""
    names = ("command", "name:", "kind:", "on:", "unit:", "range:", "limits:")
    table = _table("actuators", *names)
    for number, actuator in enumerate(actuators):
        low, high = actuator.command
        limits = [f"{actuator.max_force:.4g} {actuator.force_unit}"]
        if math.isfinite(actuator.max_rate):
            limits.append(f"{actuator.max_rate:.4g} {actuator.rate_unit}")
        table.add_row(
            str(number),
            actuator.name,
            actuator.kind,
            actuator.acts_on,
            actuator.unit,
            f"{low:.4g} to {high:.4g}" if math.isfinite(high) else "any",
            ", ".join(limits),
        )
    return table


def motion_table(motions: Motions) -> Table:
    """The three motions, one after the other."""
    names = ("", "measure:", "value", "tolerance", ":", "note:")
    table = _table(f"motion over {motions.seconds:g} s", *names)
    for motion in MOTIONS:
        for number, measure in enumerate(getattr(motions, motion)):
            table.add_row(
                motion if number == 0 else "",
                measure.name,
                _with_unit(measure.value, measure.unit),
                "" if measure.tolerance is None else _with_unit(measure.tolerance, measure.unit),
                "" if measure.tolerance is None else _verdict(measure.holds),
                measure.note,
            )
    return table


def gradient_table(results: Sequence[KindResult], steps: int) -> Table:
    """All kinds that have an effect."""
    table = _table(
        f"gradient over {steps} steps against central differences",
        *("by", "numbers", "compared", "at switches", "norm", "relative error", "cosine", ":"),
    )
    for result in results:
        if result.matters:
            table.add_row(
                result.kind,
                str(result.numbers),
                str(result.compared),
                str(result.switches),
                f"{result.norm:.3g}",
                f"{result.error:.1e}" if result.compared else "",
                "" if result.cosine is None else f"{result.cosine:.9f}",
                _verdict(result.holds) if result.compared else "not comparable",
            )
    return table


def missed(
    measures: Sequence[Measure], results: Sequence[KindResult], tolerances: ToleranceConfig
) -> list[str]:
    """All tolerances that do not hold, in words."""
    words = [
        f"{m.name} {_with_unit(m.value, m.unit)} > {_with_unit(m.tolerance, m.unit)}"
        for m in measures
        if not m.holds and m.tolerance is not None
    ]
    for result in results:
        if result.holds:
            continue
        if not result.finite:
            words.append(f"gradient by {result.kind} is not finite")
        elif result.cosine is not None and result.cosine < tolerances.gradient_cosine:
            least = tolerances.gradient_cosine
            words.append(f"gradient by {result.kind}: cosine {result.cosine:.6f} < {least:g}")
        else:
            most = tolerances.gradient_error
            words.append(
                f"gradient by {result.kind}: relative error {result.error:.1e} > {most:.1e}"
            )
    return words


def print_lines(console: Console, *lines: str) -> None:
    """Plain lines, not broken to the width of the terminal."""
    for line in lines:
        console.print(line, soft_wrap=True, highlight=False)


def _table(title: str, *columns: str) -> Table:
    """An empty table. Columns whose names end in a colon, and the first one, hold text."""
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for number, column in enumerate(columns):
        is_text = number == 0 or column.endswith(":")
        table.add_column(
            column.removesuffix(":"),
            justify="left" if is_text else "right",
            no_wrap=not is_text,
            overflow="fold",
        )
    return table


def _with_unit(value: float, unit: str) -> str:
    return f"{value:.3g} {unit}".strip()


def _verdict(holds: bool) -> str:
    return YES if holds else NO
