"""The most memory this process ever held, on each system in its own way."""

from __future__ import annotations

import sys


def peak_mb() -> float:
    """In MB of 2**20 bytes; 0.0 where the system does not tell."""
    if sys.platform == "win32":
        return _windows_mb()
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 1024


def peak_of_mb(process_id: int) -> float:
    """The same of another process, where the system shows it as Linux does; else 0.0."""
    from pathlib import Path

    try:
        lines = Path(f"/proc/{process_id}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0.0
    for line in lines:
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _windows_mb() -> float:
    import ctypes
    from ctypes import wintypes

    class Counters(ctypes.Structure):
        _fields_ = [
            ("cb", wintypes.DWORD),
            ("PageFaultCount", wintypes.DWORD),
            ("PeakWorkingSetSize", ctypes.c_size_t),
            *((f"other_{k}", ctypes.c_size_t) for k in range(7)),
        ]

    counters = Counters()
    counters.cb = ctypes.sizeof(counters)
    windll = ctypes.windll  # type: ignore[attr-defined,unused-ignore]
    process = windll.kernel32.GetCurrentProcess()
    windll.psapi.GetProcessMemoryInfo(process, ctypes.byref(counters), counters.cb)
    return float(counters.PeakWorkingSetSize) / 2**20
