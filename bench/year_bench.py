"""A year of a hundred meters, sealed: what a history page asks for, and a backup beside a writer.

A value a minute of power and energy for a year and a hundred meters: 105 million values. The goals
are processor time of the question, on a cache that has just been made cold (a new store object).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from bench.common import Row
from bench.store_bench import scratch_folder
from energy_desktop.domain.energy import DAY_MS, HOUR_MS, Resolution
from energy_desktop.domain.snapshot import Layout, Snapshot
from energy_desktop.storage import Store, open_store

_END_MS = 1_800_000_000_000 // DAY_MS * DAY_MS
_MINUTE_MS = 60_000
_LIVE = Layout("live", ("power_w", "energy_import_wh"))


def run(quick: bool) -> list[Row]:
    """`quick`: ten meters of two months; the goals are those of the hundred and the year."""
    meters, days = (10, 60) if quick else (100, 365)
    with scratch_folder() as folder:
        path = folder / "year.db"
        took_s = _fill(path, meters, days)
        size = path.stat().st_size
        values = 2 * meters * days * 1_440
        span = f"{meters} meters, {days} days"
        return [
            Row(
                "writing minutes as sealed history",
                values / took_s / 1e6,
                "M values/s",
                "",
                None,
                note=f"{span}: {values / 1e6:.0f} M values, {size / 1e6:.0f} MB, "
                f"{size / values:.2f} B a value",
            ),
            _asked(path, "30 days of hourly means of all meters", 150.0, span, _hourly(meters)),
            _asked(path, "overview of the whole span, 2,000 points", 50.0, span, _overview(days)),
            _asked(path, "zoom to an hour in the middle", 5.0, span, _zoom(days)),
            *_backed_up(path, folder, size, span),
        ]


def _fill(path: Path, meters: int, days: int) -> float:
    chance = np.random.default_rng(7)
    start = _END_MS - days * DAY_MS
    times = start + np.arange(days * 1_440, dtype=np.int64) * _MINUTE_MS
    began = time.perf_counter()
    with open_store(path, engine_owner="bench") as store:
        for meter in range(meters):
            walk = 20_000 + np.cumsum(chance.normal(0, 40, len(times)))
            power = np.abs(np.rint(walk * 10) / 10)
            energy = np.rint(np.cumsum(power / 60))
            store.bulk.add_sealed(f"m{meter}", "power_w", times, power)
            store.bulk.add_sealed(f"m{meter}", "energy_import_wh", times, energy)
    return time.perf_counter() - began


def _asked(
    path: Path, name: str, goal_ms: float, span: str, question: Callable[[Store], Any]
) -> Row:
    best = float("inf")
    for _ in range(5):
        with open_store(path, read_only=True) as store:
            store.history.extent("m0")  # opening is not the question
            began = time.process_time()
            answer = question(store)
            best = min(best, time.process_time() - began)
            assert answer > 0
    return Row(name, best * 1e3, "ms", f"<= {goal_ms:g}", best * 1e3 <= goal_ms, note=span)


def _hourly(meters: int) -> Callable[[Store], int]:
    def question(store: Store) -> int:
        return sum(
            int(
                store.history.buckets(
                    f"m{meter}", "power_w", _END_MS - 30 * DAY_MS, _END_MS, Resolution.HOUR
                ).n.sum()
            )
            for meter in range(meters)
        )

    return question


def _overview(days: int) -> Callable[[Store], int]:
    def question(store: Store) -> int:
        start = _END_MS - days * DAY_MS
        return len(store.history.overview("m3", "power_w", start, _END_MS, 2_000).n)

    return question


def _zoom(days: int) -> Callable[[Store], int]:
    def question(store: Store) -> int:
        middle = _END_MS - days // 2 * DAY_MS
        return len(store.history.raw("m3", "power_w", middle, middle + HOUR_MS).values)

    return question


def _backed_up(path: Path, folder: Path, size: int, span: str) -> list[Row]:
    """A hot copy while a hundred readings a second are written; how late any commit became."""
    stop = threading.Event()
    late: list[float] = []

    with open_store(path, engine_owner="bench") as store:
        store.start()

        def poll() -> None:
            second = 0
            while not stop.wait(1.0):
                second += 1
                at = _END_MS + second * 1_000
                for meter in range(100):
                    values = (1_000.0, 1e8 + second)
                    store.writer.put(Snapshot(f"m{meter}", at, _LIVE, values))

        def watch(batch: Sequence[Snapshot]) -> None:
            del batch
            late.append(time.monotonic())

        store.writer.on_committed = watch
        poller = threading.Thread(target=poll, daemon=True)
        poller.start()
        time.sleep(2.5)
        began = time.monotonic()
        store.backup(folder / "copy.db")
        took_s = time.monotonic() - began
        time.sleep(2.0)  # for the commit after the copy, which is the one that may be late
        stop.set()
        poller.join()
        lost = store.stats().lost
    during = [b - a for a, b in pairwise(late) if b >= began]
    gap_s = max(during, default=0.0)
    per_gb = took_s / (size / 1e9)
    large = size > 100e6  # opening and checking a small file says nothing of a gigabyte
    return [
        Row(
            "hot backup, verified by checksums",
            per_gb,
            "s/GB",
            "< 30",
            per_gb < 30 if large else None,
            note=f"{size / 1e6:.0f} MB in {took_s:.1f} s, {span}",
        ),
        Row(
            "longest time between two commits during the backup",
            gap_s,
            "s",
            "< 2",
            gap_s < 2 and lost == 0,
            note="100 readings each second, a commit each second; none lost",
        ),
    ]
