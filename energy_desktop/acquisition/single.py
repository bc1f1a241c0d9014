"""Reads one meter that need not belong to any site, over whatever link leads to it.

Registers are asked for directly, so that an interval is kept to the millisecond. What speaks by
itself or in telegrams is read as the field reads it, by a field with nothing else to do.
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from dataclasses import replace

from energy_desktop.acquisition.asking import TELEGRAM_PATIENCE_S, nothing_heard, where_of
from energy_desktop.acquisition.field import Field, check_protocol
from energy_desktop.acquisition.profiles import ProfileLibrary
from energy_desktop.acquisition.reading import Correction
from energy_desktop.acquisition.trial import poll_meter
from energy_desktop.domain.clock import Clock, system_clock
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.link_kinds import MODBUS, kind_info
from energy_desktop.domain.site import Link, Meter
from energy_desktop.domain.snapshot import LinkState, MeterStatus, Snapshot


def read_meter(
    library: ProfileLibrary,
    meter: Meter,
    link: Link,
    *,
    count: int | None = 1,
    clock: Clock = system_clock,
    password: Callable[[str], str | None] | None = None,
) -> Iterator[Snapshot]:
    """`count` readings (None: for ever) in the meter's interval, blocking between them.

    One that speaks by itself is waited for as long as such meters may be silent. Raises WrongUse
    for a driver that does not fit the link, MeterUnreachable or MeterAnswerWrong at the first
    reading that fails, NotFound for an unknown driver.
    """
    profile = library.get(meter.driver_id)
    info = kind_info(link)
    check_protocol(link, profile)
    if info.protocol == MODBUS:
        yield from poll_meter(
            profile,
            link,
            meter.unit_id,
            count=count,
            interval_s=meter.poll_interval_s,
            clock=clock,
            correction=Correction(meter.ct_ratio, meter.vt_ratio, meter.invert),
            meter_id=meter.meter_id,
            address=meter.address,
        )
        return
    heard = _Heard(gives_up=not info.listens)
    field = Field(library, heard, clock=clock, on_event=heard.event, password=password)
    wanted = replace(meter, enabled=True, link_id=link.link_id)
    field.reconfigure(Configuration(links=(link,), meters=(wanted,)))
    patience_s = max(TELEGRAM_PATIENCE_S, 3 * meter.poll_interval_s)
    field.start()
    try:
        number = 0
        while count is None or number < count:
            snapshot = heard.next(patience_s)
            if snapshot is None:
                status = heard.failed or field.statuses().get(meter.meter_id)
                raise nothing_heard(where_of(link, meter.unit_id), status, patience_s)
            number += 1
            yield snapshot
    finally:
        field.stop()


class _Heard:
    """A sink that hands readings to whoever waits in another thread.

    gives_up: a meter that is asked and lost is not waited for any longer; one that speaks by
    itself may only be slow.
    """

    def __init__(self, *, gives_up: bool) -> None:
        self._gives_up = gives_up
        self._queue: queue.SimpleQueue[Snapshot | None] = queue.SimpleQueue()
        self.failed: MeterStatus | None = None

    def put(self, snapshot: Snapshot) -> None:
        self._queue.put(snapshot)

    def event(self, status: MeterStatus) -> None:
        silent = status.state is LinkState.LOST and self._gives_up
        if silent or status.state is LinkState.MISCONFIGURED:
            self.failed = status
            self._queue.put(None)

    def next(self, patience_s: float) -> Snapshot | None:
        """None: nothing came, or the meter is lost."""
        try:
            return self._queue.get(timeout=patience_s)
        except queue.Empty:
            return None
