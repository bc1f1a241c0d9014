"""Ten million half hours of 100 meters out of one CSV into the ledger, as the window does it.

Read, compared and stored in a job of the window's own runner, while a timer of 20 ms in the GUI
thread tells what the window felt, and /proc what it took of memory.
"""

from __future__ import annotations

import gc
import shutil
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from bench.common import Row
from energy_desktop.domain.ports import ProgressSink
from energy_desktop.services.import_changes import ImportRules
from energy_desktop.services.importing import ImportService
from energy_desktop.storage import WriterOptions, open_store

_METERS = 100
_BEAT_MS = 20


def run(quick: bool) -> list[Row]:
    """`quick`: a tenth of the rows; the goals are scaled with them."""
    rows = 1_000_000 if quick else 10_000_000
    folder = Path(tempfile.mkdtemp(prefix="import-bench-"))
    try:
        return _import(folder, rows)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _import(folder: Path, rows: int) -> list[Row]:
    from PySide6.QtCore import QEventLoop, QTimer
    from PySide6.QtWidgets import QApplication

    from energy_desktop.ui.jobs import JobRunner

    app = QApplication.instance() or QApplication([])
    path = _written(folder, rows // _METERS)

    def clock() -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)

    store = open_store(
        folder / "bench.db",
        engine_owner="bench",
        clock=clock,
        writer_options=WriterOptions(busy_ms=5_000),
    )
    service = ImportService(store.configuration, store.ledger, store.editing, clock, "bench")
    took: dict[str, float] = {}

    def work(progress: ProgressSink) -> int:
        began, cpu = time.perf_counter(), time.process_time()
        staged = service.stage([(found := service.look(path), found.layout)], progress)
        took["read"] = time.perf_counter() - began
        previews = service.preview(staged, progress=progress)
        took["compared"] = time.perf_counter() - began - took["read"]
        results = service.apply(staged, previews, ImportRules(), progress=progress)
        took["whole"] = time.perf_counter() - began
        took["cpu"] = time.process_time() - cpu
        staged.close()
        return sum(result.stored for result in results)

    jobs, loop = JobRunner(), QEventLoop()
    stored: list[int] = []
    beats: list[float] = []
    memory: list[int] = [_resident_mb()]

    def on_beat() -> None:
        beats.append(time.perf_counter())
        if len(beats) % 10 == 0:
            memory.append(_resident_mb())

    def on_error(error: Exception) -> None:
        loop.quit()
        raise error

    def on_result(number: int) -> None:
        stored.append(number)
        loop.quit()

    timer = QTimer()
    timer.setInterval(_BEAT_MS)
    timer.timeout.connect(on_beat)
    gc.collect()
    gc.freeze()  # as the engine does before the window is there
    timer.start()
    jobs.start_long(work, on_result, on_error, title="bench")
    loop.exec()
    timer.stop()
    gc.unfreeze()
    jobs.close()
    store.close()
    app.processEvents()
    if stored != [rows]:
        raise RuntimeError(f"{stored} of {rows} were stored")
    lateness = np.diff(np.array(beats)) * 1000 - _BEAT_MS
    goal_s = 60.0 * rows / 10_000_000
    grown = max(memory) - memory[0]
    name = f"{rows / 1e6:g} M rows"
    whole, stall = took["whole"], float(lateness.max())
    return [
        Row(f"{name}, file to ledger", whole, "s", f"< {goal_s:g} s", whole < goal_s,
            note=f"read {took['read']:.1f} s, compared {took['compared']:.1f} s"),
        Row(f"{name}, longest stall of the window", stall, "ms", "<= 100 ms", stall <= 100.0,
            note=f"p99 {np.percentile(lateness, 99):.0f} ms"),
        Row(f"{name}, memory on top", grown, "MB", "<= 250 MB", grown <= 250),
    ]  # fmt: skip


def _written(folder: Path, per_meter: int) -> Path:
    path = folder / "ten_million.csv"
    begin = np.datetime64("2019-01-01T00:00", "m")
    stamps = [
        str(at).replace("T", " ") for at in begin + np.arange(per_meter) * np.timedelta64(30, "m")
    ]
    values = np.random.default_rng(1)
    with path.open("w") as file:
        file.write("time_utc,meter,energy_kwh\n")
        for meter in range(_METERS):
            wh = values.integers(0, 900, per_meter).tolist()
            file.write(
                "".join(
                    f"{at},m{meter:03d},{one / 1000:.3f}\n"
                    for at, one in zip(stamps, wh, strict=True)
                )
            )
    return path


def _resident_mb() -> int:
    """Resident memory; 0 where there is no /proc."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 // 2**20
    except OSError:
        return 0
