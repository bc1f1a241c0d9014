"""The question before what cannot be undone."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

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
