"""Reads what a run has written, page by page: the whole of it, or one year of it."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from energy_desktop.domain.errors import NotFound
from energy_desktop.domain.fleet import (
    DataQuality,
    DroppedRow,
    FleetOverview,
    FleetSummary,
    HouseholdForecast,
    HouseholdRow,
    HouseholdView,
    Page,
    RunAsked,
    Segment,
    TariffRow,
    TariffSummary,
    TrendDay,
)
from energy_desktop.fleet import clock, options, segments, summary, tariffs, years
from energy_desktop.fleet.stored_run import StoredRun, limited, no_household, where
from energy_desktop.fleet.stretches import StrangeStretches

_ORDERS = {
    "household": "household",
    "use": "kwh_per_day DESC, household",
    "anomalies": "anomalies DESC, household",
    "missing": "missing_pct DESC, household",
    "saving": "bill_b_units - bill_a_units, household",
    "loss": "bill_b_units - bill_a_units DESC, household",
}
_BY_FILE = "file, line, household, time, value, text, reason"
_HOUSEHOLD = (
    "household, tariff, segment, kwh_per_day, 100 * night_share, 100 * peak_share, missing_pct, "
    "complete_days, first_day, last_day, anomalies, cost_a_per_year, cost_b_per_year"
)


class FleetResults:
    """The results in `out`. Raises NotFound when no run was ever begun there.

    Reads what is there: of a run that is not finished, the stages that are. year: what households
    used and paid, the days, the groups' figures and the strange stretches are those of that local
    year alone; years.make must have been done for it, else NotFound.
    """

    def __init__(self, out: Path, year: int | None = None) -> None:
        self.run = StoredRun(out)
        self.out = out
        self.year = None if year is None else years.read(self.run, year)
        self.strange = StrangeStretches(self.run, self.year)

    # The run ---------------------------------------------------------------------------------

    def summary(self) -> FleetSummary:
        return summary.summary(self.run.manifest)

    def asked(self) -> RunAsked | None:
        """What the run was asked; None: the manifest does not keep it."""
        about = self.run.manifest.about
        if "options" not in about:
            return None
        asked = options.from_document(about["options"])
        with_site = about.get("site") is not None
        return RunAsked(Path(about["folder"]), str(about["engine"]), asked, with_site)

    def years(self) -> tuple[int, ...]:
        """The years that can be looked at alone, in order."""
        return years.of(self.run)

    def segments(self, tariff: str | None = None) -> tuple[Segment, ...]:
        """tariff: their figures are those of its households alone; groups without one are not
        given. The words are those of the whole group.
        """
        whole = summary.segments(self.run.manifest) if self.year is None else self.year.segments
        return whole if tariff is None or not whole else self._segments_on(tariff, whole)

    def _segments_on(self, tariff: str, whole: tuple[Segment, ...]) -> tuple[Segment, ...]:
        """Counted as the run does."""
        rows = {
            str(name): (int(segment), float(cost))
            for name, segment, cost in self.run.rows(
                f"SELECT household, segment, cost_a_per_year FROM {self._households} "
                "WHERE tariff = ?",
                [tariff],
            )
        }
        weeks = self._weeks(list(rows))
        of = segments.shapes(weeks)
        labels = np.array([rows[name][0] - 1 for name in weeks.names], np.int64)
        cost = np.array([rows[name][1] for name in weeks.names])
        words = {one.segment: one.words for one in whole}
        found = segments.describe(of, np.where(of.usable, labels, -1), cost)
        return tuple(replace(one, words=words[one.segment]) for one in found)

    def _weeks(self, households: list[str]) -> tariffs.Weeks:
        """What they used in each half hour of the week; those without readings are not in it."""
        week = self.run.table("week") if self.year is None else self.year.week
        return tariffs.weeks_of(
            self.run.arrow(
                f"SELECT household, slot, mwh, covered_min FROM {week} "
                "WHERE household IN (SELECT unnest($1))",
                [households],
            )
        )

    def stability(self) -> dict[int, float]:
        """Number of segments -> how stable they would be, 1 at best."""
        return summary.stability(self.run.manifest)

    def refusals(self) -> tuple[str, ...]:
        """Why a stage has no answer, in sentences."""
        return summary.refusals(self.run.manifest)

    def overview(self, tariff: str | None = None) -> FleetOverview:
        """tariff: of its households alone, but for the summary. Raises NotFound: none has it."""
        households = self._households
        labels = {
            str(label): int(n)
            for label, n in self.run.rows(
                f"SELECT tariff, count(*) FROM {households} GROUP BY tariff ORDER BY tariff"
            )
        }
        if tariff is not None and tariff not in labels:
            raise NotFound(
                where=f"Tariff {tariff}",
                what="No household of the fleet is on it.",
                remedy=f"There are: {', '.join(filter(None, labels)) or 'none'}.",
            )
        chosen, values = where(("tariff = ?", tariff))
        total, kwh, missing, strange = self.run.row(
            "SELECT count(*), avg(kwh_per_day), avg(missing_pct), count(*) FILTER (anomalies > 0) "
            f"FROM {households} {chosen}",
            values,
        )
        return FleetOverview(
            summary=self.summary(),
            households=int(total),
            kwh_per_day=float(kwh or 0.0),
            missing_pct=float(missing or 0.0),
            tariffs=labels,
            households_with_anomalies=int(strange or 0),
            new_anomalies=self.strange.count_new(tariff),
            segments=self.segments(tariff),
            years=self.years(),
            year=None if self.year is None else self.year.year,
            tariff=tariff,
        )

    def examples(
        self, each: int, tariff: str | None = None
    ) -> dict[int, tuple[tuple[float, ...], ...]]:
        """Segment -> day shapes (24,) of up to `each` of its households, from small to large.

        Taken at even steps of the use a day, so that the same run shows the same ones.
        """
        chosen = self.run.rows(
            "SELECT household, segment FROM (SELECT household, segment, "
            "row_number() OVER by_use - 1 AS i, count(*) OVER (PARTITION BY segment) AS n "
            f"FROM {self._households} WHERE segment > 0 AND coalesce(tariff = $2, true) "
            "WINDOW by_use AS (PARTITION BY segment ORDER BY kwh_per_day, household)) "
            "WHERE i = 0 OR i * $1 // n > (i - 1) * $1 // n ORDER BY segment, i",
            [each, tariff],
        )
        if not chosen:
            return {}
        segment_of = {str(name): int(segment) for name, segment in chosen}
        weeks = self._weeks(list(segment_of))
        of = segments.shapes(weeks)
        place = {name: i for i, name in enumerate(weeks.names)}
        found: dict[int, tuple[tuple[float, ...], ...]] = {}
        for name, segment in segment_of.items():
            at = place.get(name)
            if at is not None and of.usable[at]:
                found[segment] = (*found.get(segment, ()), tuple(of.hour[at].tolist()))
        return found

    # Lists -----------------------------------------------------------------------------------

    def households(
        self,
        *,
        offset: int = 0,
        limit: int | None = 100,
        order: str = "household",
        tariff: str | None = None,
        segment: int | None = None,
        search: str = "",
    ) -> Page[HouseholdRow]:
        """order: household, use, anomalies, missing, saving or loss."""
        chosen, values = where(
            ("tariff = ?", tariff),
            ("segment = ?", segment),
            ("contains(lower(household), ?)", search.lower() or None),
        )
        table = f"{self._households} {chosen}"
        rows = self._page(_HOUSEHOLD, table, _ORDERS[order], values, limit, offset)
        return replace(rows, rows=tuple(_household(row) for row in rows.rows))

    def trends(self, *, offset: int = 0, limit: int | None = None) -> Page[TrendDay]:
        """The days of the fleet, oldest first."""
        days = None if self.year is None else self.year.days
        chosen, values = where(
            ("local_day >= ?", None if days is None else days[0]),
            ("local_day <= ?", None if days is None else days[-1]),
        )
        table = f"{self.run.table('trends.parquet')} {chosen}"
        told = "local_day, households, mwh / 1e6, peak_mwh / 1e6, off_mwh / 1e6"
        rows = self._page(told, table, "local_day", values, limit, offset)
        return replace(
            rows, rows=tuple(TrendDay(clock.day_of(row[0]), *row[1:]) for row in rows.rows)
        )

    def forecasts(
        self, *, offset: int = 0, limit: int | None = 100, household: str | None = None
    ) -> Page[HouseholdForecast]:
        """By household: the next day, and how far off the models were on the days judged."""
        if self.run.has_none("lightgbm") or self.run.has_none("regression"):
            return Page((), 0, offset)
        chosen, values = where(("household = ?", household))

        def of(stage: str) -> str:
            return (
                "SELECT household, max(local_day) FILTER (actual IS NULL) AS day, "
                "arg_max(forecast, local_day) AS kwh, count(*) FILTER (judged) AS judged, "
                "avg(abs(forecast - actual)) FILTER (judged) AS mae "
                f"FROM {self.run.table(stage)} {chosen} GROUP BY household"
            )

        base = (
            f"SELECT b.household, b.day, b.kwh, l.kwh, b.judged, b.mae, l.mae "
            f"FROM ({of('lightgbm')}) b JOIN ({of('regression')}) l USING (household) "
            "WHERE b.day IS NOT NULL"
        )
        both = [*values, *values]
        total = self.run.row(f"SELECT count(*) FROM ({base})", both)[0]
        rows = self.run.rows(f"{base} ORDER BY b.household {limited(limit, offset)}", both)
        return Page(
            tuple(HouseholdForecast(row[0], clock.day_of(row[1]), *row[2:]) for row in rows),
            int(total),
            offset,
        )

    def tariffs(
        self,
        *,
        offset: int = 0,
        limit: int | None = 100,
        order: str = "saving",
        tariff: str | None = None,
    ) -> TariffSummary:
        """order: saving (those who win with B first) or loss. tariff: the totals too are those of
        its households alone; the response compares them with the others, and is the fleet's.
        """
        chosen, values = where(("tariff = ?", tariff))
        table = f"{self._households} {chosen}"
        told = "household, tariff, bill_a_units, bill_b_units, cost_a_per_year, cost_b_per_year"
        rows = self._page(told, table, _ORDERS[order], values, limit, offset)
        manifest = self.run.manifest
        about = manifest.done("tariffs")["all"] if self.year is None else self.year.priced
        name_a, name_b = manifest.about["tariffs"]
        response = about["response"]
        if tariff is not None:
            about = about | self._totals(chosen, values)
        return TariffSummary(
            name_a=name_a,
            name_b=name_b,
            total_a_units=about["total_a_units"],
            total_b_units=about["total_b_units"],
            winners=about["winners"],
            losers=about["losers"],
            unchanged=about["unchanged"],
            response=None if response is None else response["words"],
            example=summary.example_tariffs(manifest),
            rows=replace(rows, rows=tuple(TariffRow(*row) for row in rows.rows)),
        )

    def _totals(self, chosen: str, values: list[Any]) -> dict[str, int]:
        names = ("total_a_units", "total_b_units", "winners", "losers", "unchanged")
        found = self.run.row(
            "SELECT coalesce(sum(bill_a_units), 0), coalesce(sum(bill_b_units), 0), "
            "count(*) FILTER (bill_b_units < bill_a_units), "
            "count(*) FILTER (bill_b_units > bill_a_units), "
            "count(*) FILTER (bill_b_units = bill_a_units) "
            f"FROM {self._households} {chosen}",
            values,
        )
        return {name: int(value) for name, value in zip(names, found, strict=True)}

    def quality(self, *, offset: int = 0, limit: int | None = 100) -> DataQuality:
        """The files with most rows dropped first."""
        return summary.quality(self.run.manifest, offset=offset, limit=limit)

    def dropped(
        self, *, offset: int = 0, limit: int | None = 100, reason: str | None = None
    ) -> Page[DroppedRow]:
        """Rows that are not used, by file; of a run that is not finished, those known so far."""
        if not self.run.has("dropped"):
            return Page((), 0, offset)
        chosen, values = where(("reason = ?", reason))
        table = f"{self.run.table('dropped')} {chosen}"
        # Results of before other files were named have no such column.
        other = "other" if "other" in self.run.columns("dropped") else "NULL"
        told = (
            "file, line, coalesce(household, ''), coalesce(time, ''), coalesce(value, text, ''), "
            f"reason, {other}"
        )
        rows = self._page(told, table, _BY_FILE, values, limit, offset)
        names = self.run.manifest.about["files"]
        found = tuple(
            DroppedRow(names[row[0]], *(*row[1:-1], "" if row[-1] is None else names[row[-1]]))
            for row in rows.rows
        )
        return replace(rows, rows=found)

    # One household ---------------------------------------------------------------------------

    def household(self, household: str) -> HouseholdView:
        """Raises NotFound."""
        rows = self.run.rows(
            f"SELECT {_HOUSEHOLD}, bill_a_units, bill_b_units FROM {self._households} "
            "WHERE household = ?",
            [household],
        )
        if not rows:
            raise no_household(household)
        row = _household(rows[0][:-2])
        words = {one.segment: one.words for one in self.segments()}
        days = self.run.rows(
            "SELECT local_day, CASE WHEN complete THEN mwh / 1e6 END "
            f"FROM {self.run.table('days')} WHERE household = ? ORDER BY local_day",
            [household],
        )
        week: list[float | None] = [None] * 336
        for slot, mwh, minutes in self.run.rows(
            f"SELECT slot, mwh, covered_min FROM {self.run.table('week')} WHERE household = ?",
            [household],
        ):
            week[slot] = mwh / 1e6 * 60 / minutes
        forecast = self.forecasts(household=household).rows
        return HouseholdView(
            row=row,
            segment_words=words.get(row.segment, ""),
            day=tuple(clock.day_of(one[0]) for one in days),
            kwh=tuple(one[1] for one in days),
            week_kw=tuple(week),
            anomalies=self.strange.page(household=household, strongest_only=False, limit=None).rows,
            forecast=forecast[0] if forecast else None,
            bill_a_units=int(rows[0][-2]),
            bill_b_units=int(rows[0][-1]),
            example_tariffs=summary.example_tariffs(self.run.manifest),
        )

    def readings(self, household: str) -> tuple[list[int], list[float], int]:
        """Start (UTC epoch ms), energy (Wh) and step (s) of a household's readings.

        Raises NotFound.
        """
        rows = self.run.rows(
            f"SELECT t_min, mwh / 1000, step_min FROM {self.run.table('clean')} "
            "WHERE household = ? ORDER BY t_min",
            [household],
        )
        if not rows:
            raise no_household(household)
        return [60_000 * row[0] for row in rows], [row[1] for row in rows], 60 * int(rows[0][2])

    # Inside ----------------------------------------------------------------------------------

    def _page(
        self,
        told: str,
        table: str,
        order: str,
        values: list[Any],
        limit: int | None,
        offset: int,
    ) -> Page[Any]:
        """Some rows of a table in an order, and how many it has."""
        total = self.run.row(f"SELECT count(*) FROM {table}", values)[0]
        rows = self.run.rows(
            f"SELECT {told} FROM {table} ORDER BY {order} {limited(limit, offset)}", values
        )
        return Page(tuple(rows), int(total), offset)

    @property
    def _households(self) -> str:
        if self.year is not None:
            return self.year.households
        return self.run.table("households.parquet")


def _household(row: tuple[Any, ...]) -> HouseholdRow:
    values = list(row)
    values[4], values[5] = _finite(values[4]), _finite(values[5])
    values[8], values[9] = clock.day_of(values[8]), clock.day_of(values[9])
    return HouseholdRow(*values)


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
