"""What a fleet run is asked, and what it answers: thousands of meters instead of one.

Readings here are energies per step in mWh, as integers: a sum is then the same whatever the order
it was added up in, so one machine and a cluster give equal figures to the last bit.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Generic, TypeVar

from energy_desktop.domain.contract import WeeklyHours

T = TypeVar("T")

MWH_PER_KWH = 1_000_000  # mWh, the step in which readings are kept


class DropReason(Enum):
    """Why a row of a file is not used. The order is the order in which they are asked."""

    WRONG_COLUMNS = "wrong_columns"
    NO_HOUSEHOLD = "no_household"
    NULL = "null"
    NOT_A_NUMBER = "not_a_number"
    BAD_TIME = "bad_time"
    OFF_GRID = "off_grid"
    AMBIGUOUS_TIME = "ambiguous_time"
    OUT_OF_RANGE = "out_of_range"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    OTHER_STEP = "other_step"

    @property
    def words(self) -> str:
        return _REASONS[self]


_REASONS = {
    DropReason.WRONG_COLUMNS: "other columns than the header's, or characters that are no text",
    DropReason.NO_HOUSEHOLD: "no household",
    DropReason.NULL: "no value",
    DropReason.NOT_A_NUMBER: "a value that is no number",
    DropReason.BAD_TIME: "a time that does not exist, or not between 1995 and 2060",
    DropReason.OFF_GRID: "a time off the grid of its step",
    DropReason.AMBIGUOUS_TIME: "a local time that happened twice",
    DropReason.OUT_OF_RANGE: "a value no meter counts",
    DropReason.DUPLICATE: "an exact repeat",
    DropReason.CONFLICT: "several values for one time, all left out",
    DropReason.OTHER_STEP: "in a longer step than other readings of that time",
}


@dataclass(frozen=True, slots=True)
class Rate:
    """A price in some hours of the week; hours None: whenever no other rate of the tariff holds."""

    name: str
    price_per_kwh: Decimal
    hours: WeeklyHours | None = None


@dataclass(frozen=True, slots=True)
class FleetTariff:
    """A tariff that whole fleets are priced at. The first rate whose hours hold is the price."""

    name: str
    rates: tuple[Rate, ...]
    standing_per_day: Decimal = Decimal(0)

    def __post_init__(self) -> None:
        if sum(rate.hours is None for rate in self.rates) != 1:
            raise ValueError(f"tariff {self.name!r} needs one rate for all other hours")

    def rate_at(self, weekday: int, minute: int) -> Rate:
        """weekday: 0 is Monday; minute of the local day."""
        other = None
        for rate in self.rates:
            if rate.hours is None:
                other = rate
            elif rate.hours.contains(weekday, minute):
                return rate
        assert other is not None
        return other


def _hours(days: range, start_h: int, end_h: int) -> WeeklyHours:
    span = ((60 * start_h, 60 * end_h),)
    return WeeklyHours(tuple(span if day in days else () for day in range(7)))


FLAT = FleetTariff("Flat", (Rate("all hours", Decimal("0.25")),))
TIME_OF_USE = FleetTariff(
    "Time of use",
    (
        Rate("peak", Decimal("0.40"), _hours(range(5), 16, 20)),
        Rate("night", Decimal("0.15"), _hours(range(7), 0, 6)),
        Rate("day", Decimal("0.23")),
    ),
)
"""Round example prices, so that the first run needs no file; `--tariffs` brings real ones."""


@dataclass(frozen=True, slots=True)
class FileColumns:
    """How files with named columns are read; None: guessed from the header.

    unit: Wh, kWh, W or kW. step_min: 15, 30 or 60. stamp_end: a stamp marks the end of its step.
    The London layouts know all of it by themselves.
    """

    household: str | None = None
    time: str | None = None
    value: str | None = None
    tariff: str | None = None
    unit: str | None = None
    step_min: int | None = None
    stamp_end: bool = False


@dataclass(frozen=True, slots=True)
class FleetOptions:
    """A run. zone: the clock of days, and of stamps that carry no offset."""

    zone: str = "UTC"
    columns: FileColumns = field(default_factory=FileColumns)
    tariff_a: FleetTariff = FLAT
    tariff_b: FleetTariff = TIME_OF_USE
    currency: str = "EUR"
    segments: int = 4
    seed: int = 7


@dataclass(frozen=True, slots=True)
class SiteMeters:
    """The own meters of the site `name`, to join a run. meters: the ids of all of them; files:
    id -> the CSV of its readings, for those that have any.
    """

    name: str
    meters: tuple[str, ...]
    files: dict[str, Path]


@dataclass(frozen=True, slots=True)
class RunAsked:
    """What a run was asked when it was begun. engine: duckdb or spark. with_site: the meters of a
    site joined it.
    """

    folder: Path
    engine: str
    options: FleetOptions
    with_site: bool = False


@dataclass(frozen=True, slots=True)
class FleetPlan:
    """What a run would read and need, before it begins. All sizes and times are about.

    kinds: how the files are read, in words, and how many of them so. header: the columns of the
    first file that can be read; taken: role (household, time, value, tariff, unit, step) -> what
    it is there. refused: files that would be left out whole. seconds: None where nobody measured.
    lacking: what the engine lacks on this machine and how to get it, "" when nothing.
    state: new, goes_on, done, or replaces: the results there are of other files or options, and the
    run is refused unless it is said that they are replaced; busy: another process works there.
    """

    files: int
    bytes: int
    rows: int
    kinds: tuple[tuple[str, int], ...]
    header: tuple[str, ...]
    taken: dict[str, str]
    refused: tuple[BrokenFile, ...]
    seconds: float | None
    memory_mb: int
    disk_bytes: int
    free_bytes: int
    lacking: str
    state: str


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some rows of a list, and how many there are in all."""

    rows: tuple[T, ...]
    total: int
    offset: int = 0


