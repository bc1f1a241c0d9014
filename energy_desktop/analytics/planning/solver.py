"""The least-cost trajectory: a linear programme, with binaries only where it would cheat.

Straight through highspy: building 48 h of quarter hours in a modelling layer costs more than
solving them (docs/decisions/0004-battery-plan.md has the figures).

A linear programme can cheat in two ways, and each has an exact condition per slot:

- **Import and export at once.** Pays only where the export price is above the import price.
  Elsewhere netting the two never costs more.
- **Charge and discharge at once**, which burns energy. Taking charge down by x and discharge by
  x*r (r: round-trip efficiency) keeps the store and lowers the net import by x*(1-r), which
  changes the cost by -x*(p*(1-r) + wear*r), p being the price on that side of the meter. So it
  pays only where p*(1-r) + wear*r < 0 for a side that the slot can reach: a price below zero
  that wear does not outweigh. **An export price below zero is enough**, though the import price
  is not.

The LP is solved first with these slots relaxed. A solution that does not cheat is the optimum;
only otherwise the slots get their binaries. At the end the directions are fixed and the LP is
solved once more: exact bounds, and the duals, which say what a stored kWh is worth.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from energy_desktop.analytics.planning.problem import Floats, Problem, cost_of

Bools = NDArray[np.bool_]

TIE_BREAK = 1e-6  # currency per kWh: of equal plans, the one that moves less energy
TINY_KW = 1e-6
PRICE_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class Solution:
    """charge, discharge (n,) kW. stored_value (n,): currency per kWh in store after the slot.

    gap: relative distance to the proven bound; 0 when optimal.
    """

    charge: Floats
    discharge: Floats
    stored_value: Floats
    optimal: bool
    gap: float
    binaries: int


def grid_cheats(problem: Problem) -> Bools:
    """Slots where import and export at once would pay: export price above import price."""
    return problem.sell > problem.buy + PRICE_TOLERANCE


def battery_cheats(problem: Problem) -> Bools:
    """Slots where charging and discharging at once would pay."""
    loss, kept = 1 - problem.round_trip, problem.round_trip
    gain_importing = problem.buy * loss + problem.wear * kept < -PRICE_TOLERANCE
    gain_exporting = problem.sell * loss + problem.wear * kept < -PRICE_TOLERANCE
    can_import = problem.net_kw + problem.charge_kw > 0
    can_export = problem.net_kw - problem.discharge_kw < 0
    return (gain_importing & can_import) | (gain_exporting & can_export)


def solve(
    problem: Problem, *, time_limit_s: float, known: tuple[tuple[Floats, Floats], ...] = ()
) -> Solution:
    """The cheapest trajectory. known: feasible (charge, discharge) pairs, used when time is out."""
    started = time.perf_counter()
    grid, battery = grid_cheats(problem), battery_cheats(problem)
    programme = _Programme(problem)
    charge, discharge, value = programme.solve_linear()
    cheats = _imports_and_exports(programme, grid) or bool(
        np.any(battery & (charge > TINY_KW) & (discharge > TINY_KW))
    )
    if not cheats:
        charge, discharge = _without_overlap(problem, charge, discharge)
        return Solution(charge, discharge, value, optimal=True, gap=0.0, binaries=0)

    best = _cheapest(problem, (_without_overlap(problem, charge, discharge), *known))
    left_s = max(0.05, time_limit_s - (time.perf_counter() - started))
    found, bound = programme.solve_mixed(grid, battery, best, left_s)
    if found is not None:
        best = _cheapest(problem, (_without_overlap(problem, *found), best))
    charge, discharge, value = programme.solve_fixed(grid, battery, *best)
    charge, discharge = _without_overlap(problem, charge, discharge)
    cost = cost_of(problem, charge, discharge).total
    if cost > cost_of(problem, *best).total + 1e-6:  # the solver stopped short: keep what we had
        charge, discharge = best
        cost = cost_of(problem, charge, discharge).total
    distance = max(0.0, cost - bound)
    optimal = distance <= 1e-5 + 1e-6 * abs(cost) + _tie_break_cost(problem, charge, discharge)
    return Solution(
        charge,
        discharge,
        value,
        optimal=optimal,
        gap=0.0 if optimal else distance / max(abs(cost), 1e-9),
        binaries=int(np.count_nonzero(grid | battery)),
    )


def _tie_break_cost(problem: Problem, charge: Floats, discharge: Floats) -> float:
    return float(np.sum(problem.hours * (charge + discharge))) * TIE_BREAK


def _without_overlap(problem: Problem, charge: Floats, discharge: Floats) -> tuple[Floats, Floats]:
    """Takes charge against discharge within a slot; what is stored stays as it was."""
    both = np.minimum(charge, discharge / problem.round_trip)
    charge, discharge = charge - both, discharge - both * problem.round_trip
    charge = np.clip(np.where(charge < TINY_KW, 0.0, charge), 0.0, problem.charge_kw)
    discharge = np.clip(np.where(discharge < TINY_KW, 0.0, discharge), 0.0, problem.discharge_kw)
    return charge, discharge


def _cheapest(
    problem: Problem, candidates: tuple[tuple[Floats, Floats], ...]
) -> tuple[Floats, Floats]:
    return min(candidates, key=lambda pair: cost_of(problem, *pair).total)


def _imports_and_exports(programme: _Programme, grid: Bools) -> bool:
    imported, exported = programme.last_import_export()
    return bool(np.any(grid & (imported > TINY_KW) & (exported > TINY_KW)))


class _Programme:
    """One HiGHS instance: columns charge, discharge, import, export, stored, then the peak.

    Rows: n balances, n stores, then 0, n or 2n of the peak.
    """

    def __init__(self, problem: Problem) -> None:
        import highspy

        self._highspy = highspy
        self._problem = problem
        new_solver: Any = highspy.Highs  # untyped in its own stubs
        self._highs: Any = new_solver()
        self._highs.setOptionValue("output_flag", False)
        self._highs.setOptionValue("threads", 1)  # two busy cores: more only fight
        self._highs.setOptionValue("mip_rel_gap", 1e-6)
        self._highs.setOptionValue("mip_abs_gap", 1e-6)
        self._upper_import = np.maximum(0.0, problem.net_kw + problem.charge_kw)
        self._upper_export = np.maximum(0.0, problem.discharge_kw - problem.net_kw)
        self._pass_model()

    def _pass_model(self) -> None:
        highspy, p, n = self._highspy, self._problem, self._problem.slots
        slot = np.arange(n)
        inf = highspy.kHighsInf
        with_peak = p.demand > 0
        columns = 5 * n + int(with_peak)
        one = np.ones(n)
        entries = [  # (row, column, value)
            (slot, 2 * n + slot, one),  # import - export - charge + discharge = net
            (slot, 3 * n + slot, -one),
            (slot, slot, -one),
            (slot, n + slot, one),
            (n + slot, 4 * n + slot, one),  # stored - stored before - in + out = 0
            (n + slot[1:], 4 * n + slot[:-1], -one[1:]),
            (n + slot, slot, -p.hours * p.charge_efficiency),
            (n + slot, n + slot, p.hours / p.discharge_efficiency),
        ]
        row_lower = np.concatenate((p.net_kw, [p.start_kwh], np.zeros(n - 1)))
        row_upper = row_lower.copy()
        if with_peak:
            peak = np.full(n, 5 * n)
            entries += [(2 * n + slot, peak, one), (2 * n + slot, 2 * n + slot, -one)]
            row_lower = np.append(row_lower, np.zeros(n))
            row_upper = np.append(row_upper, np.full(n, inf))
            if p.peak_net_kw is not None:
                entries += [
                    (3 * n + slot, peak, one),
                    (3 * n + slot, slot, -one),
                    (3 * n + slot, n + slot, one),
                ]
                row_lower = np.append(row_lower, p.peak_net_kw)
                row_upper = np.append(row_upper, np.full(n, inf))
        end = np.full(n, p.floor_kwh)
        end[-1] = max(p.floor_kwh, p.end_kwh)
        tie = p.hours * TIE_BREAK
        lp = highspy.HighsLp()
        lp.num_col_, lp.num_row_ = columns, len(row_lower)
        lp.col_cost_ = np.concatenate(
            (tie, p.hours * p.wear + tie, p.hours * p.buy, -p.hours * p.sell, np.zeros(n))
            + (([p.demand],) if with_peak else ())
        )
        lp.col_lower_ = np.concatenate(
            (np.zeros(4 * n), end) + (([p.peak_so_far_kw],) if with_peak else ())
        )
        lp.col_upper_ = np.concatenate(
            (
                np.full(n, p.charge_kw),
                np.full(n, p.discharge_kw),
                self._upper_import,
                self._upper_export,
                np.full(n, p.ceiling_kwh),
            )
            + (([inf],) if with_peak else ())
        )
        lp.row_lower_, lp.row_upper_ = row_lower, row_upper
        rows, cols, values = (np.concatenate(part) for part in zip(*entries, strict=True))
        order = np.lexsort((rows, cols))
        lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
        lp.a_matrix_.start_ = np.searchsorted(cols[order], np.arange(columns + 1)).astype(np.int32)
        lp.a_matrix_.index_ = rows[order].astype(np.int32)
        lp.a_matrix_.value_ = values[order].astype(np.float64)
        self._highs.passModel(lp)
        self._columns = columns

    def solve_linear(self) -> tuple[Floats, Floats, Floats]:
        self._highs.run()
        status = self._highs.getModelStatus()
        if status != self._highspy.HighsModelStatus.kOptimal:
            # problem_of has excluded every cause, so this is a bug of ours and not the user's.
            raise RuntimeError(f"the battery LP ended as {status}")
        return self._trajectory()

    def _trajectory(self) -> tuple[Floats, Floats, Floats]:
        n = self._problem.slots
        solution = self._highs.getSolution()
        columns = np.asarray(solution.col_value, dtype=np.float64)
        duals = np.asarray(solution.row_dual, dtype=np.float64)
        value = -duals[n : 2 * n] if len(duals) else np.zeros(n)
        return np.maximum(columns[:n], 0.0), np.maximum(columns[n : 2 * n], 0.0), value

    def last_import_export(self) -> tuple[Floats, Floats]:
        n = self._problem.slots
        columns = np.asarray(self._highs.getSolution().col_value, dtype=np.float64)
        return columns[2 * n : 3 * n], columns[3 * n : 4 * n]

    def solve_mixed(
        self, grid: Bools, battery: Bools, start: tuple[Floats, Floats], time_limit_s: float
    ) -> tuple[tuple[Floats, Floats] | None, float]:
        """Adds a direction bit per cheating slot; gives the best found and the proven bound."""
        highspy, p, n = self._highspy, self._problem, self._problem.slots
        first_row, first_column = self._highs.getNumRow(), self._columns
        grid_slots, battery_slots = np.flatnonzero(grid), np.flatnonzero(battery)
        # (column held at 0 when the bit is 0, its limit, column held at 0 when the bit is 1, ...)
        pairs = [
            (2 * n + t, self._upper_import[t], 3 * n + t, self._upper_export[t]) for t in grid_slots
        ] + [(t, p.charge_kw, n + t, p.discharge_kw) for t in battery_slots]
        self._highs.addVars(len(pairs), np.zeros(len(pairs)), np.ones(len(pairs)))
        for k, (on_column, on_limit, off_column, off_limit) in enumerate(pairs):
            bit = first_column + k
            self._highs.changeColIntegrality(bit, highspy.HighsVarType.kInteger)
            self._highs.addRow(
                -highspy.kHighsInf, 0.0, 2, np.array([on_column, bit]), np.array([1.0, -on_limit])
            )
            self._highs.addRow(
                -highspy.kHighsInf,
                float(off_limit),
                2,
                np.array([off_column, bit]),
                np.array([1.0, float(off_limit)]),
            )
        self._highs.setOptionValue("time_limit", self._highs.getRunTime() + time_limit_s)
        self._offer(start, grid_slots, battery_slots)
        self._highs.run()
        info = self._highs.getInfo()
        found = None
        if info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible:
            charge, discharge, _ = self._trajectory()
            found = (charge, discharge)
        bound = float(info.mip_dual_bound)
        self._highs.setOptionValue("time_limit", highspy.kHighsInf)
        self._highs.deleteRows(2 * len(pairs), np.arange(first_row, first_row + 2 * len(pairs)))
        self._highs.deleteCols(len(pairs), np.arange(first_column, first_column + len(pairs)))
        return found, bound

    def _offer(
        self, start: tuple[Floats, Floats], grid_slots: NDArray[Any], battery_slots: NDArray[Any]
    ) -> None:
        """Gives HiGHS a feasible point, so that there is an answer when time runs out."""
        p = self._problem
        charge, discharge = start
        flow = p.grid_kw(charge, discharge)
        imported, exported = np.maximum(flow, 0.0), np.maximum(-flow, 0.0)
        columns = [charge, discharge, imported, exported, p.stored_kwh(charge, discharge)]
        if p.demand > 0:
            peak = max(p.peak_so_far_kw, float(imported.max()))
            if p.peak_net_kw is not None:
                peak = max(peak, float((p.peak_net_kw + charge - discharge).max()))
            columns.append(np.array([peak]))
        columns += [
            (flow[grid_slots] > 0).astype(np.float64),
            (charge[battery_slots] > 0).astype(np.float64),
        ]
        solution = self._highspy.HighsSolution()
        solution.col_value = np.concatenate(columns).tolist()
        self._highs.setSolution(solution)

    def solve_fixed(
        self, grid: Bools, battery: Bools, charge: Floats, discharge: Floats
    ) -> tuple[Floats, Floats, Floats]:
        """The LP with the directions of a trajectory: exact bounds, and duals."""
        p, n = self._problem, self._problem.slots
        flow = p.grid_kw(charge, discharge)
        for t in np.flatnonzero(grid):
            column = 3 * n + t if flow[t] > 0 else 2 * n + t
            self._highs.changeColBounds(int(column), 0.0, 0.0)
        for t in np.flatnonzero(battery):
            column = n + t if charge[t] >= discharge[t] else t
            self._highs.changeColBounds(int(column), 0.0, 0.0)
        return self.solve_linear()
