"""The paper of a fleet for managers: who needs somebody, how it went, what tariffs would change.

Page one answers; the pages after it hold the proof. Lays out only: each figure comes from the
report. What rests on few households or on missing readings says so beside the figure.
"""

from __future__ import annotations

import calendar
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from energy_desktop.domain import fleet_wording, wording
from energy_desktop.domain.fleet import DropReason, Scores, Segment, TrendDay
from energy_desktop.domain.fleet_report import FleetReport
from energy_desktop.reports import charts, paper
from energy_desktop.reports.paper import (
    BODY,
    BODY_BOLD,
    CELL,
    CELL_BOLD,
    HEAD,
    LEFT,
    RIGHT,
    SMALL,
    TINY,
    TITLE,
    Column,
    Paper,
    Row,
)

_MODELS = {
    "lightgbm": "LightGBM, one for all households",
    "regression": "Linear regression, the reference",
    "naive_yesterday": "As yesterday",
    "naive_last_week": "As a week ago",
    "naive_month_mean": "As the month's mean",
}
_CARDS_A_ROW = 4
_CARD_HEIGHT = 104.0  # with two lines of words
_WORD_LINES = 4
_REASON_LEFT = LEFT + 84.0
_REASON_WIDTH = RIGHT - 136.0 - _REASON_LEFT
_FEW = 0.1  # of the most households: a month with fewer says nothing of the fleet


def render(report: FleetReport, *, fonts: Path) -> bytes:
    """The PDF. Equal reports give equal bytes. fonts: the folder with the Inter files."""
    summary = report.overview.summary
    zone = ZoneInfo(summary.zone)
    made = wording.stamp(report.made_at_ms, zone)
    missing = wording.percent(report.overview.missing_pct)
    sheet = Paper(
        fonts=fonts,
        title=f"Fleet report {paper.plain(report.name)}",
        author=report.made_for or "energy_desktop",
        running_head=f"Fleet report · {paper.plain(report.name)}",
        footer=f"Made {made} · {missing} of the readings missing",
    )
    _head(sheet, report)
    _key_figures(sheet, report)
    _segments(sheet, report)
    _strange(sheet, report)
    _trend(sheet, report)
    _tariffs(sheet, report)
    _forecast(sheet, report)
    _quality(sheet, report)
    return sheet.finish()


def _head(sheet: Paper, report: FleetReport) -> None:
    summary = report.overview.summary
    sheet.text(LEFT, sheet.y - 13, "Fleet report", TITLE)
    name = paper.fit(paper.plain(report.name), BODY_BOLD, 260)
    sheet.right(RIGHT, sheet.y - 8, name, BODY_BOLD)
    if report.made_for:
        whose = paper.fit(paper.plain(report.made_for), SMALL, 260)
        sheet.right(RIGHT, sheet.y - 20, whose, SMALL)
    sheet.y -= 24
    if not summary.finished:
        sheet.paragraph(
            "This run is not finished: what follows is what it has done so far.", BODY_BOLD
        )
    sheet.paragraph(answer(report), BODY)
    sheet.y -= 8


def answer(report: FleetReport) -> str:
    """The fleet in a few sentences, from its figures."""
    overview, summary = report.overview, report.overview.summary
    if not overview.households:
        return "No household has usable readings."
    one_year = overview.year is not None
    period = (
        f"in {overview.year}" if one_year else f"from {summary.first_day} to {summary.last_day}"
    )
    when = f"in {overview.year}" if one_year else "at some time"
    new = wording.count(overview.new_anomalies, "stretch", "stretches")
    text = (
        f"{overview.households:,} households {period} use "
        f"{wording.number(overview.kwh_per_day)} kWh a day each. "
        f"{overview.households_with_anomalies:,} of them were out of line {when}; "
        f"{new} of it ended in the last week of their data, not yet seen by anybody: "
        "look there first. "
    )
    tariffs = report.tariffs
    if tariffs is not None and tariffs.total_a_units:
        change = tariffs.total_b_units - tariffs.total_a_units
        word = "less" if change < 0 else "more"
        text += (
            f"Under {paper.plain(tariffs.name_b)} instead of {paper.plain(tariffs.name_a)}"
            f"{' (both examples)' if tariffs.example else ''} all "
            f"bills together would be {wording.money(abs(change))} {summary.currency} {word}: "
            f"{wording.count(tariffs.winners, 'household wins', 'households win')}, "
            f"{wording.count(tariffs.losers, 'loses', 'lose')}."
        )
    return text


