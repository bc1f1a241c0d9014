"""Fleets as values, and a service that only gives them."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

from energy_desktop.domain.errors import NotFound
from energy_desktop.domain.fleet import (
    BrokenFile,
    DataQuality,
    DroppedRow,
    FileQuality,
    FleetAnomaly,
    FleetOverview,
    FleetPlan,
    FleetSummary,
    HouseholdForecast,
    HouseholdRow,
    HouseholdView,
    Page,
    Scores,
    SeenMark,
    Segment,
    TariffRow,
    TariffSummary,
    TrendDay,
)

DAY = 86_400_000
START_MS = 1_357_000_000_000 // DAY * DAY
FIRST = date(2013, 1, 1)
EVENING = tuple(0.6 + (1.4 if 17 <= hour <= 20 else 0.0) for hour in range(24))
FLAT = (1.0,) * 24


def a_segment(number=1, households=30, words="low, evening peak, flat weekend", shape=EVENING):
    return Segment(number, words, households, 60.0, 4.2, 13.0, 1.0, 355.0, shape)


def an_anomaly(household="MAC000012", *, score=5.0, new=False, day=10, reason=""):
    start = START_MS + day * DAY
    return FleetAnomaly(
        household, "above", start, start + DAY, 11.9, 0.9, score,
        reason or f"More than usual for 24 h: {household}.", new, 2.2,
        (1.0, 2.0, None, 3.0, 2.0, 1.0, 4.0),
    )  # fmt: skip


def a_household(name="MAC000012", **changes):
    values = {
        "household": name, "tariff": "Std", "segment": 1, "kwh_per_day": 2.2,
        "night_share_pct": 16.0, "peak_share_pct": 30.0, "missing_pct": 0.4, "complete_days": 60,
        "first_day": FIRST, "last_day": FIRST + timedelta(59), "anomalies": 1,
        "cost_a_per_year": 202.12, "cost_b_per_year": 197.07,
    }  # fmt: skip
    return HouseholdRow(**{**values, **changes})


def a_summary(**changes):
    values = {
        "engine": "duckdb", "finished": True, "rows_read": 1000, "rows_used": 990,
        "dropped": {"null": 4, "duplicate": 6}, "broken": (), "households": 50,
        "household_days": 3000, "seconds": {"ingest": 1.5, "daily": 0.5}, "peak_mb": 200.0,
        "scores": {
            "naive_yesterday": Scores(0.73, -0.34, 2.57, 4.45),
            "lightgbm": Scores(0.82, 0.15, 2.10, 3.61),
        },
        "anomalies": 3,
        "anomaly_methods": {
            "profile": {"found": 3, "households": 2, "judged": 50, "too_short": 0},
            "kmeans_residual": {"both": 1, "days": 3000, "kmeans": 5, "residual": 7},
        },
        "segments": (a_segment(), a_segment(2, 20, "high, even through the day, flat weekend",
                                            FLAT)),
        "first_day": "2013-01-01", "last_day": "2013-03-01", "zone": "Europe/London",
        "currency": "GBP", "stability": {2: 0.9, 3: 0.5},
    }  # fmt: skip
    return FleetSummary(**{**values, **changes})


def an_overview(summary=None, **changes):
    summary = summary or a_summary()
    values = {
        "summary": summary, "households": 50, "kwh_per_day": 10.4, "missing_pct": 0.2,
        "tariffs": {"Std": 40, "ToU": 10}, "households_with_anomalies": 2, "new_anomalies": 1,
        "segments": summary.segments,
    }  # fmt: skip
    return FleetOverview(**{**values, **changes})


def a_view(name="MAC000012", **changes):
    days = tuple(FIRST + timedelta(i) for i in range(60) if i != 30)
    values = {
        "row": a_household(name), "segment_words": "low, evening peak, flat weekend", "day": days,
        "kwh": tuple(2.0 + (i % 7) / 10 for i in range(len(days))),
        "week_kw": tuple(0.1 + (0.2 if i % 48 > 34 else 0.0) for i in range(336)),
        "anomalies": (an_anomaly(name),),
        "forecast": HouseholdForecast(name, FIRST + timedelta(60), 2.1, 2.3, 20, 0.4, 0.5),
        "bill_a_units": 2_019_700, "bill_b_units": 1_969_300,
    }  # fmt: skip
    return HouseholdView(**{**values, **changes})


def tariff_rows(n):
    return tuple(
        TariffRow(f"MAC{i:06d}", "Std", 2_000_000, 1_900_000 + 10_000 * i, 200.0, 190.0 + i)
        for i in range(n)
    )


def page(rows, offset, limit):
    until = None if limit is None else offset + limit
    return Page(tuple(rows[offset:until]), len(rows), offset)


PLAN = FleetPlan(
    files=3, bytes=87_000_000, rows=14_300_000, kinds=(("a row a reading, 30 min, kWh", 2),),
    header=("id", "when", "kwh", "watt"),
    taken={"household": "id", "time": "when", "value": "kwh", "tariff": "", "unit": "kWh",
           "step": "30"},
    refused=(BrokenFile("in/c.csv", "it is empty. Export it again."),), seconds=26.0,
    memory_mb=990, disk_bytes=171_000_000, free_bytes=60_000_000_000, lacking="", state="new",
)  # fmt: skip


class FakeFleet:
    """asked: (question, offset) in the order in which pages were read."""

    def __init__(self, runs=(Path("London pilot"),), households=250):
        self.known = runs
        self.rows = [
            a_household(f"MAC{i:06d}", kwh_per_day=1.0 + i % 40, night_share_pct=10.0 + i % 60)
            for i in range(households)
        ]
        self.found = [an_anomaly(f"MAC{i:06d}", score=9.0 - i / 100, new=i < 2) for i in range(150)]
        self.about = an_overview()
        self.asked = []
        self.asked_of = []  # (question, year)
        self.of_tariff = {}
        self.refuses_tariff = None
        self.examples_of = []
        self.made_years = []
        self.seen = {}
        self.remembered = []
        self.ran = []
        self.planned = []
        self.planning = PLAN
        self.refuses_plan = None
        self.again = None
        self.added = []
        self.joined = []
        self.replaced = []
        self.refuses = None

    def plan(self, folder, out, options=None, *, engine="duckdb", master=None, with_site=False):
        self.planned.append((options, engine, master))
        if self.refuses_plan:
            raise self.refuses_plan
        return replace(
            self.planning, lacking="Spark needs Java 17 or newer." if engine == "spark" else ""
        )

    def run(self, folder, out, options=None, *, engine="duckdb", master=None, with_site=False,
            replace=False, progress=lambda *_: None):  # fmt: skip
        progress(0.5, "reading files")
        if self.refuses:
            raise self.refuses
        self.joined.append(with_site)
        self.replaced.append(replace)
        self.ran.append((folder, out, options, engine, master))
        return self.about.summary

    def runs(self):
        return self.known

    def new_run(self, name):
        return Path("site") / "fleet" / name

    def summary(self, out):
        return self.about.summary

    def was_asked(self, out):
        return self.again

    def keeps(self, out):
        return out == Path("London pilot")

    def remember(self, out):
        self.remembered.append(out)

    def forget(self, out):
        self.known = tuple(one for one in self.known if one != out)

    def make_year(self, out, year, progress=lambda *_: None):
        progress(0.5, f"counting {year}")
        self.made_years.append(year)

    def examples(self, out, *, each=10, tariff=None, year=None):
        self.examples_of.append(tariff)
        return {s.segment: (EVENING, FLAT)[:each] for s in self.about.segments}

    def mark_seen(self, out, household, *, who, stretch=None):
        if self.refuses:
            raise self.refuses
        self.seen[household, stretch] = SeenMark(START_MS, who)
        return self.seen[household, stretch]

    def unmark_seen(self, out, household, *, stretch=None):
        del self.seen[household, stretch]

    def overview(self, out, *, year=None, tariff=None):
        if out.name == "nothing":
            raise NotFound(where="nothing", what="There is no fleet run.", remedy="Run one.")
        new = self.about.new_anomalies - len(self.seen)
        if tariff is not None and self.refuses_tariff:
            raise self.refuses_tariff
        if tariff in self.of_tariff:
            return replace(self.of_tariff[tariff], year=year, tariff=tariff)
        return replace(self.about, year=year, tariff=tariff, new_anomalies=new)

    def trends(self, out, *, offset=0, limit=None, year=None):
        self.asked_of.append(("trends", year))
        days = [TrendDay(FIRST + timedelta(i), 50, 500.0, 200.0, 300.0) for i in range(60)]
        return page(days, offset, limit)

    def segments(self, out, *, offset=0, limit=None, tariff=None, year=None):
        return page(self.of_tariff.get(tariff, self.about).segments, offset, limit)

    def stability(self, out):
        return self.about.summary.stability

    def refusals(self, out):
        return ("LightGBM had too few days.",)

    def households(self, out, *, offset=0, limit=100, order="household", tariff=None,
                   segment=None, search="", year=None):  # fmt: skip
        self.asked_of.append(("households", year))
        self.asked.append(("households", offset, limit, order, tariff, segment, search))
        rows = [row for row in self.rows if search.lower() in row.household.lower()]
        return page(rows, offset, limit)

    def forecasts(self, out, *, offset=0, limit=100):
        rows = [HouseholdForecast(r.household, FIRST, 2.0, 2.1, 9, 0.3, None) for r in self.rows]
        return page(rows, offset, limit)

    def anomalies(self, out, *, method="profile", offset=0, limit=100, tariff=None,
                  strongest_only=True, unseen_only=False, year=None):  # fmt: skip
        self.asked_of.append(("anomalies", year))
        self.unseen_asked = unseen_only
        self.asked.append(("anomalies", offset, limit, method, tariff, strongest_only))
        return page(self.found, offset, limit)

    def tariffs(self, out, *, offset=0, limit=100, order="saving", tariff=None, year=None):
        self.asked_of.append(("tariffs", year))
        return TariffSummary(
            "Flat", "Time of use", 457_096_400, 435_890_600, 34, 16, 0, None,
            page(tariff_rows(50), offset, limit),
        )  # fmt: skip

    def quality(self, out, *, offset=0, limit=100):
        files = [FileQuality("a.csv.gz", 600, 595, {"null": 5}), FileQuality("b.csv", 400, 400, {})]
        return DataQuality(page(files, offset, limit), (), {"null": 5})

    def dropped(self, out, *, offset=0, limit=100, reason=None):
        self.asked.append(("dropped", offset, limit, reason))
        rows = [DroppedRow("a.csv.gz", i, "MAC1", "2013-01-01", "Null", "null") for i in range(9)]
        rows.append(
            DroppedRow("a.csv.gz", None, "MAC1", "2013-01-02", "0.1 kWh", "duplicate", "in/b.csv")
        )
        return page(rows, offset, limit)

    def household(self, out, household):
        return a_view(household)

    def in_site_currency(self, options):
        return replace(options, currency="GBP")

    def add_to_site(self, out, household):
        if self.refuses:
            raise self.refuses
        self.added.append(household)
        return household


class FakePapers:
    def __init__(self):
        self.folders = []

    def pdf(self, out, *, year=None):
        return b"%PDF " + str(out).encode() + (b"" if year is None else b" %d" % year)

    def csv(self, out, folder, progress=lambda *_: None):
        progress(0.5, "writing")
        self.folders.append(folder)
        return 8


BROKEN = BrokenFile("torn.csv.gz", "It ends in the middle of a row.")
