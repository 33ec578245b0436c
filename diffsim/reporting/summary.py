"""Summary of a run: its pictures, and a short table on the terminal."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.table import Table

from diffsim.reporting.learning_curve import plot_learning_curve
from diffsim.reporting.replay import write_run_replay
from diffsim.reporting.trajectory_plot import plot_trajectories
from diffsim.runs.folder import RunFolder


def write_plots(folder: Path) -> list[Path]:
    """Draw the pictures of a run, as far as it got, and its replay; their paths."""
    paths, run = [], RunFolder(folder)
    if run.metrics_path.exists() and len(run.metrics()) > 0:
        paths.append(plot_learning_curve(folder))
    if run.has_trajectory:
        paths.append(plot_trajectories(folder))
        paths += filter(None, [write_run_replay(folder)])
    return paths


def print_summary(folder: Path, console: Console) -> None:
    """Print the result of a finished run and where everything is."""
    run = RunFolder(folder)
    result, manifest = run.result(), run.manifest()
    table = Table(title=manifest["config"]["name"], show_header=False, title_justify="left")
    table.add_column(style="bold")
    table.add_column()
    outcome = "[green]goal met[/green]" if result["succeeded"] else "[red]goal not met[/red]"
    table.add_row("outcome", f"{outcome} after {result['iterations']} iterations")
    table.add_row("evaluations", str(result["evaluations"]))
    table.add_row("seconds, compilation included", f"{result['wall_s']:.1f}")
    # JSON has no numbers that are not finite: they are texts, "nan" or "inf".
    table.add_row("loss", f"{float(result['loss']):.6g}")
    for name, value in result["metrics"].items():
        table.add_row(name, f"{float(value):.6f}")
    for name, values in result["variables"].items():
        shown = ", ".join(f"{float(v):.4g}" for v in values[:6])
        table.add_row(name, shown if len(values) <= 6 else f"{shown}, … ({len(values)} numbers)")
    device = manifest["device"]
    table.add_row("device", f"{device['platform']} ({device['kind']}), {manifest['precision']}")
    console.print(table)
    console.print(f"Everything is in {folder}", soft_wrap=True, highlight=False, markup=False)
