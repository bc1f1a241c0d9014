"""A file of register readings, imported by command: what its register knows is kept with it."""

import json

import pytest
from typer.testing import CliRunner

from energy_desktop.app.commands.root import app

STEP_MIN = 15


def run(site, *arguments):
    return CliRunner().invoke(app, [*map(str, arguments), "--site", str(site)])


def asked(site, *arguments):
    result = run(site, *arguments, "--json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def a_file(tmp_path, register_wh, name="heat.csv", first=0, lost=()):
    """Readings each quarter of an hour from `first` quarters after midnight, save for `lost`."""
    path = tmp_path / name
    rows = []
    for k, wh in enumerate(register_wh):
        at = (first + k) * STEP_MIN
        day, minute = divmod(at, 1440)
        if k not in lost:
            rows.append(f"2026-03-{day + 1:02d}T{minute // 60:02d}:{minute % 60:02d}:00Z,{wh}")
    path.write_text("\n".join(["time_utc,register_wh", *rows]) + "\n")
    return path


def imported(site, path):
    (result,) = asked(site, "import", path, "--meter", "heat", "--values", "register")["results"]
    return result


@pytest.fixture
def site(tmp_path):
    return tmp_path / "site"


STEADY = [1_000 + 10 * k for k in range(193)]  # two days of 40 W
DAYS = ("--from", "2026-03-01T00:00:00Z", "--to", "2026-03-03T00:00:00Z")


def days_of(site):
    return asked(site, "validate", "--meter", "heat", *DAYS)["days"]


def test_the_energy_of_a_hole_is_kept_marked_and_tied_to_the_register(tmp_path, site):
    found = imported(site, a_file(tmp_path, STEADY, lost=range(101, 120)))

    assert (found["stored"], found["estimated"], found["gaps"]) == (192, 20, 0)
    assert any("spread evenly and marked estimated" in note for note in found["notes"])
    (gap,) = asked(site, "gaps", "--meter", "heat", *DAYS)["gaps"]
    assert (gap["intervals"], gap["known_wh"]) == (20, 200)
    assert gap["done"] == "spread evenly from the register in the file"
    assert gap["cause"] != "communication"
    days = days_of(site)
    assert [day["register_difference_wh"] for day in days] == [960, 960]
    assert [day["discrepancy_wh"] for day in days] == [0, 0]


def test_the_same_file_once_more_changes_nothing(tmp_path, site):
    path = a_file(tmp_path, STEADY, lost=range(101, 120))
    imported(site, path)

    again = imported(site, path)

    assert (again["stored"], again["already_stored"], again["replaced"]) == (0, 192, 0)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_files_in_any_order_are_one_register_where_it_goes_on(tmp_path, site, order):
    parts = [
        a_file(tmp_path, STEADY[:97], "one.csv"),
        a_file(tmp_path, STEADY[96:], "two.csv", first=96),
    ]
    for which in order:
        imported(site, parts[which])

    whole = asked(site, "validate", "--meter", "heat", *DAYS)

    assert sum(day["register_difference_wh"] for day in whole["days"]) == 1_920
    assert all(day["discrepancy_wh"] == 0 for day in whole["days"])


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_another_register_in_a_later_file_is_not_taken_for_the_same(tmp_path, site, order):
    parts = [
        a_file(tmp_path, STEADY[:97], "one.csv"),
        a_file(tmp_path, [10 * k for k in range(90)], "two.csv", first=103),
    ]
    for which in order:
        imported(site, parts[which])

    assert [day["register_difference_wh"] for day in days_of(site)] == [960, 890]
    (gap,) = asked(site, "gaps", "--meter", "heat", *DAYS)["gaps"]
    assert (gap["intervals"], gap["known_wh"]) == (7, None)


def test_nothing_is_booked_where_the_register_fell_and_the_exchange_says_what_to_do(tmp_path, site):
    read = [*STEADY[:100], *(10 * k for k in range(93))]
    found = imported(site, a_file(tmp_path, read))

    refused = run(
        site, "exchange", "--meter", "heat", "--at", "2026-03-02T00:50:00Z",
        "--old-end-wh", 1_996, "--new-start-wh", 0,
    )  # fmt: skip

    assert [r["line"] for r in found["rejected"]] == [102]
    assert sum(day["register_difference_wh"] for day in days_of(site)) == 990 + 920
    assert refused.exit_code == 2
    assert "comes from files" in refused.stderr
    assert "spread 0.006 kWh" in refused.stderr
