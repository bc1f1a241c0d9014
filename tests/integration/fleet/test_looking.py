"""Looking at a run: one year of it, example shapes, what was seen, and what is remembered."""

import gzip
import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from energy_desktop.app.commands.fleet_words import summary_text
from energy_desktop.domain.errors import DataFileError, JobCancelled, NotFound, StoreError
from energy_desktop.domain.fleet import FleetOptions
from energy_desktop.services.fleet import FleetService
from tests.support.fleet_files import LONDON, london_rows, write_csv

ZONE = "Europe/Berlin"
START = datetime(2012, 11, 20, tzinfo=UTC)
DAYS = 85
NEW_YEAR = datetime(2012, 12, 31, 23, tzinfo=UTC)  # on the clock of the run
WHO = "Ada"


def _rows(k, *, since=START):
    """One household: level, noise, an evening; `since` cuts what lies before."""
    rng = np.random.default_rng(k)
    slot = np.arange(48 * DAYS) % 48
    values = 0.05 * (k + 1) * (0.4 + np.exp(-(((slot - 38) / 5.0) ** 2)) * (1 + k % 3))
    values = values * np.exp(0.3 * rng.standard_normal(48 * DAYS))
    if k == 2:
        values[48 * 30 : 48 * 32] = 0.211  # stands still in December
    if k == 3:
        values[48 * 82 : 48 * 82 + 20] = 6.0 + 0.1 * np.arange(20)  # bursts in its last week
    first = int((since - START) / timedelta(minutes=30))
    values = np.round(values, 3)[first:].tolist()
    return london_rows(f"MAC{k:06d}", values, start=since, tariff="ToU" if k % 2 else "Std")


def _fleet(folder, *, since=START):
    write_csv(folder / "a.csv", LONDON, [row for k in range(12) for row in _rows(k, since=since)])
    return folder


@pytest.fixture(scope="module")
def service():
    return FleetService(clock=lambda: datetime(2026, 3, 1, 12, tzinfo=UTC))


@pytest.fixture(scope="module")
def made(tmp_path_factory, service):
    folder = tmp_path_factory.mktemp("looking")
    service.run(_fleet(folder / "in"), folder / "out", FleetOptions(zone=ZONE))
    return folder / "out"


@pytest.fixture
def out(made, tmp_path):
    return Path(shutil.copytree(made, tmp_path / "out"))


def test_a_year_says_what_a_run_over_that_year_alone_says(out, service, tmp_path):
    service.run(
        _fleet(tmp_path / "in", since=NEW_YEAR), tmp_path / "alone", FleetOptions(zone=ZONE)
    )

    service.make_year(out, 2013)

    one, alone = service.overview(out, year=2013), service.overview(tmp_path / "alone")
    assert (one.year, one.households, one.tariffs) == (2013, 12, {"Std": 6, "ToU": 6})
    assert one.kwh_per_day == pytest.approx(alone.kwh_per_day)
    assert one.missing_pct == pytest.approx(alone.missing_pct)
    assert service.trends(out, year=2013).rows == service.trends(tmp_path / "alone").rows
    mine = service.households(out, year=2013).rows
    theirs = service.households(tmp_path / "alone").rows
    for a, b in zip(mine, theirs, strict=True):
        assert (a.household, a.first_day, a.last_day, a.complete_days) == (
            b.household, b.first_day, b.last_day, b.complete_days)  # fmt: skip
        assert a.kwh_per_day == pytest.approx(b.kwh_per_day)
        assert a.night_share_pct == pytest.approx(b.night_share_pct)
        assert a.cost_a_per_year == pytest.approx(b.cost_a_per_year)
    priced, priced_alone = service.tariffs(out, year=2013), service.tariffs(tmp_path / "alone")
    assert priced.total_a_units == priced_alone.total_a_units
    assert priced.total_b_units == priced_alone.total_b_units
    assert (priced.winners, priced.response) == (priced_alone.winners, priced_alone.response)