@dataclass(frozen=True, slots=True)
class BrokenFile:
    """A file that was left out whole, and why, in words."""

    name: str
    why: str


@dataclass(frozen=True, slots=True)
class FileQuality:
    """What became of the rows of one file. dropped: reason value -> rows."""

    name: str
    rows_read: int
    rows_used: int
    dropped: dict[str, int]


@dataclass(frozen=True, slots=True)
class DroppedRow:
    """A row that is not used, as the file says it. line: where the reader knows it.

    other: the file that holds the same time of the household, "" when it is the same file or the
    row is no repeat.
    """

    file: str
    line: int | None
    household: str
    time: str
    value: str
    reason: str
    other: str = ""


@dataclass(frozen=True, slots=True)
class Scores:
    """A forecast of the next day against what came, on days after the split.

    r2_pooled: one figure over all households together; the spread between large and small ones
    alone makes it high. r2_within_median: the same within each household, median of those.
    """

    r2_pooled: float
    r2_within_median: float
    mae_kwh: float
    rmse_kwh: float


@dataclass(frozen=True, slots=True)
class Segment:
    """Households whose days look alike. shape (24,): hour of the day, 1.0 is its mean hour."""

    segment: int
    words: str
    households: int
    share_pct: float
    kwh_per_day: float
    night_share_pct: float
    weekend_ratio: float
    cost_per_year: float
    shape: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class FleetSummary:
    """The run in one value; the document of `fleet run --json`.

    Of a run that is not finished, what is not known yet is None or "", or not in its dict; rows are
    those read so far. peak_mb: most memory (MB of 2**20 bytes) of the run with its worker processes
    on this machine.
    stability: number of segments -> how alike they stay when half of the fleet is left out.
    refusals: why a stage has no answer, in sentences. estimated_s: what all of `seconds` together
    were thought to be when it began, on two cores; None: nobody said. example_tariffs: it was
    priced at the round prices that come with the program. no_readings: its files were read, and
    none of their readings can be used. site_is_newer: the site whose meters joined has other
    readings of them by now; only an answer to `run` says so.
    """

    engine: str
    finished: bool
    rows_read: int
    rows_used: int
    dropped: dict[str, int]
    broken: tuple[BrokenFile, ...]
    households: int | None
    household_days: int | None
    seconds: dict[str, float]
    peak_mb: float | None
    scores: dict[str, Scores]
    anomalies: int | None
    anomaly_methods: dict[str, dict[str, int]]
    segments: tuple[Segment, ...]
    stability: dict[int, float]
    first_day: str
    last_day: str
    zone: str
    currency: str
    refusals: tuple[str, ...] = ()
    estimated_s: float | None = None
    example_tariffs: bool = False
    no_readings: bool = False
    site_is_newer: bool = False


