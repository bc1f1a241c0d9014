"""A look ahead, with what it was worth in the past beside it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ForecastPoint:
    start_ms: int
    energy_wh: float
    lower80_wh: float
    upper80_wh: float
    lower95_wh: float
    upper95_wh: float


@dataclass(frozen=True, slots=True)
class Backtest:
    """Walk-forward result: every value was forecast from an origin before it.

    mase: MAE over the in-sample MAE of the weekly naive. coverage in percent achieved.
    """

    days: int
    mae_wh: float
    naive_week_mae_wh: float
    wape: float
    mase: float
    coverage80: float
    coverage95: float


@dataclass(frozen=True, slots=True)
class CandidateScore:
    """One method that took part in the choice."""

    method: str
    mae_wh: float
    days: int


@dataclass(frozen=True, slots=True)
class Forecast:
    meter_id: str
    origin_ms: int
    step_min: int
    method: str
    points: tuple[ForecastPoint, ...]
    backtest: Backtest
    candidates: tuple[CandidateScore, ...]
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