def test_both_years_together_hold_every_reading(out, service):
    whole = {one.household: one.bill_a_units for one in service.tariffs(out).rows.rows}

    parts = [
        {one.household: one.bill_a_units for one in service.tariffs(out, year=year).rows.rows}
        for year in service.overview(out).years
    ]

    assert service.overview(out).years == (2012, 2013)
    for name, bill in whole.items():
        assert sum(part[name] for part in parts) == pytest.approx(bill, abs=1)  # each is rounded


def test_households_stay_in_their_group_whatever_year_is_looked_at(out, service):
    whole = {one.household: one.segment for one in service.households(out).rows}

    one = {row.household: row.segment for row in service.households(out, year=2013).rows}
    groups = service.segments(out, year=2013).rows

    assert one == whole
    assert sum(group.households for group in groups) == 12
    assert [g.words for g in groups] == [g.words for g in service.segments(out).rows]


def test_a_year_holds_the_strange_stretches_that_touch_it(out, service):
    def strange(year):
        found = service.anomalies(out, year=year, strongest_only=False, limit=None).rows
        return {(one.household, one.kind) for one in found}

    assert ("MAC000002", "flat") in strange(2012) - strange(2013)
    assert ("MAC000003", "high") in strange(2013) - strange(2012)
    assert strange(2012) | strange(2013) == strange(None)
    assert service.overview(out, year=2012).new_anomalies == 0
    assert service.overview(out, year=2013).new_anomalies == service.overview(out).new_anomalies


def test_a_year_is_counted_once_and_again_after_another_run(out, service, tmp_path):
    service.make_year(out, 2013)
    stamp = (out / "years" / "2013" / "households.parquet").stat().st_mtime_ns

    service.make_year(out, 2013)

    assert (out / "years" / "2013" / "households.parquet").stat().st_mtime_ns == stamp
    service.run(_fleet(tmp_path / "in"), out, FleetOptions(zone=ZONE, seed=8), replace=True)
    assert not (out / "years").exists()


def test_a_year_without_data_is_refused_in_words(out, service):
    with pytest.raises(NotFound, match="It can be for: 2012, 2013"):
        service.overview(out, year=2019)


def test_counting_a_year_can_be_cancelled_and_leaves_nothing_half(out, service):
    def stop(_fraction, _doing):
        raise JobCancelled(where="Year", what="Cancelled.", remedy="")

    with pytest.raises(JobCancelled):
        service.make_year(out, 2013, stop)

    assert not (out / "years").exists()
    assert list(out.glob(".scratch-*")) == []
    assert service.overview(out, year=2013).households == 12


@pytest.mark.parametrize("year", [None, 2012])
def test_what_is_said_of_each_tariff_adds_up_to_what_is_said_of_all(out, service, year):
    if year is not None:
        service.make_year(out, year)
    whole = service.overview(out, year=year)
    each = {name: service.overview(out, year=year, tariff=name) for name in whole.tariffs}
    bills = {name: service.tariffs(out, year=year, tariff=name) for name in whole.tariffs}
    all_bills = service.tariffs(out, year=year)

    assert {name: one.households for name, one in each.items()} == whole.tariffs
    assert sum(one.new_anomalies for one in each.values()) == whole.new_anomalies
    strange = sum(one.households_with_anomalies for one in each.values())
    assert strange == whole.households_with_anomalies
    use = sum(one.kwh_per_day * one.households for one in each.values())
    assert use == pytest.approx(whole.kwh_per_day * whole.households)
    for segment in whole.segments:
        parts = [s for one in each.values() for s in one.segments if s.segment == segment.segment]
        sizes = [part.households for part in parts]
        assert sum(sizes) == segment.households
        assert {part.words for part in parts} == {segment.words}
        for name in ("kwh_per_day", "night_share_pct", "cost_per_year", "shape"):
            values = [np.array(getattr(part, name)) for part in parts]
            assert np.average(values, axis=0, weights=sizes) == pytest.approx(
                np.array(getattr(segment, name))
            )
    for name in ("total_a_units", "total_b_units", "winners", "losers", "unchanged"):
        assert sum(getattr(one, name) for one in bills.values()) == getattr(all_bills, name)
    assert {one.response for one in bills.values()} == {all_bills.response}


