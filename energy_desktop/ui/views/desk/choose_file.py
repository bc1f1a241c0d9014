"""File dialogs that tell a path and block nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QStandardPaths, Qt
from PySide6.QtWidgets import QFileDialog, QWidget

from energy_desktop.domain.errors import WrongUse


def choose_files(
    parent: QWidget,
    title: str,
    filters: Sequence[str],
    then: Callable[[list[Path]], object],
    *,
    several: bool = False,
) -> QFileDialog:
    dialog = _dialog(parent, title, filters)
    modes = QFileDialog.FileMode
    dialog.setFileMode(modes.ExistingFiles if several else modes.ExistingFile)
    dialog.filesSelected.connect(lambda chosen: then([Path(c) for c in chosen]))
    dialog.open()
    return dialog


def choose_target(
    parent: QWidget, title: str, name: str, filters: str, then: Callable[[Path], object]
) -> QFileDialog:
    """Where to write; an existing file is asked about by the dialog. filters: one, or several
    with ;; between them, whose ending the name then gets."""
    dialog = _dialog(parent, title, filters.split(";;"))
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setDefaultSuffix(Path(name).suffix.lstrip("."))
    dialog.filterSelected.connect(
        lambda chosen: dialog.setDefaultSuffix(chosen.rpartition(".")[2].rstrip(")"))
    )
    dialog.selectFile(name)
    dialog.fileSelected.connect(lambda chosen: then(Path(chosen)))
    dialog.open()
    return dialog


def _dialog(parent: QWidget, title: str, filters: Sequence[str]) -> QFileDialog:
    place = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
    dialog = QFileDialog(parent, title, place)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.setNameFilters(list(filters))
    return dialog


def write_file(path: Path, data: bytes) -> Path:
    """For a job. Raises WrongUse when the folder does not take it."""
    try:
        path.write_bytes(data)
    except OSError as error:
        raise WrongUse(
            where=str(path),
            what=f"The file cannot be written: {error.strerror or error}.",
            remedy="Choose another folder, or close the program that has it open.",
        ) from error
    return path
