"""The fleet on paper: what it says, and that it says the same each time."""

import io
from dataclasses import replace

from pypdf import PdfReader

from energy_desktop.domain.fleet import Page, Scores, SeenMark
from energy_desktop.domain.fleet_report import FleetReport
from energy_desktop.domain.fleet_wording import EXAMPLE_TARIFFS
from energy_desktop.reports import fleet_pdf
from tests.gui.fleet.fakes import (
    BROKEN,
    FakeFleet,
    a_segment,
    a_summary,
    an_anomaly,
    an_overview,
)

from .builders import FONTS

FAKE = FakeFleet()
REPORT = FleetReport(
    name="London pilot",
    made_for="Lindenhof Works",
    made_at_ms=1_772_323_200_000,
    overview=an_overview(a_summary(broken=(BROKEN,))),
    trends=FAKE.trends(None).rows,
    strange=Page((an_anomaly(new=True), an_anomaly("MAC000031", score=2.0)), 2),
    tariffs=FAKE.tariffs(None, limit=5),
    stability={2: 0.9},
    refusals=("LightGBM had too few days.",),
)


def text_of(report):
    pages = PdfReader(io.BytesIO(fleet_pdf.render(report, fonts=FONTS))).pages
    return " ".join("\n".join(page.extract_text() for page in pages).split())


def test_equal_reports_give_equal_bytes():
    assert fleet_pdf.render(REPORT, fonts=FONTS) == fleet_pdf.render(REPORT, fonts=FONTS)


def test_it_answers_first_who_needs_somebody_and_what_tariffs_change():
    text = text_of(REPORT)

    assert "2 of them were out of line at some time" in text
    assert "1 stretch of it ended in the last week of their data, not yet seen by anybody" in text
    assert "2,120.58 GBP less: 34 households win, 16 lose." in text


def test_each_strange_stretch_has_its_whole_reason():
    long = "More than usual for 11 h " + "and so on " * 20 + "to its very end."
    text = text_of(replace(REPORT, strange=Page((an_anomaly(reason=long),), 1)))

    assert "to its very end." in text


def test_rows_and_files_left_out_are_named_with_their_reasons():
    text = text_of(REPORT)

    assert "6 rows: an exact repeat." in text
    assert "torn.csv.gz: It ends in the middle of a row." in text


def test_a_stage_without_an_answer_says_why():
    assert "LightGBM had too few days." in text_of(REPORT)


def test_a_number_of_groups_that_another_beats_is_said_also_for_one_year():
    shown = replace(REPORT, stability={2: 0.44, 3: 0.74})
    text = text_of(shown)

    assert "2 groups stay 0.44 alike (1 the same); 3 groups would stay 0.74 alike." in text
    # In that year one of the two groups had no data.
    year = an_overview(segments=(a_segment(),), year=2013)
    assert "2 groups stay 0.44 alike" in text_of(replace(shown, overview=year))


def test_a_model_that_a_naive_forecast_beats_is_named():
    scores = {
        "naive_month_mean": Scores(0.7, 0.0, 2.0, 4.0),
        "lightgbm": Scores(0.8, 0.1, 2.5, 3.0),
    }

    text = text_of(replace(REPORT, overview=an_overview(a_summary(scores=scores))))

    assert "LightGBM (2.50 kWh) is worse than the naive forecast" in text


def test_one_household_wins_and_many_lose():
    text = text_of(replace(REPORT, tariffs=replace(REPORT.tariffs, winners=1, losers=1)))

    assert "1 household wins, 1 loses." in text


def test_prices_that_are_examples_are_called_so_where_they_are_answered_and_shown():
    example = replace(REPORT, tariffs=replace(REPORT.tariffs, example=True))

    assert EXAMPLE_TARIFFS in text_of(example)
    assert "(both examples) all bills together" in text_of(example)
    assert "example" not in text_of(REPORT)


def test_all_words_of_a_group_fit_on_its_card():
    words = "medium, strong evening peak, more at the weekend, 12.3 kWh a day"
    groups = (a_segment(words=words), a_segment(2))

    text = text_of(replace(REPORT, overview=an_overview(segments=groups)))

    assert "12.3 kWh a day" in text


def test_a_run_that_is_not_finished_says_so_on_page_one():
    stopped = replace(REPORT, overview=an_overview(a_summary(finished=False)))

    assert "This run is not finished" in text_of(stopped)


def test_a_fleet_without_groups_prices_or_strange_days_is_still_a_paper():
    bare = a_summary(segments=(), scores={}, dropped={}, households=0)
    text = text_of(
        replace(
            REPORT,
            overview=an_overview(bare, households=0, segments=()),
            trends=(),
            strange=Page((), 0),
            tariffs=None,
            refusals=(),
        )
    )

    assert "No household has usable readings." in text
    assert "nothing was found" in text


def test_a_single_group_and_eight_groups_fit():
    for n in (1, 8):
        segments = tuple(a_segment(i + 1) for i in range(n))
        summary = a_summary(segments=segments)
        assert "30 households" in text_of(
            replace(REPORT, overview=an_overview(summary, segments=segments))
        )


def test_a_forged_name_breaks_no_line():
    assert "a b" in text_of(replace(REPORT, name="a\nb"))


def test_one_year_is_named_and_counted_alone():
    one_year = replace(REPORT, overview=an_overview(households=41, year=2013))

    text = text_of(one_year)

    assert "41 households in 2013 use" in text
    assert "2 of them were out of line in 2013" in text
    assert "3,000 household days" in text  # of the days shown: 60 with 50 households


def test_what_somebody_has_looked_at_says_so():
    row = replace(an_anomaly(new=True), seen=SeenMark(1_772_323_200_000, "Ada"))

    text = text_of(replace(REPORT, strange=Page((row,), 1)))

    assert "seen" in text.split("Out of line")[-1].split("Use by month")[0].split("Usual days:")[0]
