"""A store whose list of tables is damaged is said to be, whatever bytes stand there now."""

import pytest

from energy_desktop.domain.errors import DamagedStore
from energy_desktop.storage import open_store


def test_a_schema_that_is_no_text_any_more_is_a_damaged_file(tmp_path):
    path = tmp_path / "site.sqlite"
    open_store(path).close()
    pages = path.read_bytes()
    assert b"CREATE TABLE" in pages
    path.write_bytes(pages.replace(b"CREATE TABLE", b"\x9d\xff\x9d\xff TABLE\x9d\xff"))

    with pytest.raises(DamagedStore, match="damaged"):
        open_store(path)
