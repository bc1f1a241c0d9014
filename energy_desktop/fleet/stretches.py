"""The strange stretches of a run: which to look at first, which are new, who has looked at them.

The stages find them (anomalies.py); here they get what they are worth in days, the week around
them, and the marks that people left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from energy_desktop.domain.fleet import FleetAnomaly, Page
from energy_desktop.fleet.seen import SeenMarks, Stretch
from energy_desktop.fleet.stored_run import StoredRun, limited, no_household, where

if TYPE_CHECKING:
    from energy_desktop.fleet.years import YearOfRun

_NEW_DAYS = 7
_LAST_DAYS = 7
_STRETCH = "f.household || chr(9) || f.kind || chr(9) || f.start_ms"


class StrangeStretches:
    """Those of a run; year: those that touch it alone."""

    def __init__(self, run: StoredRun, year: YearOfRun | None) -> None:
        self._run = run
        self._year = year

    def page(
        self,
        *,
        method: str = "profile",
        offset: int = 0,
        limit: int | None = 100,
        household: str | None = None,
        tariff: str | None = None,
        strongest_only: bool = True,
        unseen_only: bool = False,
    ) -> Page[FleetAnomaly]:
        """Strongest first. method: profile or kmeans_residual.

        strongest_only: one for each household, the one to look at. unseen_only: without those
        that somebody has marked. Raises DataFileError where the run has not looked yet.
        """
        if self._run.has_none("anomalies" if method == "profile" else "hybrid"):
            return Page((), 0, offset)
        marks = SeenMarks(self._run.out).read()
        chosen, values = where(
            ("f.household = ?", household),
            ("h.tariff = ?", tariff),
            *self._in_year(),
            (f"NOT list_contains(?, {_STRETCH})", _named(marks) if unseen_only else None),
        )
        order = "PARTITION BY f.household ORDER BY days DESC, f.start_ms"
        only = f"QUALIFY row_number() OVER ({order}) = 1"
        base = self._found(method) + f" {chosen} {only if strongest_only else ''}"
        total = self._run.row(f"SELECT count(*) FROM ({base})", values)[0]
        rows = self._run.rows(
            f"SELECT * FROM ({base}) ORDER BY days DESC, household, start_ms "
            f"{limited(limit, offset)}",
            values,
        )
        last = self._last_days([row[0] for row in rows])
        found = tuple(
            FleetAnomaly(*(*row, last.get(str(row[0]), ()), marks.get(row[:3]))) for row in rows
        )
        return Page(found, int(total), offset)

    def of_household(self, household: str) -> tuple[Stretch, ...]:
        """All of a household, by both methods. Raises NotFound."""
        table = self._run.table("households.parquet")
        if not self._run.rows(f"SELECT 1 FROM {table} WHERE household = ?", [household]):
            raise no_household(household)
        found: list[Stretch] = []
        for name in ("anomalies", "hybrid"):
            if not self._run.has_none(name):
                found += self._run.rows(
                    f"SELECT household, kind, start_ms FROM {self._run.table(name)} "
                    "WHERE household = ? ORDER BY start_ms, kind",
                    [household],
                )
        return tuple(dict.fromkeys(found))

    def count_new(self, tariff: str | None = None) -> int:
        """Those of the last week of their household's data that nobody has marked."""
        if self._run.has_none("anomalies"):
            return 0
        marks = SeenMarks(self._run.out).read()
        chosen, values = where(
            ("h.tariff = ?", tariff),
            *self._in_year(),
            (f"NOT list_contains(?, {_STRETCH})", _named(marks)),
        )
        counted = f"SELECT count(*) FILTER (new) FROM ({self._found('profile')} {chosen})"
        return int(self._run.row(counted, values)[0])

    def _in_year(self) -> tuple[tuple[str, Any], ...]:
        """Conditions on stretches: those that touch the year."""
        if self._year is None:
            return ()
        return (("f.start_ms < ?", self._year.end_ms), ("f.end_ms > ?", self._year.start_ms))

    def _found(self, method: str) -> str:
        """Rows of FleetAnomaly but for the last days. Scores and `new` are those of the run,
        whatever year is looked at: a stretch does not get stronger by looking at less.
        """
        found = self._run.table("anomalies" if method == "profile" else "hybrid")
        households = self._run.table("households.parquet")
        week_ms = _NEW_DAYS * 86_400_000
        return (
            "SELECT f.household, f.kind, f.start_ms, f.end_ms, f.actual_kwh, f.expected_kwh, "
            # A stuck or dead meter: its length. Else what it is worth in usual days.
            "CASE WHEN f.kind IN ('flat', 'zero') THEN (f.end_ms - f.start_ms) / 86400000.0 "
            "ELSE abs(f.actual_kwh - f.expected_kwh) / greatest(h.kwh_per_day, 0.05) END AS days, "
            f"f.reason, f.end_ms > (h.last_day + 1) * 86400000 - {week_ms} AS new, h.kwh_per_day "
            f"FROM {found} f JOIN {households} h USING (household)"
        )

    def _last_days(self, households: list[str]) -> dict[str, tuple[float | None, ...]]:
        if not households:
            return {}
        rows = self._run.rows(
            "SELECT household, list(CASE WHEN complete THEN mwh / 1e6 END ORDER BY local_day) "
            f"FROM (SELECT *, max(local_day) OVER (PARTITION BY household) AS last "
            f"FROM {self._run.table('days')} WHERE household IN (SELECT unnest(?))) "
            f"WHERE local_day > last - {_LAST_DAYS} GROUP BY household",
            [sorted(set(households))],
        )
        return {str(name): tuple(values) for name, values in rows}


def _named(marks: Any) -> list[str]:
    """Marked stretches as _STRETCH writes them. Never empty, since an empty list has no type."""
    return ["", *("\t".join((name, kind, str(start))) for name, kind, start in marks)]
