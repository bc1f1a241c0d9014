"""What every page shows while the site is opened: progress, failure, or a question for the key."""

from energy_desktop.domain.errors import DamagedStore, MissingStore, PassphraseNeeded, StoreError
from energy_desktop.services.backups import Backup
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


def test_a_damaged_store_offers_the_newest_whole_backup_and_says_what_is_lost(qtbot):
    view = a_view(qtbot)
    asked = []
    view.restore_wanted.connect(lambda: asked.append("restore"))
    view.open_wanted.connect(lambda: asked.append("open"))

    view.show_damage(DamagedStore(where="site.sqlite", what="a page is damaged.", remedy=""))
    assert view.restore_button.isHidden()
    assert not view.open_button.isEnabled()
    view.show_backup(
        Backup("/b/site-1.sqlite", 12_300_000, 1_760_000_000_000), ("site-2.sqlite: damaged.",)
    )

    assert "12.3" in view.search.text()
    assert "site-2.sqlite: damaged." in view.since.text()
    assert "kept aside" in view.since.text()
    view.restore_button.click()
    view.open_button.click()  # one of the two was chosen already
    assert asked == ["restore"]


def test_what_a_page_asks_stands_in_the_place_of_the_progress_which_comes_back(qtbot):
    view = a_view(qtbot)

    view.show_damage(DamagedStore(where="site.sqlite", what="a page is damaged.", remedy=""))
    assert not view.bar.isVisible()

    view.show_progress(0.5, "Opening the site")
    assert view.bar.isVisible()
    assert not view.restore_button.isVisible()


def test_without_a_whole_backup_the_damaged_store_can_still_be_opened(qtbot):
    view = a_view(qtbot)

    view.show_damage(DamagedStore(where="site.sqlite", what="a page is damaged.", remedy=""))
    with qtbot.waitSignal(view.answer_changed) as answered:
        view.show_none(StoreError(where="/b", what="there is no backup.", remedy="Copy one."))

    assert answered.args == ["The store is damaged. there is no backup."]
    assert view.restore_button.isHidden()
    with qtbot.waitSignal(view.open_wanted):
        view.open_button.click()


def test_a_store_that_is_gone_is_not_called_damaged_and_an_empty_one_must_be_asked_for(qtbot):
    view = a_view(qtbot)
    asked = []
    view.open_wanted.connect(lambda: asked.append("begin anew"))

    view.show_damage(MissingStore(where="site.sqlite", what="the database is gone.", remedy=""))
    assert not view.open_button.isEnabled()
    view.show_backup(Backup("/b/site-1.sqlite", 12_300_000, 1_760_000_000_000), ())

    assert view.answer.startswith("The store is gone.")
    assert "kept aside" not in view.since.text()
    assert view.open_button.text() == "Begin anew with an empty store"
    assert asked == []
    view.open_button.click()
    assert asked == ["begin anew"]


def test_an_encrypted_backup_of_a_store_that_is_gone_asks_for_its_passphrase(qtbot):
    view = a_view(qtbot)
    asked = []
    view.unlocked.connect(asked.append)
    view.open_wanted.connect(lambda: asked.append("begin anew"))

    view.show_damage(MissingStore(where="site.sqlite", what="the database is gone.", remedy=""))
    view.ask_for_backup(PassphraseNeeded(where="/b/site-1.sqlite", what="encrypted.", remedy=""))
    qtbot.keyClicks(view.passphrase, "four words are fine\r")
    view.open_button.click()

    assert view.answer == "The store is gone. Its backup is encrypted."
    assert asked == ["four words are fine", "begin anew"]
