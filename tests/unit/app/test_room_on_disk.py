"""When the status bar warns of a disk that fills up."""

import pytest

from energy_desktop.app.desktop_shell import room_is_low


@pytest.mark.parametrize(
    ("free_gb", "disk_gb", "low"),
    [
        (0.9, 8, True),
        (1.1, 8, False),
        (4.0, 64, True),  # less than a tenth
        (7.0, 64, False),
        (20.0, 4_000, False),  # less than a tenth, and still years of readings
        (9.0, 4_000, True),
        (0.5, None, True),
        (2.0, None, False),
    ],
)
def test_less_than_a_gigabyte_or_a_tenth_of_the_disk_is_little(free_gb, disk_gb, low):
    disk = None if disk_gb is None else int(disk_gb * 1e9)

    assert room_is_low(int(free_gb * 1e9), disk) is low
