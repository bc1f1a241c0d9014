"""The memory that this process and its workers held, on each system in its own way.

In MB of 2**20 bytes.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TypeVar

I = TypeVar("I")  # noqa: E741
R = TypeVar("R")


def peak_mb() -> float:
    """The most that this process ever held; 0.0 where the system does not tell."""
    if sys.platform == "win32":
        return _windows_mb("PeakWorkingSetSize")
    # What Linux says of resources used is, of a spawned process, at least what its parent held.
    own = peak_of_mb(os.getpid())
    if own:
        return own
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 1024


def peak_of_mb(process_id: int) -> float:
    """The same of another process, where the system shows it as Linux does; else 0.0."""
    return _status_mb(process_id, "VmHWM:")


def now_mb() -> float:
    """What this process holds now; where the system does not tell, the most it ever held."""
    if sys.platform == "win32":
        return _windows_mb("WorkingSetSize")
    return _status_mb(os.getpid(), "VmRSS:") or peak_mb()


def measured(function: Callable[[I], R], item: I) -> tuple[int, float, R]:
    """In a worker: its process, the most it ever held, and the answer."""
    answer = function(item)
    return os.getpid(), peak_mb(), answer


class Workers:
    """What worker processes of this machine held, told by themselves with each answer."""

    def __init__(self) -> None:
        self._peaks: dict[int, float] = {}
        self._together = 0.0

    def saw(self, process_id: int, peak: float) -> None:
        self._peaks[process_id] = peak
        self._together = max(self._together, now_mb() + self.peaks_mb)

    @property
    def peaks_mb(self) -> float:
        """The peaks of all workers, as if they had been at one time."""
        return sum(self._peaks.values())

    @property
    def together_mb(self) -> float:
        """The most that this process held, by itself or beside its workers."""
        return max(peak_mb(), self._together)


def _status_mb(process_id: int, key: str) -> float:
    from pathlib import Path

    try:
        lines = Path(f"/proc/{process_id}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0.0
    for line in lines:
        if line.startswith(key):
            return int(line.split()[1]) / 1024
    return 0.0


def _windows_mb(which: str) -> float:
    import ctypes
    from ctypes import wintypes

    class Counters(ctypes.Structure):
        _fields_ = [
            ("cb", wintypes.DWORD),
            ("PageFaultCount", wintypes.DWORD),
            ("PeakWorkingSetSize", ctypes.c_size_t),
            ("WorkingSetSize", ctypes.c_size_t),
            *((f"other_{k}", ctypes.c_size_t) for k in range(6)),
        ]

    counters = Counters()
    counters.cb = ctypes.sizeof(counters)
    windll = ctypes.windll  # type: ignore[attr-defined,unused-ignore]
    process = windll.kernel32.GetCurrentProcess()
    windll.psapi.GetProcessMemoryInfo(process, ctypes.byref(counters), counters.cb)
    return float(getattr(counters, which)) / 2**20
