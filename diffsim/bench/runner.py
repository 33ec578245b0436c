"""Measures all cells, shows them as they come, and writes the table."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.table import Table

from diffsim.bench.config import BenchConfig, cells, check_bench
from diffsim.bench.measure import measure_machine, measured_or_reason
from diffsim.bench.results import cells_of, markdown, outcome, row, with_ratios
from diffsim.experiment.device import computing_on
from diffsim.experiment.manifest import build_manifest
from diffsim.runs.folder import RunFolder


def run_bench(config: BenchConfig, folder: Path, console: Console) -> None:
    """Measure, and write ``table1.csv``, ``table1.md`` and ``manifest.json`` to the folder.

    What is there so far is written after every cell. A cell that fails or takes too long gets a
    line that says so.

    Raises:
        ConfigError: if the config cannot be run.
    """
    check_bench(config)
    folder.mkdir(parents=True, exist_ok=True)
    with console.status("looking for the machine's peaks"):
        machine = measure_machine(config)
    with computing_on(config.device, config.precision) as device:
        manifest = build_manifest(config, device)
    RunFolder(folder).write_manifest(manifest | {"peaks": vars(machine)})

    lines = []
    todo = cells(config.bench)
    for number, cell in enumerate(todo, start=1):
        with console.status(f"cell {number} of {len(todo)}: {cell}; it is compiled first"):
            lines.append(row(config, cell, measured_or_reason(config, cell), machine))
        table = with_ratios(lines)
        table.to_csv(folder / "table1.csv", index=False)
        (folder / "table1.md").write_text(markdown(table, machine, manifest))
        console.print(f"{number}/{len(todo)}  {cell}: {outcome(lines[-1])}", highlight=False)
    console.print(_shown(table))
    console.print(f"Everything is in {folder}", soft_wrap=True, highlight=False)


def _shown(table: pd.DataFrame) -> Table:
    headings, lines = cells_of(table)
    shown = Table(title="seconds of computing for the simulated steps")
    for heading in headings:
        shown.add_column(heading)
    for texts in lines:
        shown.add_row(*texts)
    return shown
