"""Photos of exchange protocols are copied into the site folder, once, or refused in words."""

import pytest

from energy_desktop.domain.editing import Edit, EditMethod, LedgerGap
from energy_desktop.domain.energy import GapCause
from energy_desktop.domain.errors import WrongUse
from energy_desktop.services.data_quality import DataQualityService, is_left
from tests.support.store_builders import T0, SetClock

QUARTER = 900_000


def a_service(photos):
    return DataQualityService(None, None, None, None, None, None, SetClock(), photos)


def a_photo(folder, name="Protocol 14.JPG", content=b"a photo"):
    path = folder / name
    path.write_bytes(content)
    return path


def test_a_photo_is_copied_under_a_name_of_its_own(tmp_path):
    service = a_service(tmp_path / "photos")
    source = a_photo(tmp_path)

    name = service.keep_photo(source, "hall 2/lights")
    source.unlink()

    assert name.startswith("photos/hall_2_lights-")
    assert service.photo(name).read_bytes() == b"a photo"


def test_the_same_photo_is_kept_once_and_another_one_beside_it(tmp_path):
    service = a_service(tmp_path / "photos")

    first = service.keep_photo(a_photo(tmp_path), "m")
    again = service.keep_photo(a_photo(tmp_path), "m")
    other = service.keep_photo(a_photo(tmp_path, content=b"another"), "m")

    assert first == again != other
    assert len(list((tmp_path / "photos").iterdir())) == 2


@pytest.mark.parametrize("name", ["protocol.exe", "protocol"])
def test_what_is_no_photo_is_refused(tmp_path, name):
    with pytest.raises(WrongUse, match="is no photo"):
        a_service(tmp_path / "photos").keep_photo(a_photo(tmp_path, name), "m")
    assert not (tmp_path / "photos").exists()


def test_a_file_that_is_gone_or_no_folder_is_told(tmp_path):
    with pytest.raises(WrongUse, match="cannot be copied"):
        a_service(tmp_path / "photos").keep_photo(tmp_path / "gone.jpg", "m")
    with pytest.raises(WrongUse, match="no folder"):
        a_service(None).keep_photo(a_photo(tmp_path), "m")


def test_a_photo_outside_the_folder_is_never_opened(tmp_path):
    a_photo(tmp_path, "secret.jpg")
    (tmp_path / "photos").mkdir()

    assert a_service(tmp_path / "photos").photo("photos/../secret.jpg") is None


def a_gap(count, done):
    return LedgerGap("m", "r", T0, T0 + count * QUARTER, count, GapCause.COMMUNICATION, "", 1, done)


def an_edit(method=EditMethod.LIKE_DAYS, undone_by=None):
    return Edit(1, "m", "r", 900, T0, T0 + QUARTER, method, "", "", T0, undone_by=undone_by)


def test_a_gap_is_left_until_it_has_a_value_and_a_likely_course():
    assert is_left(a_gap(1, ""), ())
    assert is_left(a_gap(8, "set by hand for 3 of 8 intervals"), (an_edit(),))
    assert is_left(a_gap(5, "spread evenly from the register"), ())
    assert not is_left(a_gap(4, "spread evenly from the register"), ())
    assert not is_left(a_gap(5, "like the same weekday before"), (an_edit(),))
    assert is_left(a_gap(5, "spread evenly from the register"), (an_edit(undone_by=2),))
    assert is_left(a_gap(5, "spread evenly from the register"), (an_edit(EditMethod.UNDO),))