@dataclass(frozen=True, slots=True)
class HouseholdRow:
    """A household in a list or a scatter. segment 0: too little data. Costs a year in currency.

    anomalies: strange stretches the rule for hours found. missing_pct: of the time between its
    first and its last day.
    """

    household: str
    tariff: str
    segment: int
    kwh_per_day: float
    night_share_pct: float | None
    peak_share_pct: float | None
    missing_pct: float
    complete_days: int
    first_day: date
    last_day: date
    anomalies: int
    cost_a_per_year: float
    cost_b_per_year: float


@dataclass(frozen=True, slots=True)
class FleetOverview:
    """The first look: who, how much, how well measured, how many strange.

    summary is that of the whole run; the rest counts one year when `year` says so, and the
    households of one tariff when `tariff` does. tariffs: label -> households, of all. years: those
    that can be looked at alone. new_anomalies: stretches that nobody has marked as seen.
    """

    summary: FleetSummary
    households: int
    kwh_per_day: float
    missing_pct: float
    tariffs: dict[str, int]
    households_with_anomalies: int
    new_anomalies: int
    segments: tuple[Segment, ...]
    years: tuple[int, ...] = ()
    year: int | None = None
    tariff: str | None = None


@dataclass(frozen=True, slots=True)
class TrendDay:
    """A local day of the whole fleet; households: those whose day counts."""

    day: date
    households: int
    kwh: float
    peak_kwh: float
    off_kwh: float

    @property
    def kwh_per_household(self) -> float:
        return self.kwh / self.households if self.households else 0.0


@dataclass(frozen=True, slots=True)
class SeenMark:
    """Somebody has looked at a strange stretch."""

    at_ms: int
    who: str


@dataclass(frozen=True, slots=True)
class FleetAnomaly:
    """A strange stretch of one household. new: it ended in the last week of its data.

    score: how many of its usual days the deviation is worth in energy; for a meter that stands
    still or shows nothing, how many days it did. seen: None, nobody has marked it.
    """

    household: str
    kind: str
    start_ms: int
    end_ms: int
    actual_kwh: float
    expected_kwh: float
    score: float
    reason: str
    new: bool
    kwh_per_day: float
    last_days_kwh: tuple[float | None, ...]
    seen: SeenMark | None = None

    @property
    def state(self) -> str:
        """new, seen or earlier: whether somebody should look at it."""
        if self.seen is not None:
            return "seen"
        return "new" if self.new else "earlier"


@dataclass(frozen=True, slots=True)
class HouseholdForecast:
    """The day after a household's last one, and what the models were worth on its judged days."""

    household: str
    day: date
    kwh: float
    linear_kwh: float
    judged_days: int
    mae_kwh: float | None
    linear_mae_kwh: float | None


@dataclass(frozen=True, slots=True)
class TariffRow:
    """One household under both tariffs: what was read, in 1e-4 currency units, and a year of it."""

    household: str
    tariff: str
    bill_a_units: int
    bill_b_units: int
    cost_a_per_year: float
    cost_b_per_year: float

    @property
    def change_units(self) -> int:
        """Under zero: B is cheaper."""
        return self.bill_b_units - self.bill_a_units


@dataclass(frozen=True, slots=True)
class TariffSummary:
    """Both tariffs over the fleet. response: in words, None with too few households on one.
    example: the prices are those that come with the program.
    """

    name_a: str
    name_b: str
    total_a_units: int
    total_b_units: int
    winners: int
    losers: int
    unchanged: int
    response: str | None
    rows: Page[TariffRow]
    example: bool = False


@dataclass(frozen=True, slots=True)
class DataQuality:
    """What became of the files."""

    files: Page[FileQuality]
    broken: tuple[BrokenFile, ...]
    dropped: dict[str, int]


@dataclass(frozen=True, slots=True)
class HouseholdView:
    """Everything about one household. day, kwh: one entry a day, None where it does not count.

    week_kw (336): mean power of each half hour of the local week, None where never read.
    example_tariffs: the bills are at the prices that come with the program.
    """

    row: HouseholdRow
    segment_words: str
    day: tuple[date, ...]
    kwh: tuple[float | None, ...]
    week_kw: tuple[float | None, ...]
    anomalies: tuple[FleetAnomaly, ...]
    forecast: HouseholdForecast | None
    bill_a_units: int
    bill_b_units: int
    example_tariffs: bool = False
