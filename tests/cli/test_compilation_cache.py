"""Compiled programs are kept for the next process, where the user wants them."""

from __future__ import annotations

import pandas as pd

from tests.commands import diffsim_run, run_folders

SHORT = ("optimizer=cmaes", "optimizer.iterations=2", "task.duration=0.5")


def test_the_next_process_finds_what_was_compiled_and_gets_the_same(tmp_path):
    where = tmp_path / "compiled"
    for _ in range(2):
        done = diffsim_run(*SHORT, f"device.compilation_cache={where}", folder=tmp_path)
        assert done.returncode == 0, done.stderr
        kept = {path.name for path in where.iterdir() if path.name.endswith("-cache")}
        assert kept
    assert {path.name for path in where.iterdir() if path.name.endswith("-cache")} == kept
    first, second = (
        pd.read_csv(folder / "metrics.csv", dtype=str) for folder in run_folders(tmp_path)
    )
    assert first.drop(columns="wall_s").equals(second.drop(columns="wall_s"))
    assert float(second["wall_s"][0]) < float(first["wall_s"][0])


def test_a_sweep_over_a_number_compiles_nothing_more(tmp_path):
    where = tmp_path / "compiled"
    kept = []
    for friction in (["robot.friction=0.7"], ["-m", "robot.friction=0.3,0.4,0.5,0.6"]):
        done = diffsim_run(*friction, *SHORT, f"device.compilation_cache={where}", folder=tmp_path)
        assert done.returncode == 0, done.stderr
        kept.append({path.name for path in where.iterdir() if path.name.endswith("-cache")})
    assert kept[0] == kept[1] != set()


def test_it_can_be_turned_off(tmp_path, monkeypatch):
    where = tmp_path / "compiled"
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(where))
    done = diffsim_run(*SHORT, "device.compilation_cache=off", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert not where.exists()


def test_a_folder_that_cannot_be_made_is_one_clear_line(tmp_path):
    (tmp_path / "file").write_text("")
    done = diffsim_run(*SHORT, "device.compilation_cache=file", folder=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "device.compilation_cache must be auto, off or a folder, got 'file'" in done.stderr
