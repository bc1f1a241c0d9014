"""The field thread: one asyncio loop with a task per link, and the door to it from other threads.

asyncio has a thread of its own because Qt's loop cannot serve sockets as fast, and because a
server has no Qt. What other threads may do is posted into the loop; what they may look at
(`statuses`) is replaced whole, so that nobody waits for anybody.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from energy_desktop.acquisition.asking import TELEGRAM_PATIENCE_S, Asking, Guests, where_of
from energy_desktop.acquisition.driver_profile import SUNSPEC
from energy_desktop.acquisition.link_task import LinkTask, MeterOnLink, Outlets, TakesReadings
from energy_desktop.acquisition.links import make_task
from energy_desktop.acquisition.links.failure import RequestFailed, no_answer
from energy_desktop.acquisition.links.frame_log import FRAMES_KEPT
from energy_desktop.acquisition.profiles import DriverProfile, ProfileLibrary
from energy_desktop.acquisition.reading import Correction
from energy_desktop.acquisition.schedule import Slots, phase
from energy_desktop.acquisition.tracking import MeterTrack, log
from energy_desktop.acquisition.trial import quiet
from energy_desktop.domain.bus import BusStatistics, Frame
from energy_desktop.domain.clock import Clock, system_clock
from energy_desktop.domain.commissioning import DeviceIdentity, RawRegisters
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.driver import TestReading
from energy_desktop.domain.energy import Gap
from energy_desktop.domain.errors import MeterUnreachable, UserFacingError, WrongUse
from energy_desktop.domain.link_kinds import MODBUS, kind_info
from energy_desktop.domain.ports import SnapshotSink
from energy_desktop.domain.push import PushedReading, PushOutcome
from energy_desktop.domain.site import Link, LinkKind, Meter
from energy_desktop.domain.snapshot import LinkState, MeterStatus

T = TypeVar("T")

DRIVER_CHECK_S = 2.0  # how soon an edited driver file is used
FIRST_POLL_WITHIN_S = 1.0
PUSHED_AT_A_STRETCH = 50
FRAMES_IN_ALL = 60_000
"""What the logs of all links keep together: with a thousand links a minute each, under 20 MB."""
OPENING_S = 0.1  # of a serial port
FEWEST_FRAMES = 50  # of a link, however many there are


@dataclass(frozen=True, slots=True)
class _Wanted:
    """All of a meter that polling depends on: when none of it changed, nothing is disturbed."""

    profile: DriverProfile
    link: Link
    unit_id: int
    address: str
    period_s: float
    correction: Correction


@dataclass(slots=True)
class _Line:
    """A link that is being read."""

    link: Link
    number: int
    work: LinkTask
    task: "asyncio.Task[None]"
    meters_so_far: int = 0

    def close(self) -> None:
        self.work.end()
        self.task.cancel()


class Field:
    """Implements domain.ports.FieldControl and BusAccess.

    sink gets every snapshot. on_event gets a meter's status when its state changes. on_gap gets
    the stretch without readings when a lost meter is back, leaves the configuration, or the field
    stops. All three are called in the field thread and must return at once. password: of a link by
    its id, where it has one; asked in another thread.
    """

    def __init__(
        self,
        library: ProfileLibrary,
        sink: SnapshotSink,
        *,
        clock: Clock = system_clock,
        on_event: Callable[[MeterStatus], None] | None = None,
        on_gap: Callable[[Gap], None] | None = None,
        password: Callable[[str], str | None] | None = None,
    ) -> None:
        self._library = library
        self._statuses: dict[str, MeterStatus] = {}
        self._guests = Guests()
        self._outlets = self._guests.outlets(
            Outlets(
                sink,
                clock,
                self._statuses,
                on_event or _ignore,
                on_gap or _ignore,
                password or _no_password,
                self._zone,
            )
        )
        self._asking = Asking(self._running, self._outlets, self._guests)
        self._configuration = Configuration()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._started = threading.Event()
        self._ending: asyncio.Event | None = None
        self._lines: dict[str, _Line] = {}
        self._wanted: dict[str, _Wanted] = {}
        self._drivers: tuple[DriverProfile, ...] = ()
        self._links_so_far = 0

    # From any thread

    def start(self) -> None:
        """Starts the thread and polls the configuration given so far. A second call is nothing."""
        if self._thread is not None:
            return
        self._started.clear()
        self._thread = threading.Thread(target=self._run, name="field", daemon=True)
        self._thread.start()
        self._started.wait()

    def _zone(self) -> ZoneInfo | None:
        try:
            return ZoneInfo(self._configuration.site.zone)
        except (ZoneInfoNotFoundError, ValueError):
            return None

    def stop(self, timeout_s: float = 5.0) -> bool:
        """Ends every poll and closes every link. False: the thread did not end in time."""
        thread, loop, ending = self._thread, self._loop, self._ending
        if thread is None or loop is None or ending is None:
            return True
        loop.call_soon_threadsafe(ending.set)
        thread.join(timeout_s)
        if thread.is_alive():
            return False
        self._thread = None
        return True

    def statuses(self) -> dict[str, MeterStatus]:
        statuses = self._statuses.copy()
        return {key: status for key, status in statuses.items() if key not in self._guests}

    def reconfigure(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._post(self._apply)

    def try_now(self, meter_id: str) -> None:
        self._post(self._try_now, meter_id)

    def read_once(
        self,
        link: Link,
        driver_id: str,
        unit_id: int,
        *,
        address: str = "",
        timeout_s: float = 5.0,
    ) -> TestReading:
        """One trial read, over the connection that polls the same address if there is one.

        A meter that sends telegrams is given TELEGRAM_PATIENCE_S at least.
        Raises MeterUnreachable, MeterAnswerWrong, NotFound (driver), DriverFileError, or WrongUse
        for a driver that does not fit the link.
        """
        profile = self._library.get(driver_id)
        check_protocol(link, profile)
        site = self._configuration.site
        nominal = (site.nominal_voltage_v, site.nominal_frequency_hz)
        model = profile.models[0] if profile.models else profile.driver_id
        if kind_info(link).protocol != MODBUS:
            timeout_s = max(timeout_s, TELEGRAM_PATIENCE_S)
        return self._ask(
            self._asking.trial(link, profile, unit_id, address, nominal, timeout_s),
            f"{model}, {where_of(link, unit_id)}",
            timeout_s + 1.0,
        )

    def write_register(
        self, link: Link, unit_id: int, address: int, value: int, *, timeout_s: float = 5.0
    ) -> int:
        """Writes a holding register (function 6), reads it back and returns what it then holds.

        Raises WrongUse for what no register can be, MeterUnreachable and MeterAnswerWrong.
        """
        where = f"Register {address} of {link.address}, unit {unit_id}"
        if not (0 <= address <= 0xFFFF and 0 <= value <= 0xFFFF and 1 <= unit_id <= 255):
            raise WrongUse(
                where=where,
                what=f"{value} cannot be written there.",
                remedy="Address and value are 0 to 65535, the unit is 1 to 255.",
            )
        return self._ask(self._asking.write(link, unit_id, address, value), where, timeout_s)

    def read_registers(
        self,
        link: Link,
        unit_id: int,
        function: int,
        address: int,
        count: int,
        *,
        timeout_s: float = 5.0,
    ) -> RawRegisters:
        """One read of function 1 to 4; of bits, each is a word of 0 or 1."""
        question = self._asking.registers(link, unit_id, function, address, count)
        return self._ask(question, where_of(link, unit_id), timeout_s + _listening_s(link))

    def identify(
        self, link: Link, unit_id: int, *, timeout_s: float = 5.0
    ) -> DeviceIdentity | None:
        """Function 43/14; None: the device answers, but does not tell."""
        question = self._asking.identify(link, unit_id)
        return self._ask(question, where_of(link, unit_id), timeout_s + _listening_s(link))

    def frames(self, link_id: str, after: int = 0) -> tuple[Frame, ...]:
        """What went over the link since frame number `after`, as far as it is still kept."""
        line = self._lines.get(link_id)
        log = self._asking.log_of(link_id) if line is None else line.work.log
        return () if log is None else log.frames(after)

    def bus_statistics(self) -> tuple[BusStatistics, ...]:
        """Of every link that is read."""
        return tuple(line.work.statistics() for line in tuple(self._lines.values()))

    def push(
        self, readings: Sequence[PushedReading], *, timeout_s: float = 5.0
    ) -> tuple[PushOutcome, ...]:
        """Readings that sensors sent by themselves. Implements domain.ports.PushIntake.

        Raises MeterUnreachable when nothing is polled or the field does not get to it in time.
        """
        loop = self._loop
        work = self._take(tuple(readings))
        if loop is None or loop.is_closed():
            work.close()
            raise _not_taken("nothing is polled just now.")
        future = asyncio.run_coroutine_threadsafe(work, loop)
        try:
            return future.result(timeout_s)
        except CancelledError:
            raise _not_taken("the polling was stopped meanwhile.") from None
        except TimeoutError:
            future.cancel()
            raise _not_taken(f"the readings were not taken within {timeout_s:g} s.") from None

    def _post(self, function: Callable[..., None], *args: Any) -> None:
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(function, *args)

    def _ask(self, question: Coroutine[Any, Any, T], where: str, timeout_s: float) -> T:
        loop = self._loop
        work = _within(question, where, timeout_s)
        if loop is None or loop.is_closed():
            return asyncio.run(work)
        try:
            return asyncio.run_coroutine_threadsafe(work, loop).result()
        except CancelledError:
            raise MeterUnreachable(
                where=where, what="the polling was stopped meanwhile.", remedy="Try again."
            ) from None

    # In the field thread

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except Exception:  # noqa: BLE001  the outer edge of the thread
            log.exception("The field thread ended by a fault of this program.")
        finally:
            self._started.set()

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        quiet(self._loop)
        self._ending = asyncio.Event()
        self._drivers = self._library.all()
        self._apply()
        self._started.set()
        watch = asyncio.create_task(self._watch_drivers())
        try:
            await self._ending.wait()
        finally:
            watch.cancel()
            self._loop = None
            await self._end()

    async def _watch_drivers(self) -> None:
        while True:
            await asyncio.sleep(DRIVER_CHECK_S)
            drivers = await asyncio.to_thread(self._library.all)
            if drivers != self._drivers:
                self._drivers = drivers
                self._apply()

    async def _end(self) -> None:
        lines = list(self._lines.values())
        for line in lines:
            for meter_id in list(line.work.meters):
                line.work.remove(meter_id)
            line.close()
        await asyncio.gather(*(line.task for line in lines), return_exceptions=True)
        self._lines.clear()
        self._wanted.clear()
        for meter_id, status in self._statuses.items():
            self._statuses[meter_id] = MeterStatus(
                meter_id,
                LinkState.STOPPED,
                last_read_ms=status.last_read_ms,
                polls=status.polls,
                failures=status.failures,
                skipped_slots=status.skipped_slots,
            )

    def _apply(self) -> None:
        """Makes what is polled equal to the configuration; unchanged meters go on as they were."""
        configuration = self._configuration
        wanted: dict[str, _Wanted] = {}
        for meter in configuration.meters:
            if not (meter.enabled and meter.driver_id):
                continue
            try:
                wanted[meter.meter_id] = self._want(configuration, meter)
            except UserFacingError as error:
                self._refuse(meter, error)
        for line in self._lines.values():
            for meter_id in [
                m
                for m in line.work.meters
                if m not in self._guests and self._wanted[m] != wanted.get(m)
            ]:
                line.work.remove(meter_id)
        refused = {
            meter.meter_id
            for meter in configuration.meters
            if meter.enabled and meter.driver_id and meter.meter_id not in wanted
        }
        for meter_id in self._statuses.keys() - wanted.keys() - refused:
            del self._statuses[meter_id]
        used = {want.link for want in wanted.values()}
        for link_id, line in list(self._lines.items()):
            if line.link not in used:
                line.close()
                del self._lines[link_id]
                self._share_frames()
        for meter in configuration.meters:
            if meter.meter_id not in wanted:
                continue
            try:
                self._poll(meter, wanted[meter.meter_id])
            except UserFacingError as error:
                del wanted[meter.meter_id]
                self._refuse(meter, error)
        self._wanted = wanted

    def _want(self, configuration: Configuration, meter: Meter) -> _Wanted:
        link = configuration.link(meter.link_id)
        if link is None:
            raise MeterUnreachable(
                where=meter.name,
                what=f"its link {meter.link_id!r} does not exist.",
                remedy="Choose the connection by which it is read.",
            )
        if not meter.poll_interval_s > 0:
            raise WrongUse(
                where=meter.name,
                what=f"a poll interval of {meter.poll_interval_s} s is none.",
                remedy="Set it to 0.2 s or more.",
            )
        profile = self._library.get(meter.driver_id)
        check_protocol(link, profile)
        return _Wanted(
            profile,
            link,
            meter.unit_id,
            meter.address,
            meter.poll_interval_s,
            Correction(meter.ct_ratio, meter.vt_ratio, meter.invert),
        )

    def _refuse(self, meter: Meter, error: UserFacingError) -> None:
        """A meter that cannot even be asked: said once, in words, and shown as misconfigured."""
        status = MeterStatus(
            meter.meter_id,
            LinkState.MISCONFIGURED,
            last_error=f"{error.where}: {error.what}",
            remedy=error.remedy,
        )
        if self._statuses.get(meter.meter_id) != status:
            log.warning("%s: %s", meter.name, error)
            self._statuses[meter.meter_id] = status
            self._outlets.on_event(status)

    def _poll(self, meter: Meter, want: _Wanted) -> None:
        line = self._lines.get(want.link.link_id) or self._open(want.link)
        where = f"{meter.name} ({want.profile.models[0]}, {where_of(want.link, meter.unit_id)})"
        known = line.work.meters.get(meter.meter_id)
        if known is not None:
            known.track.meter, known.track.where = meter, where
            return
        loop = asyncio.get_running_loop()
        offset = phase(line.number, line.meters_so_far)
        line.meters_so_far += 1
        first_s = loop.time() + offset * min(want.period_s, FIRST_POLL_WITHIN_S)
        track = MeterTrack(meter, where, Slots(first_s, want.period_s))
        line.work.put(MeterOnLink(track, want.profile, want.correction))

    def _open(self, link: Link) -> _Line:
        work = make_task(link, self._outlets)
        task = asyncio.create_task(work.run(), name=f"link {link.link_id}")
        line = self._lines[link.link_id] = _Line(link, self._links_so_far, work, task)
        self._links_so_far += 1
        self._share_frames()
        return line

    def _share_frames(self) -> None:
        capacity = FRAMES_IN_ALL // max(1, len(self._lines))
        for line in self._lines.values():
            line.work.log.keep(min(FRAMES_KEPT, max(FEWEST_FRAMES, capacity)))

    def _try_now(self, meter_id: str) -> None:
        for line in self._lines.values():
            if line.work.try_now(meter_id):
                return

    async def _take(self, readings: tuple[PushedReading, ...]) -> tuple[PushOutcome, ...]:
        """Oldest first, and never so many at a stretch that a poll would be late."""
        works = {
            meter_id: line.work
            for line in self._lines.values()
            if isinstance(line.work, TakesReadings)
            for meter_id in line.work.meters
        }
        outcomes: dict[int, PushOutcome] = {}
        for count, at in enumerate(sorted(range(len(readings)), key=_time_of(readings))):
            if count % PUSHED_AT_A_STRETCH == PUSHED_AT_A_STRETCH - 1:
                await asyncio.sleep(0)
            work = works.get(readings[at].meter_id)
            outcomes[at] = (
                PushOutcome("its meter is not read just now.", "Look at it under Meters.")
                if work is None or readings[at].meter_id not in work.meters
                else work.arrive(readings[at])
            )
        return tuple(outcomes[at] for at in range(len(readings)))

    def _running(self, link: Link) -> LinkTask | None:
        """The task that reads what the link leads to."""
        return next(
            (line.work for line in self._lines.values() if _same(line.link, link)),
            None,
        )


async def _within(question: Coroutine[Any, Any, T], where: str, timeout_s: float) -> T:
    try:
        async with asyncio.timeout(timeout_s):
            return await question
    except RequestFailed as failure:
        raise failure.for_user(where) from None
    except TimeoutError:
        raise no_answer(timeout_s).for_user(where) from None


def _listening_s(link: Link) -> float:
    """How long a line is listened to before and after a question, which is no time to answer."""
    has_numbers = link.kind in (LinkKind.MODBUS_TCP, LinkKind.MODBUS_TLS)
    return 0.0 if has_numbers else 2 * link.guard_s + OPENING_S


def check_protocol(link: Link, profile: DriverProfile) -> None:
    """Raises WrongUse for a driver that cannot read over such a link."""
    spoken = MODBUS if profile.protocol == SUNSPEC else profile.protocol
    info = kind_info(link)
    if spoken != info.protocol:
        raise WrongUse(
            where=link.address,
            what=f"the driver {profile.driver_id} speaks {spoken}, and {info.label} does not.",
            remedy=f"Choose a driver for {info.protocol}, or another connection.",
        )


def _same(one: Link, other: Link) -> bool:
    """Whether both lead to the same device, so that one connection must serve both."""
    if one.kind is not other.kind:
        return False
    if one.is_serial and other.is_serial:
        return one.address == other.address
    return (one.host, one.port) == (other.host, other.port)


def _time_of(readings: Sequence[PushedReading]) -> Callable[[int], int]:
    return lambda at: readings[at].read_at_ms


def _not_taken(what: str) -> MeterUnreachable:
    return MeterUnreachable(where="HTTP in", what=what, remedy="Send the same request again later.")


def _no_password(_link_id: str) -> str | None:
    """For callers that have none to give."""
    return None


def _ignore(_: object) -> None:
    """For callers that do not listen."""