def _key_figures(sheet: Paper, report: FleetReport) -> None:
    overview, summary = report.overview, report.overview.summary
    seconds = sum(summary.seconds.values())
    figures = (
        ("Households", f"{overview.households:,}", _household_days(report)),
        ("Use", f"{wording.number(overview.kwh_per_day)} kWh", "a household a day"),
        (
            "Out of line",
            f"{overview.households_with_anomalies:,}",
            "households, ever" if overview.year is None else f"households in {overview.year}",
        ),
        ("Missing", wording.percent(overview.missing_pct), "of their time"),
        ("Readings", _many(summary.rows_read), f"in {wording.number(seconds)} s"),
    )
    sheet.key_figures(figures)


def _household_days(report: FleetReport) -> str:
    if report.overview.year is None:
        return f"{wording.number(report.overview.summary.household_days, 0)} household days"
    return f"{sum(day.households for day in report.trends):,} household days"


def _many(n: int) -> str:
    return f"{n:,}" if n < 1_000_000 else f"{wording.number(n / 1e6)} M"


def _segments(sheet: Paper, report: FleetReport) -> None:
    segments = report.overview.segments
    if not segments:
        sheet.heading("Groups", "too few households with enough days to group")
        return
    gap = 8.0
    width = (RIGHT - LEFT - (_CARDS_A_ROW - 1) * gap) / _CARDS_A_ROW
    words = [paper.wrap(_capital(s.words), SMALL, width - 12)[:_WORD_LINES] for s in segments]
    height = _CARD_HEIGHT + 10 * max(0, max(map(len, words)) - 2)
    sheet.heading("Groups", "households whose days look alike", keep=height)
    top = max(2.0, *(max(s.shape) for s in segments))
    for first in range(0, len(segments), _CARDS_A_ROW):
        sheet.need(height + 8)
        for i, segment in enumerate(segments[first : first + _CARDS_A_ROW]):
            x = LEFT + i * (width + gap)
            _card(sheet, segment, words[first + i], x, (width, height), top, report)
        sheet.y -= height + 8
    # Of a year a group may be missing; how many there are is the run's.
    groups = len(report.overview.summary.segments)
    trust = fleet_wording.groups_sentence(groups, report.stability)
    if trust:
        sheet.paragraph(trust, SMALL)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _card(
    sheet: Paper,
    segment: Segment,
    words: list[str],
    x: float,
    size: tuple[float, float],
    top: float,
    report: FleetReport,
) -> None:
    """A group as the shape of its day, in vectors; the dashed line is the mean hour. words: its
    lines. size: width and height of the card.
    """
    width, height = size
    y = sheet.y - height
    sheet.box(x, y, width, height, paper.WELL)
    for line, text in enumerate(words):
        sheet.text(x + 6, y + height - 11 - 10 * line, text, SMALL)
    base, tall, wide = y + 38, _CARD_HEIGHT - 66, width - 12
    mean = base + tall / top
    sheet.polyline([(x + 6, mean), (x + 6 + wide, mean)], paper.STRONG_LINE, dashed=True)
    points = [
        (x + 6 + (hour + 0.5) / 24 * wide, base + value / top * tall)
        for hour, value in enumerate(segment.shape)
    ]
    sheet.polyline(points, paper.IMPORT)
    sheet.rule(base, x0=x + 6, x1=x + 6 + wide, strong=True)
    for hour in (6, 12, 18):
        sheet.centred(x + 6 + hour / 24 * wide, base - 8, f"{hour:02d}", TINY)
    currency = report.overview.summary.currency
    share = f"{wording.count(segment.households, 'household')}, {segment.share_pct:.0f} %"
    use = f"{wording.number(segment.kwh_per_day)} kWh/day, "
    use += f"{segment.cost_per_year:,.0f} {currency}/year"
    sheet.text(x + 6, y + 16, paper.fit(share, TINY, width - 10), TINY)
    sheet.text(x + 6, y + 6, paper.fit(use, TINY, width - 10), TINY)


