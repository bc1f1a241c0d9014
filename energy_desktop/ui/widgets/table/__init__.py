"""Tables: a model over frozen rows, a delegate that paints cells, a view that copies."""

from energy_desktop.ui.widgets.table.cells import Cell
from energy_desktop.ui.widgets.table.model import ROW_ROLE, Column
from energy_desktop.ui.widgets.table.view import Table

__all__ = ["ROW_ROLE", "Cell", "Column", "Table"]
