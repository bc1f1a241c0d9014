"""Which driver explains a device."""

from energy_desktop.analytics.commissioning.driver_fit import DriverProbe, rank
from energy_desktop.domain.commissioning import DeviceIdentity
from energy_desktop.domain.driver import DriverInfo

GOOD = {"voltage_l1_v": 231.0, "voltage_l2_v": 230.0, "voltage_l3_v": 229.5, "frequency_hz": 50.01}


def a_driver(name, model="", quantities=tuple(GOOD)):
    return DriverInfo(f"maker_{name}", "Maker", (model or name,), quantities, "")


def test_the_driver_whose_voltages_and_frequency_are_right_comes_first():
    right = DriverProbe(a_driver("right"), GOOD)
    absurd = DriverProbe(a_driver("absurd"), {"voltage_l1_v": 3e-12, "frequency_hz": 0.0})

    fits = rank([absurd, right], None)

    assert [fit.driver_id for fit in fits] == ["maker_right"]
    assert "frequency reads 50.01 Hz" in fits[0].reasons


def test_registers_that_do_not_exist_count_against_a_driver():
    whole = DriverProbe(a_driver("whole"), GOOD)
    part = DriverProbe(a_driver("part"), GOOD, refused=("power_w", "power_factor"))

    fits = rank([part, whole], None)

    assert [fit.driver_id for fit in fits] == ["maker_whole", "maker_part"]
    assert fits[1].reasons[-1] == "2 of 6 registers do not exist here"


def test_a_driver_that_needs_another_word_order_says_which_and_comes_after_one_that_does_not():
    turned = DriverProbe(a_driver("a_turned"), GOOD, word_order="CDAB")
    straight = DriverProbe(a_driver("b_straight"), GOOD)

    fits = rank([turned, straight], None)

    assert [(fit.driver_id, fit.word_order) for fit in fits] == [
        ("maker_b_straight", ""),
        ("maker_a_turned", "CDAB"),
    ]
    assert "word order CDAB" in fits[1].reasons[0]


def test_what_the_device_calls_itself_decides_between_equals():
    one = DriverProbe(a_driver("abc100"), GOOD)
    other = DriverProbe(a_driver("abc200", "ABC-200"), GOOD)

    fits = rank([one, other], DeviceIdentity("Maker", "ABC-200 MID", "1.2"))

    assert fits[0].driver_id == "maker_abc200"
    assert fits[0].score == 1.0
    assert fits[0].reasons[0] == "the device calls itself Maker ABC-200 MID"


def test_a_device_that_answers_nothing_that_a_driver_asks_fits_none():
    assert rank([DriverProbe(a_driver("any"), {}, refused=("voltage_l1_v",))], None) == ()
