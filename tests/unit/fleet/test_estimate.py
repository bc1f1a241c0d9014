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


@pytest.mark.parametrize(
    ("rows", "measured_mb"),
    # All processes together, on two cores.
    [(34_560, 361), (1_000_000, 488), (5_000_000, 796), (10_000_000, 1399)],
)
def test_the_memory_is_within_a_fifth_of_what_was_measured(rows, measured_mb):
    assert measured_mb / 1.2 < estimate.memory_mb(rows, 2) < measured_mb * 1.2


def test_memory_grows_with_the_cores_that_judge_side_by_side_and_then_not_with_the_fleet():
    assert estimate.memory_mb(168_000_000, 2) == estimate.memory_mb(10**9, 2)
    assert estimate.memory_mb(168_000_000, 8) > 2 * estimate.memory_mb(168_000_000, 2)
    assert estimate.memory_mb(168_000_000, 2) < 4500
    grows = [estimate.memory_mb(rows, 4) for rows in (0, 10**6, 6_000_000, 6_000_001, 10**8)]
    assert grows == sorted(grows)


def test_more_readings_never_take_less():
    sizes = [0, 10**6, 19_200_000, 20_000_000, 10**9]

    said = [estimate.seconds(rows, rows / HALF_HOURS_A_DAY) for rows in sizes]

    assert said == sorted(said)
    assert estimate.seconds_on_spark(10**6, "local[2]") > said[1]
