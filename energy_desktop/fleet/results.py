"""Reads what a run has written, page by page.

The results are Parquet whichever engine made them, so they are read with DuckDB here, also those
of a cluster: a page of a table of thousands of households is a few milliseconds.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from energy_desktop.domain.errors import NotFound
from energy_desktop.domain.fleet import (
    BrokenFile,
    DataQuality,
    DroppedRow,
    FileQuality,
    FleetAnomaly,
    FleetOverview,
    FleetSummary,
    HouseholdForecast,
    HouseholdRow,
    HouseholdView,
    Page,
    Scores,
    Segment,
    TariffRow,
    TariffSummary,
    TrendDay,
)
from energy_desktop.fleet import clock
from energy_desktop.fleet.engine import connected, parquet_files
from energy_desktop.fleet.manifest import Manifest
from energy_desktop.fleet.workplace import RESULTS

_NEW_DAYS = 7
_LAST_DAYS = 7
_ORDERS = {
    "household": "household",
    "use": "kwh_per_day DESC, household",
    "anomalies": "anomalies DESC, household",
    "missing": "missing_pct DESC, household",
    "saving": "bill_b_units - bill_a_units, household",
    "loss": "bill_b_units - bill_a_units DESC, household",
}


class FleetResults:
    """The results in `out`. Raises NotFound when no run was ever begun there.

    Reads what is there: of a run that is not finished, the stages that are.
    """

    def __init__(self, out: Path) -> None:
        manifest = Manifest.read(out)
        if manifest is None:
            raise NotFound(
                where=str(out),
                what="There is no fleet run in this folder.",
                remedy="Make one with `energy-desktop fleet run FOLDER --out FOLDER`.",
            )
        self.out = out
        self._manifest = manifest

    # The run ---------------------------------------------------------------------------------

    def summary(self) -> FleetSummary:
        manifest = self._manifest
        daily = manifest.done("daily").values()
        files = self._files()
        scores: dict[str, Scores] = {}
        for stage in ("regression", "lightgbm"):
            said = manifest.done(stage).get("all", {}).get("scores", {})
            scores |= {name: _scores(one) for name, one in said.items()}
        found = manifest.done("anomalies")
        rule = [about for chunk, about in found.items() if chunk != "hybrid"]
        methods = {
            "profile": {
                "found": sum(about["found"] for about in rule),
                "households": sum(about["households"] for about in rule),
                "judged": sum(about["judged"] for about in rule),
                "too_short": sum(about["too_short"] for about in rule),
            },
            "kmeans_residual": {
                name: n for name, n in found.get("hybrid", {}).items() if name != "refused"
            },
        }
        first = [about["first_day"] for about in daily if about["households"]]
        last = [about["last_day"] for about in daily if about["households"]]
        dropped: dict[str, int] = {}
        for file in files:
            for reason, n in file.dropped.items():
                dropped[reason] = dropped.get(reason, 0) + n
        return FleetSummary(
            engine=str(manifest.about["engine"]),
            finished=manifest.finished,
            rows_read=sum(file.rows_read for file in files),
            rows_used=sum(file.rows_used for file in files),
            dropped=dropped,
            broken=self.broken(),
            households=sum(about["households"] for about in daily),
            household_days=sum(about.get("household_days", 0) for about in daily),
            seconds={name: round(value, 3) for name, value in manifest.seconds.items()},
            peak_mb=round(float(manifest.facts.get("peak_mb", 0.0)), 1),
            scores=scores,
            anomalies=methods["profile"]["found"],
            anomaly_methods=methods,
            segments=self.segments(),
            stability=self.stability(),
            first_day=clock.day_of(min(first)).isoformat() if first else "",
            last_day=clock.day_of(max(last)).isoformat() if last else "",
            zone=str(manifest.about["zone"]),
            currency=str(manifest.about["currency"]),
        )

    def segments(self) -> tuple[Segment, ...]:
        said = self._manifest.done("segments").get("all", {}).get("segments", [])
        return tuple(Segment(**{**one, "shape": tuple(one["shape"])}) for one in said)

    def stability(self) -> dict[int, float]:
        """Number of segments -> how stable they would be, 1 at best."""
        said = self._manifest.done("segments").get("all", {}).get("stability", {})
        return {int(k): float(value) for k, value in said.items()}

    def refusals(self) -> tuple[str, ...]:
        """Why a stage has no answer, in sentences."""
        stages = ("regression", "lightgbm", "anomalies")
        return tuple(
            about["refused"]
            for stage in stages
            for about in self._manifest.done(stage).values()
            if "refused" in about
        )

    def overview(self) -> FleetOverview:
        households = self._table("households.parquet")
        kwh, missing, strange = self._row(
            "SELECT avg(kwh_per_day), avg(missing_pct), count(*) FILTER (anomalies > 0) "
            f"FROM {households}"
        )
        labels = self._rows(
            f"SELECT tariff, count(*) FROM {households} GROUP BY tariff ORDER BY tariff"
        )
        return FleetOverview(
            summary=self.summary(),
            kwh_per_day=float(kwh or 0.0),
            missing_pct=float(missing or 0.0),
            tariffs={str(label): int(n) for label, n in labels},
            households_with_anomalies=int(strange or 0),
            new_anomalies=self._count_new(),
            segments=self.segments(),
        )

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
        table = self._table("households.parquet")
        where, values = _where(
            ("tariff = ?", tariff),
            ("segment = ?", segment),
            ("contains(lower(household), ?)", search.lower() or None),
        )
        total = self._row(f"SELECT count(*) FROM {table} {where}", values)[0]
        rows = self._rows(
            f"SELECT {_HOUSEHOLD} FROM {table} {where} ORDER BY {_ORDERS[order]} {_limit(limit)} "
            f"OFFSET {int(offset)}",
            values,
        )
        return Page(tuple(_household(row) for row in rows), int(total), offset)

    def trends(self, *, offset: int = 0, limit: int | None = None) -> Page[TrendDay]:
        """The days of the fleet, oldest first."""
        table = self._table("trends.parquet")
        total = self._row(f"SELECT count(*) FROM {table}")[0]
        rows = self._rows(
            "SELECT local_day, households, mwh / 1e6, peak_mwh / 1e6, off_mwh / 1e6 "
            f"FROM {table} ORDER BY local_day {_limit(limit)} OFFSET {int(offset)}"
        )
        return Page(
            tuple(TrendDay(clock.day_of(row[0]), *row[1:]) for row in rows), int(total), offset
        )

    def anomalies(
        self,
        *,
        method: str = "profile",
        offset: int = 0,
        limit: int | None = 100,
        household: str | None = None,
        tariff: str | None = None,
        strongest_only: bool = True,
    ) -> Page[FleetAnomaly]:
        """Strongest first. method: profile or kmeans_residual.

        strongest_only: one for each household, the one to look at.
        """
        if not self._has("anomalies" if method == "profile" else "hybrid"):
            return Page((), 0, offset)
        where, values = _where(("f.household = ?", household), ("h.tariff = ?", tariff))
        order = "PARTITION BY f.household ORDER BY days DESC, f.start_ms"
        only = f"QUALIFY row_number() OVER ({order}) = 1"
        base = self._found(method) + f" {where} {only if strongest_only else ''}"
        total = self._row(f"SELECT count(*) FROM ({base})", values)[0]
        rows = self._rows(
            f"SELECT * FROM ({base}) ORDER BY days DESC, household, start_ms "
            f"{_limit(limit)} OFFSET {int(offset)}",
            values,
        )
        last = self._last_days([row[0] for row in rows])
        found = tuple(FleetAnomaly(*(*row, last.get(str(row[0]), ()))) for row in rows)
        return Page(found, int(total), offset)

    def forecasts(
        self, *, offset: int = 0, limit: int | None = 100, household: str | None = None
    ) -> Page[HouseholdForecast]:
        """By household: the next day, and how far off the models were on the days judged."""
        if not self._has("lightgbm"):
            return Page((), 0, offset)
        where, values = _where(("household = ?", household))

        def of(stage: str) -> str:
            return (
                "SELECT household, max(local_day) FILTER (actual IS NULL) AS day, "
                "arg_max(forecast, local_day) AS kwh, count(*) FILTER (judged) AS judged, "
                "avg(abs(forecast - actual)) FILTER (judged) AS mae "
                f"FROM {self._table(stage)} {where} GROUP BY household"
            )

        base = (
            f"SELECT b.household, b.day, b.kwh, l.kwh, b.judged, b.mae, l.mae "
            f"FROM ({of('lightgbm')}) b JOIN ({of('regression')}) l USING (household) "
            "WHERE b.day IS NOT NULL"
        )
        both = [*values, *values]
        total = self._row(f"SELECT count(*) FROM ({base})", both)[0]
        rows = self._rows(f"{base} ORDER BY b.household {_limit(limit)} OFFSET {int(offset)}", both)
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
        """order: saving (those who win with B first) or loss."""
        table = self._table("households.parquet")
        where, values = _where(("tariff = ?", tariff))
        total = self._row(f"SELECT count(*) FROM {table} {where}", values)[0]
        rows = self._rows(
            "SELECT household, tariff, bill_a_units, bill_b_units, cost_a_per_year, "
            f"cost_b_per_year FROM {table} {where} ORDER BY {_ORDERS[order]} {_limit(limit)} "
            f"OFFSET {int(offset)}",
            values,
        )
        about = self._manifest.done("tariffs")["all"]
        name_a, name_b = self._manifest.about["tariffs"]
        response = about["response"]
        return TariffSummary(
            name_a=name_a,
            name_b=name_b,
            total_a_units=about["total_a_units"],
            total_b_units=about["total_b_units"],
            winners=about["winners"],
            losers=about["losers"],
            unchanged=about["unchanged"],
            response=None if response is None else response["words"],
            rows=Page(tuple(TariffRow(*row) for row in rows), int(total), offset),
        )

    def quality(self, *, offset: int = 0, limit: int | None = 100) -> DataQuality:
        """The files with most rows dropped first."""
        files = sorted(self._files(), key=lambda f: (-sum(f.dropped.values()), f.name))
        dropped: dict[str, int] = {}
        for file in files:
            for reason, n in file.dropped.items():
                dropped[reason] = dropped.get(reason, 0) + n
        until = None if limit is None else offset + limit
        return DataQuality(
            Page(tuple(files[offset:until]), len(files), offset), self.broken(), dropped
        )

    def dropped(
        self, *, offset: int = 0, limit: int | None = 100, reason: str | None = None
    ) -> Page[DroppedRow]:
        """Rows that are not used, by file."""
        if not self._has("dropped"):
            return Page((), 0, offset)
        table = self._table("dropped")
        where, values = _where(("reason = ?", reason))
        total = self._row(f"SELECT count(*) FROM {table} {where}", values)[0]
        rows = self._rows(
            "SELECT file, line, coalesce(household, ''), coalesce(time, ''), "
            f"coalesce(value, text, ''), reason FROM {table} {where} "
            f"ORDER BY file, line, household, time {_limit(limit)} OFFSET {int(offset)}",
            values,
        )
        names = self._manifest.about["files"]
        return Page(tuple(DroppedRow(names[row[0]], *row[1:]) for row in rows), int(total), offset)

    def broken(self) -> tuple[BrokenFile, ...]:
        said = list(self._manifest.facts.get("unknown_files", []))
        for chunk in self._manifest.done("ingest").values():
            said += chunk["broken"]
        return tuple(sorted((BrokenFile(*one) for one in said), key=lambda b: b.name))

    # One household ---------------------------------------------------------------------------

    def household(self, household: str) -> HouseholdView:
        """Raises NotFound."""
        table = self._table("households.parquet")
        rows = self._rows(
            f"SELECT {_HOUSEHOLD}, bill_a_units, bill_b_units FROM {table} WHERE household = ?",
            [household],
        )
        if not rows:
            raise NotFound(
                where=f"Household {household}",
                what="The fleet has no such household.",
                remedy="`energy-desktop fleet show OUT --households` lists them.",
            )
        row = _household(rows[0][:-2])
        words = {one.segment: one.words for one in self.segments()}
        days = self._rows(
            "SELECT local_day, CASE WHEN complete THEN mwh / 1e6 END "
            f"FROM {self._table('days')} WHERE household = ? ORDER BY local_day",
            [household],
        )
        week: list[float | None] = [None] * 336
        for slot, mwh, minutes in self._rows(
            f"SELECT slot, mwh, covered_min FROM {self._table('week')} WHERE household = ?",
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
            anomalies=self.anomalies(household=household, strongest_only=False, limit=None).rows,
            forecast=forecast[0] if forecast else None,
            bill_a_units=int(rows[0][-2]),
            bill_b_units=int(rows[0][-1]),
        )

    def readings(self, household: str) -> tuple[list[int], list[float], int]:
        """Start (UTC epoch ms), energy (Wh) and step (s) of a household's readings.

        Raises NotFound.
        """
        rows = self._rows(
            f"SELECT t_min, mwh / 1000, step_min FROM {self._table('clean')} "
            "WHERE household = ? ORDER BY t_min",
            [household],
        )
        if not rows:
            raise NotFound(
                where=f"Household {household}",
                what="The fleet has no readings of such a household.",
                remedy="`energy-desktop fleet show OUT --households` lists them.",
            )
        return [60_000 * row[0] for row in rows], [row[1] for row in rows], 60 * int(rows[0][2])

    def tables(self) -> dict[str, Path]:
        """The results that can be exported, by name."""
        found = {}
        for name in RESULTS:
            path = self.out / name
            if name.endswith(".parquet") or path.is_dir():
                short = name.removesuffix(".parquet")
                if short in _EXPORTED and path.exists() and any(_files_in(path)):
                    found[short] = path
        return found

    # Inside ----------------------------------------------------------------------------------

    def _found(self, method: str) -> str:
        """Rows of FleetAnomaly but for the last days."""
        found = self._table("anomalies" if method == "profile" else "hybrid")
        households = self._table("households.parquet")
        week_ms = _NEW_DAYS * 86_400_000
        return (
            "SELECT f.household, f.kind, f.start_ms, f.end_ms, f.actual_kwh, f.expected_kwh, "
            # A stuck or dead meter: its length. Else what it is worth in usual days.
            "CASE WHEN f.kind IN ('flat', 'zero') THEN (f.end_ms - f.start_ms) / 86400000.0 "
            "ELSE abs(f.actual_kwh - f.expected_kwh) / greatest(h.kwh_per_day, 0.05) END AS days, "
            f"f.reason, f.end_ms > (h.last_day + 1) * 86400000 - {week_ms} AS new, h.kwh_per_day "
            f"FROM {found} f JOIN {households} h USING (household)"
        )

    def _count_new(self) -> int:
        if not self._has("anomalies"):
            return 0
        return int(self._row(f"SELECT count(*) FILTER (new) FROM ({self._found('profile')})")[0])

    def _last_days(self, households: list[str]) -> dict[str, tuple[float | None, ...]]:
        if not households:
            return {}
        rows = self._rows(
            "SELECT household, list(CASE WHEN complete THEN mwh / 1e6 END ORDER BY local_day) "
            f"FROM (SELECT *, max(local_day) OVER (PARTITION BY household) AS last "
            f"FROM {self._table('days')} WHERE list_contains(?, household)) "
            f"WHERE local_day > last - {_LAST_DAYS} GROUP BY household",
            [sorted(set(households))],
        )
        return {str(name): tuple(values) for name, values in rows}

    def _files(self) -> list[FileQuality]:
        names = self._manifest.about["files"]
        later: dict[str, dict[str, int]] = {}
        for chunk in self._manifest.done("daily").values():
            for index, reasons in chunk["dropped"].items():
                mine = later.setdefault(index, {})
                for reason, n in reasons.items():
                    mine[reason] = mine.get(reason, 0) + n
        found = []
        for chunk in self._manifest.done("ingest").values():
            for index, counts in chunk["files"].items():
                at_once = counts["dropped"]
                repeats = later.get(index, {})
                read = counts["used"] + sum(at_once.values())
                used = counts["used"] - sum(repeats.values())
                found.append(FileQuality(names[int(index)], read, used, {**at_once, **repeats}))
        return sorted(found, key=lambda file: file.name)

    def _has(self, name: str) -> bool:
        return any(_files_in(self.out / name))

    def _table(self, name: str) -> str:
        listed = ", ".join(
            "'" + str(file).replace("'", "''") + "'" for file in parquet_files([self.out / name])
        )
        return f"read_parquet([{listed}], hive_partitioning = false)"

    def _row(self, sql: str, values: list[Any] | None = None) -> tuple[Any, ...]:
        return self._rows(sql, values)[0]

    def _rows(self, sql: str, values: list[Any] | None = None) -> list[tuple[Any, ...]]:
        with connected({"threads": 2}) as connection:
            return connection.execute(sql, values or []).fetchall()


_EXPORTED = (
    "households", "days", "week", "anomalies", "hybrid", "lightgbm", "regression", "trends",
    "dropped", "clean",
)  # fmt: skip

_HOUSEHOLD = (
    "household, tariff, segment, kwh_per_day, 100 * night_share, 100 * peak_share, missing_pct, "
    "complete_days, first_day, last_day, anomalies, cost_a_per_year, cost_b_per_year"
)


def _household(row: tuple[Any, ...]) -> HouseholdRow:
    values = list(row)
    values[4], values[5] = _finite(values[4]), _finite(values[5])
    values[8], values[9] = clock.day_of(values[8]), clock.day_of(values[9])
    return HouseholdRow(*values)


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _scores(said: dict[str, float | None]) -> Scores:
    return Scores(**{k: float("nan") if v is None else v for k, v in said.items()})


def _where(*conditions: tuple[str, Any]) -> tuple[str, list[Any]]:
    """The conditions that have a value."""
    given = [(text, value) for text, value in conditions if value is not None]
    if not given:
        return "", []
    return "WHERE " + " AND ".join(text for text, _ in given), [value for _, value in given]


def _limit(limit: int | None) -> str:
    return "" if limit is None else f"LIMIT {int(limit)}"


def _files_in(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    return [p for p in path.rglob("*.parquet") if p.is_file()] if path.is_dir() else []