def _strange(sheet: Paper, report: FleetReport) -> None:
    page = report.strange
    shown = len(page.rows)
    said = (
        "nothing was found"
        if not shown
        else f"strongest first, one stretch a household, {shown:,} of {page.total:,}"
    )
    sheet.heading("Out of line", said, keep=60)
    if not shown:
        return
    _strange_head(sheet)
    for one in page.rows:
        lines = paper.wrap(one.reason, CELL, _REASON_WIDTH)
        if sheet.need(len(lines) * CELL.leading + 5):
            _strange_head(sheet)
        sheet.y -= CELL.leading
        style = CELL_BOLD if one.state == "new" else CELL
        sheet.text(LEFT + 4, sheet.y, paper.fit(paper.plain(one.household), style, 78), style)
        sheet.right(RIGHT - 90, sheet.y, wording.number(one.kwh_per_day), style)
        sheet.right(RIGHT - 44, sheet.y, wording.number(one.score), style)
        sheet.text(RIGHT - 34, sheet.y, one.state, style)
        for place, line in enumerate(lines):
            sheet.y -= CELL.leading if place else 0.0
            sheet.text(_REASON_LEFT, sheet.y, line, CELL)
        sheet.y -= 4
        sheet.rule(sheet.y)
    sheet.y -= 2
    sheet.paragraph(
        "Usual days: how many of its usual days the stretch is worth in energy; for a meter that "
        "stands still or shows nothing, how many days it did. New: ended in the last week; seen: "
        "somebody has looked at it.",
        TINY,
    )


def _strange_head(sheet: Paper) -> None:
    sheet.y -= 16
    sheet.text(LEFT + 4, sheet.y + 5, "Household", HEAD)
    sheet.text(_REASON_LEFT, sheet.y + 5, "Reason", HEAD)
    sheet.right(RIGHT - 90, sheet.y + 5, "kWh/day", HEAD)
    sheet.right(RIGHT - 44, sheet.y + 5, "Usual days", HEAD)
    sheet.text(RIGHT - 34, sheet.y + 5, "State", HEAD)
    sheet.rule(sheet.y, strong=True)


def _trend(sheet: Paper, report: FleetReport) -> None:
    every = _months(report.trends)
    most = max((m[3] for m in every), default=0)
    months = [m for m in every if m[3] >= _FEW * most]
    if not months:
        return
    labels = [f"{calendar.month_abbr[month]} {year % 100:02d}" for year, month, _, _ in months]
    top = max(range(len(months)), key=lambda i: months[i][2])
    sheet.heading(
        "Use by month",
        f"kWh of a household a day; most in {labels[top]}: {wording.number(months[top][2])}",
        keep=170,
    )
    charts.bars(
        sheet,
        labels,
        [charts.Stack("a household a day", [m[2] for m in months], paper.IMPORT)],
        height=110,
        unit="kWh",
    )
    least, few = min(m[3] for m in months), len(every) - len(months)
    text = f"The means rest on {least:,} to {most:,} households."
    if few:
        text += f" {wording.count(few, 'month')} with fewer than a tenth of that: not shown."
    sheet.paragraph(text, TINY)


def _months(days: tuple[TrendDay, ...]) -> list[tuple[int, int, float, int]]:
    """Year, month, kWh of a household a day, most households on a day."""
    grouped: dict[tuple[int, int], list[TrendDay]] = {}
    for day in days:
        grouped.setdefault((day.day.year, day.day.month), []).append(day)
    found = []
    for (year, month), of in sorted(grouped.items()):
        counted = sum(day.households for day in of)
        if counted:
            use = sum(day.kwh for day in of) / counted
            found.append((year, month, use, max(day.households for day in of)))
    return found


