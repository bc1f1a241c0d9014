"""What the documents show works as shown."""

import re
from pathlib import Path

from energy_desktop.acquisition.profiles import ProfileLibrary
from energy_desktop.services.site_file import SiteFileService
from energy_desktop.storage import open_store

ROOT = Path(__file__).resolve().parents[2]


def test_the_site_file_of_the_documents_can_be_applied_twice(tmp_path):
    text = (ROOT / "docs" / "site-file.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    file = tmp_path / "site.toml"
    file.write_text(example, encoding="utf-8")

    with open_store(tmp_path / "site.sqlite") as store:
        service = SiteFileService(store.configuration, ProfileLibrary([ROOT / "drivers"]))
        first = service.apply(file)
        second = service.apply(file)
        kept = store.configuration.load()

    assert first.added["meters"] == 3
    assert second.nothing_new
    assert kept.contracts[0].space_ids == ("floor-1-east",)
