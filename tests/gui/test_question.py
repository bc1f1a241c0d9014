"""The question before what cannot be undone."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QWidget

from energy_desktop.ui.widgets.question import Question


@pytest.fixture
def asked(qtbot):
    parent = QWidget()
    qtbot.addWidget(parent)
    parent.show()
    question = Question(
        parent, "Issue it?", "It stays.", do="Issue", leave="Keep", facts=[("Total", "1.00")]
    )
    answers = []
    question.answered.connect(answers.append)
    question.open()
    yield question, answers
    parent.close()  # held until here: a dialog goes with its parent


def test_the_verb_answers_yes(asked, qtbot):
    question, answers = asked

    qtbot.mouseClick(question.do_button, Qt.MouseButton.LeftButton)

    assert answers == [True]


@pytest.mark.parametrize("key", [Qt.Key.Key_Escape, Qt.Key.Key_Return])
def test_escape_and_a_hasty_enter_leave_things_as_they_are(asked, qtbot, key):
    question, answers = asked

    qtbot.keyClick(question, key)

    assert answers == [False]


def test_what_is_asked_about_is_read_from_the_left_and_long_names_wrap(qtbot):
    parent = QWidget()
    qtbot.addWidget(parent)
    parent.show()
    name = "Compressed-air compressor of the north-western extension, second one of the two"
    facts = [("To", name), ("If contact is lost", "it stays as it was last told")]

    question = Question(parent, "Switch off?", "It is logged.", do="Do", leave="Leave", facts=facts)
    question.open()

    told = [label for label in question.findChildren(QLabel) if label.accessibleName()]
    assert [label.accessibleName() for label in told] == [f"{n}: {v}" for n, v in facts]
    assert len({label.x() for label in told}) == 1
    assert told[0].height() > told[1].height()
    assert question.width() < 600
    question.reject()