def _tariffs(sheet: Paper, report: FleetReport) -> None:
    tariffs, currency = report.tariffs, report.overview.summary.currency
    if tariffs is None:
        return
    name_a, name_b = paper.plain(tariffs.name_a), paper.plain(tariffs.name_b)
    sheet.heading("Tariffs", f"{name_a} against {name_b}, {currency}", keep=80)
    columns = [
        Column("", 130),
        Column(name_a, 100, right=True),
        Column(name_b, 100, right=True),
        Column("Change", 90, right=True),
    ]
    sheet.table(
        columns,
        [
            Row(
                (
                    "All households, as read",
                    wording.money(tariffs.total_a_units),
                    wording.money(tariffs.total_b_units),
                    wording.money(tariffs.total_b_units - tariffs.total_a_units),
                ),
                bold=True,
            ),
            *(
                Row(
                    (
                        one.household,
                        wording.money(one.bill_a_units),
                        wording.money(one.bill_b_units),
                        wording.money(one.change_units),
                    )
                )
                for one in tariffs.rows.rows
            ),
        ],
    )
    sheet.paragraph(
        f"{tariffs.winners:,} households pay less, {tariffs.losers:,} more, "
        f"{tariffs.unchanged:,} the same. Listed: who would lose most. "
        + (tariffs.response or "Too few households on each tariff to say how they shift use."),
        SMALL,
    )
    if tariffs.example:
        sheet.paragraph(fleet_wording.EXAMPLE_TARIFFS, BODY_BOLD)


def _forecast(sheet: Paper, report: FleetReport) -> None:
    scores = report.overview.summary.scores
    if not scores and not report.refusals:
        return
    sheet.heading("Forecast of the next day", "judged on days after those learnt from", keep=90)
    ordered = sorted(scores.items(), key=lambda one: one[1].mae_kwh)
    if ordered:
        sheet.table(
            [
                Column("Model", 190),
                Column("Off by, kWh", 70, right=True),
                Column("RMSE, kWh", 70, right=True),
                Column("R² within a household", 100, right=True),
                Column("R² pooled", 70, right=True),
            ],
            [Row((_MODELS.get(name, name), *_score_texts(one))) for name, one in ordered],
        )
        beaten = fleet_wording.models_sentence(scores)
        if beaten:
            sheet.paragraph(beaten, SMALL)
    sheet.paragraph(
        " ".join(
            (
                *report.refusals,
                "R² pooled is high from the spread between large and small households alone; "
                "within a household, the median of all, says how well a day is foretold.",
            )
        ),
        TINY,
    )


def _score_texts(scores: Scores) -> tuple[str, str, str, str]:
    return (
        wording.number(scores.mae_kwh, 2),
        wording.number(scores.rmse_kwh, 2),
        wording.number(scores.r2_within_median, 3),
        wording.number(scores.r2_pooled, 3),
    )


def _quality(sheet: Paper, report: FleetReport) -> None:
    summary = report.overview.summary
    left_out = summary.rows_read - summary.rows_used
    share = wording.percent(Decimal(100 * left_out) / Decimal(max(1, summary.rows_read)), 2)
    sheet.heading("Data quality", f"{left_out:,} of {summary.rows_read:,} rows left out", keep=60)
    sentences = [
        f"{n:,} rows: {_reason(name)}."
        for name, n in sorted(summary.dropped.items(), key=lambda one: -one[1])
        if n
    ]
    sentences += [f"Left out whole: {Path(one.name).name}: {one.why}" for one in summary.broken]
    if not sentences:
        sentences = ["Every row is used."]
    sheet.bullets(sentences, SMALL)
    stages = ", ".join(f"{n} {wording.number(s)} s" for n, s in summary.seconds.items())
    sheet.paragraph(
        f"{share} left out. Engine {summary.engine}, {wording.number(summary.peak_mb, 0)} MB at "
        f"most; {stages}.",
        TINY,
    )


def _reason(name: str) -> str:
    try:
        return DropReason(name).words
    except ValueError:
        return name
