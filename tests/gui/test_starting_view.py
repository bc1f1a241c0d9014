"""What every page shows while the site is opened: progress, failure, or a question for the key."""

from energy_desktop.domain.errors import PassphraseNeeded, StoreError
from energy_desktop.ui.views.starting_view import StartingView
from tests.gui.fakes import a_context


def a_view(qtbot):
    view = StartingView(a_context())
    qtbot.addWidget(view)
    view.show()
    return view


def test_an_encrypted_site_asks_once_for_what_opens_it(qtbot):
    view = a_view(qtbot)
    asked = PassphraseNeeded(where="/data/site.sqlite", what="It is encrypted.", remedy="Type it.")
    typed = []
    view.unlocked.connect(typed.append)

    view.ask_passphrase(asked)
    view._unlock()  # nothing typed yet: nothing happens
    qtbot.keyClicks(view.passphrase, "four words are fine")
    view._unlock()

    assert typed == ["four words are fine"]
    assert not view.passphrase.isEnabled()
    assert view.passphrase.echoMode() == view.passphrase.EchoMode.Password
    assert view.passphrase.accessibleName() == "Passphrase or recovery key"


def test_a_failure_replaces_the_progress_with_its_sentence(qtbot):
    view = a_view(qtbot)
    view.show_progress(0.5, "Opening the site")

    with qtbot.waitSignal(view.answer_changed) as answered:
        view.show_failure(StoreError(where="disk", what="The disk is full.", remedy="Make room."))

    assert answered.args == ["The disk is full."]
