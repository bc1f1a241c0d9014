"""The paper of a picture: vector, complete, and the same bytes for the same values."""

import io
import re
from pathlib import Path

import numpy as np
import pytest
from pypdf import PdfReader

from energy_desktop.domain.history_paper import (
    HistoryPaper,
    PaperBars,
    PaperCarpet,
    PaperCurve,
    PaperDuration,
    PaperFigure,
    PaperMark,
)
from energy_desktop.reports import history_pdf

FONTS = Path(__file__).resolve().parents[3] / "resources" / "fonts"
START = 1_774_738_800_000  # 29 March 2026, a day of 23 hours in Berlin
DAY_MS = 86_400_000


def a_curve(name="Lathe", unit="kW", axis="left", points=500):
    times = np.linspace(START, START + 2 * DAY_MS, points).astype(np.int64)
    values = 5 + np.sin(np.arange(points) / 20)
    values[200:230] = np.nan
    return PaperCurve(name, unit, times, values, axis)


def a_paper(**changes):
    content = {
        "site": "Werkhof <&> Söhne",
        "title": "Lathe, active power",
        "answer": "120.0 kWh in this period.",
        "period": "29 to 30 Mar 2026",
        "zone": "Europe/Berlin",
        "start_ms": START,
        "end_ms": START + 2 * DAY_MS,
        "made_at_ms": START + 3 * DAY_MS,
        "figures": (PaperFigure("Energy", "≈ 1,234,567.8 kWh", "by the register"),) * 5,
        "curves": (a_curve(), a_curve("Voltage", "V", "right")),
        "marks": (
            PaperMark("gap", START, START + 3_600_000, "Gap 29 Mar: power", "Dark."),
            PaperMark("edited", START + DAY_MS, START + DAY_MS + 60_000, "Edited: typo", ""),
        ),
        "proof": "Sum of intervals 120.000 kWh = register 120.000 kWh.",
    }
    return HistoryPaper(**{**content, **changes})


def texts(pdf):
    found = " ".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)
    return re.sub(r"\s+", " ", found)


def test_it_says_what_was_seen_and_how_far_it_can_be_trusted():
    text = texts(history_pdf.render(a_paper(), fonts=FONTS))

    for words in (
        "Lathe, active power",
        "Europe/Berlin",
        "Gap 29 Mar: power",
        "Edited: typo",
        "register 120.000 kWh",
        "Voltage, V",
        "Werkhof <&> Söhne",
    ):
        assert words in text


def test_a_number_is_never_cut():
    text = texts(history_pdf.render(a_paper(), fonts=FONTS))

    assert text.count("1,234,567.8 kWh") == 5


def test_equal_pictures_give_equal_bytes():
    assert history_pdf.render(a_paper(), fonts=FONTS) == history_pdf.render(a_paper(), fonts=FONTS)


@pytest.mark.parametrize("days", [2, 40, 500])
def test_every_look_of_any_length_is_drawn_as_lines(days):
    values = np.abs(np.sin(np.arange(days * 96).reshape(days, 96)))
    values[0, 10:20] = np.nan
    paper = a_paper(
        curves=(),
        carpet=PaperCarpet(
            "kW", tuple(START + i * DAY_MS for i in range(days)), values, (92,) * days, 900, 1.0
        ),
        duration=PaperDuration(
            "kW",
            np.sort(values[np.isfinite(values)])[::-1],
            np.empty(0),
            ("this period", ""),
            0.1,
            "Base load 0.1 kW.",
        ),
        bars=PaperBars(
            "Energy per day",
            "kWh",
            tuple(str(i) for i in range(days)),
            (1.0, None, *(2.0,) * (days - 2)),
            (),
            ("this period", ""),
        ),
    )

    pdf = history_pdf.render(paper, fonts=FONTS)

    assert b"/Subtype /Image" not in pdf
    assert "Base load 0.1 kW." in texts(pdf)
    assert len(pdf) < 2_000_000


def test_a_picture_without_any_value_is_still_a_paper():
    empty = PaperCurve("Lathe", "kW", np.empty(0, np.int64), np.empty(0))

    text = texts(history_pdf.render(a_paper(curves=(empty,), marks=(), figures=()), fonts=FONTS))

    assert "Every interval of the period was measured." in text