def test_examples_of_a_tariff_are_of_its_households(out, service):
    on = {row.household for row in service.households(out, tariff="ToU").rows}
    shapes = [
        tuple(service.examples(out, each=99, tariff=name).items()) for name in (None, "ToU", "Std")
    ]
    found = [sum(len(ones) for _, ones in one) for one in shapes]

    assert found[1] == len(on)
    assert found[0] == found[1] + found[2]


def test_a_tariff_that_nobody_is_on_is_refused_and_those_there_are_named(out, service):
    with pytest.raises(NotFound, match=r"There are: Std, ToU\."):
        service.overview(out, tariff="Night")


def test_examples_are_day_shapes_of_the_group_from_small_to_large(out, service):
    found = service.examples(out, each=3)

    sizes = {one.segment: one.households for one in service.segments(out).rows}
    assert {segment: len(shapes) for segment, shapes in found.items()} == {
        segment: min(3, n) for segment, n in sizes.items()
    }
    for shapes in found.values():
        for shape in shapes:
            assert len(shape) == 24
            assert sum(shape) / 24 == pytest.approx(1.0)
    assert found == service.examples(out, each=3)
    assert service.examples(out, each=3, year=2013).keys() == found.keys()


def test_what_was_seen_is_new_no_more_and_comes_again_when_it_is_unmarked(out, service):
    before = service.overview(out).new_anomalies

    service.mark_seen(out, "MAC000003", who=WHO)

    row = next(r for r in service.anomalies(out).rows if r.household == "MAC000003")
    assert (row.new, row.state, row.seen.who) == (True, "seen", WHO)
    assert row.seen.at_ms == 1_772_366_400_000
    assert service.overview(out).new_anomalies < before
    unseen = service.anomalies(out, unseen_only=True).rows
    assert "MAC000003" not in {one.household for one in unseen}
    service.unmark_seen(out, "MAC000003")
    assert service.overview(out).new_anomalies == before


def test_one_stretch_is_marked_without_the_others_of_the_household(out, service):
    rows = service.household(out, "MAC000003").anomalies
    one = rows[0]

    service.mark_seen(out, "MAC000003", who=WHO, stretch=(one.kind, one.start_ms))

    states = [row.state for row in service.household(out, "MAC000003").anomalies]
    assert states[0] == "seen"
    assert "seen" not in states[1:]


def test_marks_outlive_a_run_that_is_made_again(out, service, tmp_path):
    service.mark_seen(out, "MAC000002", who=WHO)

    service.run(_fleet(tmp_path / "in"), out, FleetOptions(zone=ZONE, seed=8), replace=True)

    row = next(r for r in service.anomalies(out).rows if r.household == "MAC000002")
    assert row.state == "seen"


def test_marks_of_a_household_that_is_not_there_are_refused(out, service):
    with pytest.raises(NotFound):
        service.mark_seen(out, "nobody", who=WHO)
    with pytest.raises(NotFound, match="no such strange stretch"):
        service.mark_seen(out, "MAC000003", who=WHO, stretch=("flat", 1))
    assert not (out / "seen.json").exists()


def test_a_file_of_marks_that_is_torn_is_named_and_not_taken_for_empty(out, service):
    (out / "seen.json").write_text('{"format": 1, "marks": [')

    with pytest.raises(DataFileError, match=r"seen\.json"):
        service.anomalies(out)


def test_opened_results_are_remembered_the_last_one_first(out, tmp_path):
    first = Path(shutil.copytree(out, tmp_path / "stick" / "Leeds"))
    runs = tmp_path / "site" / "fleet"
    own = Path(shutil.copytree(out, runs / "own"))
    FleetService(runs=runs).remember(first)
    FleetService(runs=runs).remember(out)

    again = FleetService(runs=runs)

    assert again.runs() == (out, first, own)
    shutil.move(first, tmp_path / "pulled out")
    assert again.runs() == (out, own)
    shutil.move(tmp_path / "pulled out", first)
    assert again.runs() == (out, first, own)
    again.forget(out)
    assert again.runs() == (first, own)


