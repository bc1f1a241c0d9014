"""The energy of each day beside its temperature, and what depends on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from energy_desktop.domain.balance import WeatherLook, WeatherSlope
from energy_desktop.domain.site import Meter
from energy_desktop.services.balance_papers import signature_sentence
from energy_desktop.services.energy_weather import (
    COOLING_BASE_C,
    HEATING_BASE_C,
    EnergyWeatherService,
)
from energy_desktop.ui.formatting import Scale
from energy_desktop.ui.views.balance import drawing
from energy_desktop.ui.views.base import BaseView
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.chart import Chart
from energy_desktop.ui.widgets.decimal_box import DecimalBox
from energy_desktop.ui.widgets.marks import Figure, FigureRow, Legend
from energy_desktop.ui.widgets.panel import Panel


class WeatherPart(QWidget):
    """Meter, temperature and bases above; days at the left, days by degree days at the right."""

    def __init__(self, view: BaseView, weather: EnergyWeatherService) -> None:
        super().__init__()
        self._view = view
        self._weather = weather
        self._period: tuple[int, int] = (0, 0)
        self._when_read: Callable[[], object] = lambda: None
        self.look: WeatherLook | None = None
        formats = view.formats
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(self._pickers())
        self.facts = Panel(margins=8)
        self.figures = FigureRow()
        self.sentence = paint.label("", wrap=True)
        self.facts.set_content(self.figures)
        self.facts.set_content(self.sentence)
        self.facts.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        column.addWidget(self.facts)
        row = QHBoxLayout()
        row.setSpacing(8)
        self.days_panel = Panel("By day")
        self.days_legend = Legend()
        self.days_panel.add_header_widget(self.days_legend)
        self.days = Chart(formats, formats.scale("Wh"), name="Energy by day", numeric_x=True)
        self.days_panel.set_content(self.days)
        self.scatter_panel = Panel("By degree days")
        self.scatter_legend = Legend()
        self.scatter_panel.add_header_widget(self.scatter_legend)
        self.scatter = Chart(
            formats,
            formats.scale("Wh"),
            name="Energy by degree days",
            numeric_x=True,
            x_scale=Scale("Kd", 1.0, 1, formats.symbols),
        )
        self.scatter_panel.set_content(self.scatter)
        row.addWidget(self.days_panel, 3)
        row.addWidget(self.scatter_panel, 2)
        column.addLayout(row, 1)

    def _pickers(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(8)
        self.meter = QComboBox()
        self.meter.setAccessibleName("Meter")
        self.source = QComboBox()
        self.source.setAccessibleName("Whose temperature")
        self.heating = self._base(HEATING_BASE_C, "Heating below")
        self.cooling = self._base(COOLING_BASE_C, "Cooling above")
        for box in (self.meter, self.source):
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
            box.activated.connect(lambda _: self._read())
        row.addWidget(paint.label("Energy of", "label"))
        row.addWidget(self.meter)
        row.addWidget(paint.label("temperature of", "label"))
        row.addWidget(self.source)
        row.addWidget(paint.label("heating below", "label"))
        row.addWidget(self.heating)
        row.addWidget(paint.label("cooling above", "label"))
        row.addWidget(self.cooling)
        row.addStretch(1)
        return row

    def _base(self, value: float, name: str) -> DecimalBox:
        box = DecimalBox()
        box.setRange(-10.0, 40.0)
        box.setDecimals(1)
        box.setSingleStep(0.5)
        box.setSuffix(" °C")
        box.setValue(value)
        box.setKeyboardTracking(False)
        box.setAccessibleName(name)
        box.valueChanged.connect(lambda _: self._read())
        return box

    # -------------------------------------------------------- reading

    def read(
        self, period_ms: tuple[int, int], *, then: Callable[[], object] = lambda: None
    ) -> None:
        """Reads what there is to choose from, then the chosen meter."""
        self._period, self._when_read = period_ms, then
        weather = self._weather
        self._view.load(
            lambda: (weather.meters(), weather.sources()),
            lambda found: self.show_choices(*found),
            panels=(self.days_panel,),
            key="weather",
            title="Energy and temperature",
        )

    def show_choices(self, meters: Sequence[Meter], sources: Sequence[Meter]) -> None:
        """Fills the lists; without energy or temperature it says what brings it."""
        wanted = self._view.navigation.subject.meter_id
        self._fill(self.meter, meters, self.meter.currentData() or wanted)
        self._fill(self.source, sources, self.source.currentData())
        if meters and sources:
            self._read()
            return
        self.look = None
        if not sources:
            why = (
                "No meter or sensor brings a temperature yet. Import one (a file with a column "
                "temperature_c), or add a sensor by MQTT, HTTP or Modbus."
            )
        else:
            why = "No meter has counted energy yet."
        self.facts.hide()
        self.scatter_panel.hide()
        self.days_panel.show_empty(
            why,
            icon="thermometer",
            buttons=[("Open Meters", lambda: self._view.navigation.go("meters"))],
        )
        self._when_read()

    @staticmethod
    def _fill(box: QComboBox, meters: Sequence[Meter], wanted: object) -> None:
        box.clear()
        for meter in meters:
            box.addItem(meter.name, meter.meter_id)
        box.setCurrentIndex(max(0, box.findData(wanted)) if meters else -1)
        box.setEnabled(bool(meters))

    def _read(self) -> None:
        meter, source = self.meter.currentData(), self.source.currentData()
        if not meter or not source:
            return
        self.facts.show()
        self.scatter_panel.show()
        self._view.load(
            partial(
                self._weather.look,
                meter,
                *self._period,
                source=source,
                heating_base_c=self.heating.value(),
                cooling_base_c=self.cooling.value(),
            ),
            self.show_look,
            panels=(self.days_panel, self.scatter_panel),
            key="look",
            title="Energy and temperature",
        )

    def show_look(self, look: WeatherLook) -> None:
        """Figures, sentence and both pictures."""
        self.look = look
        formats = self._view.formats
        found = look.signature
        self.sentence.setText(signature_sentence(look))
        known = sum(d.energy_wh is not None for d in look.days)
        figures = [
            Figure(
                "Heating degree days",
                formats.number(sum(d.heating_kd or 0.0 for d in look.days), 0),
                "Kd",
            ),
            Figure(
                "Cooling degree days",
                formats.number(sum(d.cooling_kd or 0.0 for d in look.days), 0),
                "Kd",
            ),
            Figure("Whole days", formats.count(known), "", f"of {len(look.days)}"),
        ]
        if found is not None:
            scale = formats.scale("Wh")
            figures = [
                Figure("Base load", scale.text(found.base_wh), f"{scale.unit} a day"),
                self._slope("Heating", found.heating),
                self._slope("Cooling", found.cooling),
                Figure("Explained", formats.number(100 * found.r2, 0), "%"),
                Figure(
                    "CV(RMSE)",
                    formats.number(found.cv_rmse_pct, 1),
                    "%",
                    f"mean day {formats.percent(found.mean_cv_rmse_pct, 1)}",
                ),
                *figures,
            ]
        self.figures.show_figures(figures)
        data, scale, right = drawing.weather_days(look, formats)
        self.days_panel.set_title(scale.header("Energy by day"))
        self.days.show_data(data, scale=scale, right_scale=right)
        self.days.reset_zoom()
        self.days_legend.show_entries(self.days.legend_entries())
        data, scale, side = drawing.scatter(look, formats)
        self.scatter_panel.set_title(f"By {side} Kd")
        self.scatter.show_data(data, scale=scale)
        self.scatter.reset_zoom()
        self.scatter_legend.show_entries(self.scatter.legend_entries())
        self._when_read()

    def _slope(self, name: str, slope: WeatherSlope | None) -> Figure:
        formats = self._view.formats
        if slope is None:
            return Figure(f"{name} slope", "–", "", "none can be told")
        low, high = (formats.number(v / 1000, 2) for v in (slope.low, slope.high))
        number = formats.number(slope.wh_per_kd / 1000, 2)
        return Figure(f"{name} slope", number, "kWh/Kd", f"{low} to {high}")
