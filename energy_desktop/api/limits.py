"""How much one caller may ask for, and how big a request may be.

Limits are kept per key and, while nobody has shown a key, per address, so that a guesser spends
his own share only. The tables of callers are bounded: the one heard longest ago is forgotten.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

MOST_BODY_BYTES = 1_000_000
UNKNOWN_PER_MINUTE = 30  # requests of one address without a valid key
_MOST_CALLERS = 1_000


class Buckets:
    """Token buckets: `per_minute` requests at once, and as many again each minute."""

    def __init__(self, per_minute: int, monotonic: Callable[[], float]) -> None:
        self.per_minute = per_minute
        self._monotonic = monotonic
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # tokens, as of when
        self._lock = Lock()

    def take(self, caller: str) -> int:
        """Takes a token. 0: the request may go on; else seconds until one is there again."""
        now_s = self._monotonic()
        rate = self.per_minute / 60.0
        with self._lock:
            tokens, since_s = self._left.pop(caller, (float(self.per_minute), now_s))
            tokens = min(float(self.per_minute), tokens + (now_s - since_s) * rate)
            wait_s = 0 if tokens >= 1.0 else max(1, math.ceil((1.0 - tokens) / rate))
            self._left[caller] = (tokens if wait_s else tokens - 1.0, now_s)
            while len(self._left) > _MOST_CALLERS:
                self._left.popitem(last=False)
        return wait_s
