"""What the documents show works as shown."""

import re
from pathlib import Path

from energy_desktop.acquisition.profiles import ProfileLibrary
from energy_desktop.domain.link_kinds import LINK_KINDS
from energy_desktop.domain.site import LinkKind
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


def test_the_site_file_document_names_every_kind_of_link_with_its_keys_and_its_port():
    text = (ROOT / "docs" / "site-file.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", text, re.MULTILINE))

    assert rows.keys() == {kind.value for kind in LINK_KINDS}
    for kind, info in LINK_KINDS.items():
        row = rows[kind.value]
        assert not info.network or f"`port` = {info.default_port}" in row, kind
        for option in info.options:
            shared = info.has_password and option in LINK_KINDS[LinkKind.MODBUS_TLS].options
            assert f"`{option.name}`" in row or (shared and "`modbus_tls`" in row), option
