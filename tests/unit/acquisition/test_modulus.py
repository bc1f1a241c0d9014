"""Where a meter's energy counter begins again at nothing."""

from energy_desktop.acquisition.driver_profile import DriverProfile, Register


def a_profile(value_format, scale=1.0, **more):
    return DriverProfile(
        "d", (Register("energy_import_wh", 0, 4, value_format, scale=scale),), **more
    )


def test_the_width_of_an_unsigned_register_and_its_scale_say_it():
    assert a_profile("uint32").modulus_wh("energy_import_wh") == 2**32
    assert a_profile("uint32", 10.0).modulus_wh("energy_import_wh") == 10 * 2**32
    assert a_profile("uint16", 1_000.0).modulus_wh("energy_import_wh") == 65_536_000


def test_what_the_driver_declares_goes_first():
    declared = a_profile("uint32", counter_modulus_wh=100_000_000)

    assert declared.modulus_wh("energy_import_wh") == 100_000_000


def test_floats_signed_and_boundless_registers_do_not_say():
    for value_format in ("float32", "int32", "uint64"):
        assert a_profile(value_format).modulus_wh("energy_import_wh") is None
    assert a_profile("uint16").modulus_wh("energy_import_wh") is None  # it would wrap unseen
    assert a_profile("uint32").modulus_wh("energy_export_wh") is None
