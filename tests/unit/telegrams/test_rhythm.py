"""When a meter that speaks by itself is late: by its own rhythm, never sooner than its interval."""

import pytest

from energy_desktop.acquisition.listening import _Rhythm

PATIENCE_S = 12.0


def heard_every(seconds: float, times: int = 5) -> _Rhythm:
    rhythm = _Rhythm(0.0)
    for n in range(times):
        rhythm.heard(n * seconds)
        rhythm.is_due(n * seconds, 1.0)
    return rhythm


def test_a_meter_that_was_never_heard_gets_the_first_patience():
    rhythm = _Rhythm(100.0)

    assert rhythm.check_s(1.0, PATIENCE_S) == 112.0
    assert rhythm.check_s(10.0, PATIENCE_S) == 125.0


@pytest.mark.parametrize(
    ("rhythm_s", "interval_s", "late_s"), [(10, 1, 15), (1, 1, 1.5), (1, 4, 6)]
)
def test_the_slower_of_rhythm_and_interval_decides(rhythm_s, interval_s, late_s):
    rhythm = heard_every(rhythm_s)

    check_s = rhythm.check_s(interval_s, PATIENCE_S)

    assert check_s == pytest.approx(4 * rhythm_s + late_s)


def test_after_late_comes_lost_and_then_nothing():
    rhythm = heard_every(2.0)
    rhythm.judged = 1

    assert rhythm.check_s(1.0, PATIENCE_S) == pytest.approx(8.0 + 5.0)
    rhythm.judged = 2
    assert rhythm.check_s(1.0, PATIENCE_S) is None


def test_an_outage_is_no_rhythm():
    rhythm = heard_every(1.0)
    rhythm.judged = 2

    rhythm.heard(1000.0)

    assert rhythm.expected_s(1.0) == 1.0


def test_a_dsmr_4_meter_at_a_short_interval_is_not_lost_between_its_telegrams():
    rhythm = heard_every(10.0, times=2)

    assert rhythm.expected_s(1.0) == 10.0


def test_one_telegram_an_interval_is_taken_however_many_come():
    rhythm = _Rhythm(0.0)

    taken = [n for n in range(100) if rhythm.is_due(n * 0.1, 1.0)]

    assert len(taken) == 10 + 1  # 0 s to 9.9 s: the last belongs to the slot of 10 s