def test_only_a_run_is_remembered_and_one_of_the_site_is_known_anyway(out, tmp_path):
    runs = tmp_path / "site" / "fleet"
    service = FleetService(runs=runs)
    own = Path(shutil.copytree(out, runs / "own"))

    with pytest.raises(NotFound):
        service.remember(tmp_path / "nothing")
    service.remember(own)

    assert service.runs() == (own,)
    assert not (runs / "opened.json").exists()


def test_a_list_that_cannot_be_written_is_said(out, tmp_path):
    (tmp_path / "site").write_text("a file where the folder should be")

    with pytest.raises(StoreError, match="cannot be remembered"):
        FleetService(runs=tmp_path / "site" / "fleet").remember(out)


def test_a_run_tells_what_it_was_asked(out, service):
    asked = service.was_asked(out)

    assert (asked.folder.name, asked.engine) == ("in", "duckdb")
    assert asked.options == FleetOptions(zone=ZONE)
    assert json.loads((out / "fleet.json").read_text())["about"]["options"]["zone"] == ZONE


def test_a_run_over_the_same_files_is_known_before_it_is_begun(out, service, tmp_path):
    asked = service.was_asked(out)

    same = service.plan(asked.folder, out, asked.options)
    other = service.plan(asked.folder, out, FleetOptions(zone=ZONE, segments=6))
    new = service.plan(asked.folder, tmp_path / "elsewhere", asked.options)

    assert (same.state, other.state, new.state) == ("done", "replaces", "new")
    assert 0.9 < same.rows / (12 * 48 * DAYS) < 1.1
    assert same.kinds == (("a row a reading, 30 min, kWh", 1),)
    assert same.taken["value"] == "KWH/hh (per half hour)"
    assert same.disk_bytes < same.free_bytes
    assert same.lacking == ""


def test_a_run_keeps_how_long_it_was_thought_to_take(out, service, tmp_path):
    asked = service.was_asked(out)

    plan = service.plan(asked.folder, tmp_path / "elsewhere", asked.options)

    said = service.summary(out)
    assert said.estimated_s == pytest.approx(plan.seconds, abs=0.1)
    assert f"(estimated on two cores: about {plan.seconds:.0f} s)" in summary_text(said, None, out)


def test_a_plan_counts_packed_and_wide_files_and_names_those_left_out(service, tmp_path):
    rows = [row for k in range(12) for row in _rows(k)]
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.csv.gz").write_bytes(gzip.compress("\n".join([LONDON, *rows]).encode()))
    hh = [f"hh_{k}" for k in range(48)]
    days = [f"MAC9,2013-03-{d:02d},{','.join(['0.123'] * 48)}" for d in range(1, 31)]
    write_csv(folder / "b.csv", ",".join(["LCLid", "day", *hh]), days)
    (folder / "c.csv").write_text("meter,time,reading\nm,2013-01-01 00:00,1\n")

    plan = service.plan(folder, tmp_path / "out")

    assert (plan.files, sum(n for _, n in plan.kinds)) == (3, 2)
    assert [Path(one.name).name for one in plan.refused] == ["c.csv"]
    assert 0.8 < plan.rows / (len(rows) + 48 * 30) < 1.3


def test_columns_can_be_chosen_from_a_file_that_is_not_understood(service, tmp_path):
    write_csv(tmp_path / "in" / "a.csv", "who;when;reading", ["m;2013-01-01 00:00;1"])

    plan = service.plan(tmp_path / "in", tmp_path / "out")

    assert plan.header == ("who", "when", "reading")
    assert plan.taken == {}
    assert "known as its time" in plan.refused[0].why


def test_spark_without_java_says_what_it_lacks(service, tmp_path, monkeypatch):
    monkeypatch.setattr("energy_desktop.fleet.spark.java_home", lambda: None)
    _fleet(tmp_path / "in")

    plan = service.plan(tmp_path / "in", tmp_path / "out", engine="spark")

    assert "Spark needs Java 17" in plan.lacking
    on_cluster = service.plan(
        tmp_path / "in", tmp_path / "out", engine="spark", master="spark://head:7077"
    )
    assert on_cluster.seconds is None
