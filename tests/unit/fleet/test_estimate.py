import pytest

from energy_desktop.fleet import estimate

HALF_HOURS_A_DAY = 48


@pytest.mark.parametrize(
    ("rows", "measured_s"),
    # Five stages, hours, LightGBM and tariffs on two cores (docs/benchmarks.md); the first are
    # the 50 households of London.
    [(828_988, 3.4), (1_000_000, 3.6), (10_000_000, 16.7), (168_000_000, 187.0)],
)
def test_the_estimate_is_within_a_third_of_what_was_measured(rows, measured_s):
    said = estimate.seconds(rows, rows / HALF_HOURS_A_DAY)

    assert measured_s / 1.33 < said < measured_s * 1.33


def test_more_readings_never_take_less():
    sizes = [0, 10**6, 19_200_000, 20_000_000, 10**9]

    said = [estimate.seconds(rows, rows / HALF_HOURS_A_DAY) for rows in sizes]

    assert said == sorted(said)
    assert estimate.seconds_on_spark(10**6, "local[2]") > said[1]
