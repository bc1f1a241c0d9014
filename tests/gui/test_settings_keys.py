"""Keys in the settings: shown once, revoked after a question, told with their meters."""

from types import SimpleNamespace

import pytest
from PySide6.QtGui import QGuiApplication

from energy_desktop.domain.errors import WrongUse
from energy_desktop.domain.push import ApiKey, Unclaimed
from energy_desktop.services.api_keys import NewKey
from energy_desktop.services.http_in import HttpInPicture, HttpInState, KeyListing
from energy_desktop.ui.views.settings.keys import HttpInRows, state_text

NOON = 1_780_000_000_000
SECRET = "edk_secret-of-the-roof"


class FakeService:
    """Stands in for HttpInService."""

    def __init__(self) -> None:
        self.rows = [KeyListing(ApiKey("1", "shop", NOON, last_used_ms=NOON), ("Shop",))]
        self.revoked: list[str] = []

    def load(self) -> HttpInPicture:
        proposal = Unclaimed("roof/7", 12, NOON)
        return HttpInPicture(HttpInState(True, "127.0.0.1:8765"), tuple(self.rows), (proposal,))

    def make(self, name: str) -> NewKey:
        if name == "shop":
            raise WrongUse(where="Key shop", what="It is taken.", remedy="Revoke it first.")
        key = ApiKey("2", name, NOON)
        self.rows.append(KeyListing(key, ()))
        return NewKey(key, SECRET)

    def revoke(self, key_id: str) -> ApiKey:
        self.revoked.append(key_id)
        return self.rows[0].key


@pytest.fixture
def page(qtbot, context):
    def at_once(work, show, *, on_error=None, **_):
        try:
            show(work())
        except WrongUse as error:
            on_error(error)

    service = FakeService()
    rows = HttpInRows(context.formats, service, at_once)
    for row in rows.rows:
        qtbot.addWidget(row)
    rows.keys.show()
    rows.reload()
    return SimpleNamespace(rows=rows, keys=rows.keys, service=service)


def test_a_new_key_is_shown_until_it_is_done_with_and_then_nowhere(page):
    page.keys.name.setText("roof")

    page.keys.make()
    page.keys.copy()

    assert page.keys.secret.text() == SECRET
    assert QGuiApplication.clipboard().text() == SECRET
    page.keys.hide_secret()
    assert page.keys.secret.text() == "" and page.keys.secret_box.isHidden()
    assert set(page.keys.revoke_buttons) == {"shop", "roof"}


def test_a_name_that_is_taken_is_told_beside_the_field(page):
    page.keys.name.setText("shop")

    page.keys.make()

    assert page.keys.fault.text() == "It is taken. Revoke it first."
    assert page.keys.secret_box.isHidden() and page.keys.make_button.isEnabled()


def test_a_key_is_revoked_only_after_the_question_that_names_its_meters(page):
    question = page.keys.ask_to_revoke(page.service.rows[0])
    question.reject()
    assert page.service.revoked == []

    question = page.keys.ask_to_revoke(page.service.rows[0])
    question.accept()

    assert page.service.revoked == ["1"]


def test_who_posts_without_a_meter_is_told_with_its_address(page):
    assert page.rows.proposals.text.startswith("roof/7: 12 times, last ")
    assert page.rows.state.text == "Listens on http://127.0.0.1:8765"


@pytest.mark.parametrize(
    ("state", "says"),
    [
        (None, "it does not poll"),
        (HttpInState(False), "Off"),
        (HttpInState(True), "Starts in a moment"),
        (HttpInState(True, trouble="HTTP in: the port is taken."), "the port is taken"),
    ],
)
def test_the_state_is_a_sentence(state, says):
    assert says in state_text(state)
