"""The billing page: what may be issued, what an issued one allows, where evidence leads."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from energy_desktop.analytics.billing.calendar import billing_calendar
from energy_desktop.domain.energy import IntervalQuality
from energy_desktop.domain.errors import InvoiceError, StoreError
from energy_desktop.domain.invoice import InvoiceStatus
from energy_desktop.services.billing import BillingOverview, BillingSheet
from energy_desktop.ui.views import billing_words as words
from energy_desktop.ui.views.billing_view import BillingView
from tests.unit.billing.builders import a_client, a_contract, a_site, intervals
from tests.unit.billing.test_draft import a_draft, a_meter_month

MONTH = "2025-09"
ZWEI = a_client(client_id="zwei", name="<i>Zwei</i> & Co")


def a_sheet(month=MONTH, values=None, **changes):
    values = values if values is not None else intervals(month)
    invoice = replace(a_draft(a_meter_month(values), month=month), **changes)
    calendar = billing_calendar(
        site=a_site(),
        client=invoice.client,
        contracts=[a_contract()],
        meters=[a_meter_month(values)],
        month=month,
        naive_outside_wh=invoice.outside_wh + 500,
    )
    return BillingSheet(invoice, calendar)


def issued(invoice, number="2025-0001"):
    return replace(
        invoice, status=InvoiceStatus.ISSUED, number=number, issued_at_ms=1_760_000_000_000
    )


class FakeBilling:
    """Two clients, one month; issuing takes the next number."""

    def __init__(self, **changes):
        self.sheets = {
            "meyer": a_sheet(**changes),
            "zwei": a_sheet(client=ZWEI, blockers=("Lights: 3 intervals (45 min) missing.",)),
        }
        self.fails = None
        self.written = []
        self.wrong = ()

    def overview(self, _=""):
        invoices = [s.invoice for s in self.sheets.values()]
        return BillingOverview(
            clients=tuple(i.client for i in invoices),
            months=("2025-10", MONTH),
            drafts=tuple(i for i in invoices if i.number is None),
            issued=tuple(i for i in invoices if i.number is not None),
            next_number="2025-0001",
            number_gaps=(),
        )

    def sheet(self, client_id, _):
        if self.fails:
            raise self.fails
        return self.sheets[client_id]

    def issue(self, client_id, _):
        if self.fails:
            raise self.fails
        sheet = self.sheets[client_id]
        self.sheets[client_id] = replace(sheet, invoice=issued(sheet.invoice))
        return self.sheets[client_id].invoice

    def corrections(self):
        return self.wrong

    def write_pdf(self, invoice, folder):
        self.written.append((invoice.number, folder))
        return Path(folder) / "paper.pdf"

    def write_tables(self, invoice, folder):
        self.written.append((invoice.number, folder))
        return (Path(folder) / "a.csv", Path(folder) / "a.xlsx")


@pytest.fixture
def billing():
    return FakeBilling()


@pytest.fixture
def opened():
    return []


@pytest.fixture
def view(qtbot, context, billing, opened):
    made = BillingView(context, billing, ask_folder=lambda _: "/papers", open_file=opened.append)
    qtbot.addWidget(made)
    made.resize(1166, 640)
    made.show()
    return made


def settle(qtbot, context):
    qtbot.waitUntil(lambda: not context.jobs.running(), timeout=5_000)


def test_a_draft_shows_its_lines_totals_and_registers(qtbot, context, billing, view):
    view.shown()
    settle(qtbot, context)
    invoice = billing.sheets["meyer"].invoice

    assert view.answer == "1 draft waits for you."
    assert view.draft_panel.lines.rows_model.rows == invoice.lines
    assert view.draft_panel.meters.rows_model.rows == invoice.meters
    assert view.draft_panel.reconciliation_title.text().endswith("off by 0.0\u00a0kWh.")
    assert view.draft_panel.issue_button.isEnabled()
    total = sum(day.total_wh or 0 for day in view.calendar._calendar.days)
    assert total == invoice.outside_wh


def test_while_anything_speaks_against_it_issuing_is_off_and_says_what(qtbot, context, view):
    view.shown()
    settle(qtbot, context)

    view.choose("zwei", MONTH)
    settle(qtbot, context)

    assert not view.draft_panel.issue_button.isEnabled()
    assert "3 intervals" in view.draft_panel.issue_button.toolTip()
    assert view.draft_panel.blockers.isVisible()
    assert "3 intervals (45 min) missing" in view.draft_panel.blockers.text()


def test_issuing_asks_with_verbs_and_locks_the_month(qtbot, context, billing, view):
    view.shown()
    settle(qtbot, context)

    view.draft_panel.issue_button.click()
    assert (view.question.do_button.text(), view.question.leave_button.text()) == (
        "Issue invoice",
        "Keep as draft",
    )
    view.question.do_button.click()
    settle(qtbot, context)

    assert view._sheet.invoice.number == "2025-0001"
    assert not view.draft_panel.issue_button.isVisible()
    assert view.draft_panel.accessibleName() == "Invoice 2025-0001"


def test_a_kept_draft_stays_a_draft(qtbot, context, billing, view):
    view.shown()
    settle(qtbot, context)

    view.draft_panel.issue_button.click()
    view.question.leave_button.click()
    settle(qtbot, context)

    assert billing.sheets["meyer"].invoice.number is None
    assert view.draft_panel.issue_button.isEnabled()


def test_what_keeps_the_store_from_issuing_is_said_and_the_draft_stays(
    qtbot, context, billing, view
):
    view.shown()
    settle(qtbot, context)
    view.draft_panel.issue_button.click()
    billing.fails = InvoiceError(where="Meyer", what="billed otherwise.", remedy="Credit it.")
    view.question.do_button.click()
    qtbot.waitUntil(lambda: "billed otherwise" in view.answer)
    settle(qtbot, context)

    assert billing.sheets["meyer"].invoice.number is None


def test_choosing_an_invoice_shows_its_client(qtbot, context, view):
    view.shown()
    settle(qtbot, context)

    view.invoices.choose(("zwei", MONTH))
    settle(qtbot, context)

    assert view.client.currentText() == "<i>Zwei</i> & Co"
    assert view._sheet.invoice.client == ZWEI


def test_a_list_read_again_does_not_change_the_choice(qtbot, context, billing, view):
    view.shown()
    settle(qtbot, context)
    view.choose("zwei", MONTH)
    settle(qtbot, context)

    del billing.sheets["meyer"]
    view.reload()
    settle(qtbot, context)

    assert view._sheet.invoice.client == ZWEI
    assert view.invoices.chosen_row().client == ZWEI


def test_a_line_leads_to_the_readings_of_its_day(qtbot, context, billing, view):
    view.shown()
    settle(qtbot, context)
    asked = []
    context.navigation.requested.connect(lambda page, _: asked.append(page))
    line = billing.sheets["meyer"].invoice.lines[3]

    view.draft_panel.lines.opened.emit(line)

    subject = context.navigation.subject
    assert asked == ["history"]
    assert subject.meter_id == "light-a"
    assert (subject.start_ms, subject.end_ms) == (line.first_start_ms, line.last_end_ms)


def test_an_hour_of_the_calendar_leads_to_its_readings(qtbot, context, billing, view):
    view.shown()
    settle(qtbot, context)

    view.calendar.cell_chosen.emit(0, 21)

    subject = context.navigation.subject
    day = billing.sheets["meyer"].calendar.days[0]
    assert subject.start_ms == day.start_ms + 21 * 3_600_000
    assert subject.end_ms - subject.start_ms == 3_600_000


def test_papers_go_into_the_chosen_folder_or_to_the_reader(qtbot, context, billing, view, opened):
    view.shown()
    settle(qtbot, context)

    view.print_pdf()
    view.export()
    view.open_pdf()
    settle(qtbot, context)

    assert [folder for _, folder in billing.written].count(Path("/papers")) == 2
    assert [path.name for path in opened] == ["paper.pdf"]


def test_a_failed_month_is_an_error_in_its_panels_only(qtbot, context, billing, view):
    billing.fails = StoreError(where="Store", what="disk full.", remedy="Make room.")

    view.shown()
    settle(qtbot, context)

    assert view.draft_panel.state == view.calendar_panel.state == "error"
    assert view.invoices_panel.state == "body"
    assert not view.save_pdf_action.isEnabled()


def test_without_clients_it_says_what_makes_a_bill(view):
    view.show_overview(BillingOverview((), (), (), (), "2025-0001", ()))

    assert view.invoices_panel.state == "empty"
    assert view.answer == "No client yet."


@pytest.mark.parametrize("name", ["light", "dark"])
@pytest.mark.parametrize("size", [(1166, 640), (1720, 950)])
def test_it_paints_in_both_themes_and_sizes(name, size, themed, qtbot, context, view):
    themed(name)
    view.resize(*size)
    view.shown()
    settle(qtbot, context)

    assert not view.grab().isNull()
    assert (
        view.draft_panel.issue_button.height()
        >= view.draft_panel.issue_button.minimumSizeHint().height()
    )


def test_a_blocked_month_of_many_meters_fits_the_smallest_window(qtbot, context, billing, view):
    # 596 px are left of 768 below bars, title and the strip of an urgent alarm.
    sheet = billing.sheets["zwei"]
    meters = tuple(replace(sheet.invoice.meters[0], meter_id=f"m{i}") for i in range(6))
    blockers = tuple(f"Lights on floor {i} east: 2 intervals (30 min) missing." for i in range(3))
    billing.sheets["zwei"] = replace(
        sheet, invoice=replace(sheet.invoice, meters=meters, blockers=blockers)
    )
    view.shown()
    settle(qtbot, context)

    view.choose("zwei", MONTH)
    settle(qtbot, context)
    qtbot.wait(50)

    assert view.minimumSizeHint().height() <= 596
    assert view.minimumSizeHint().width() <= 1166


def test_of_very_many_reasons_and_notes_the_first_few_are_told_and_none_is_cut(
    qtbot, context, billing, view
):
    sheet = billing.sheets["zwei"]
    blockers = tuple(f"Board {i} of the hall: 2,980 intervals (745 h) missing." for i in range(200))
    place = "of the northern hall, second floor, row"
    notes = tuple(f"Board {i} {place} {i} is not marked as MID-approved." for i in range(200))
    billing.sheets["zwei"] = replace(
        sheet, invoice=replace(sheet.invoice, blockers=blockers, notes=notes)
    )
    view.shown()
    settle(qtbot, context)

    view.choose("zwei", MONTH)
    settle(qtbot, context)

    panel = view.draft_panel
    assert panel.blockers.text().endswith("And 197 more: the PDF names them all.")
    assert " more: the PDF names them all." in panel.remarks.text()
    view.resize(1166, 596)
    view.show()
    for label in (panel.blockers, panel.remarks):
        qtbot.waitUntil(lambda label=label: label.height() >= label.heightForWidth(label.width()))


@pytest.mark.parametrize(
    ("month", "day", "hours"), [("2025-03", 30, 23), ("2025-10", 26, 25), ("2025-09", 5, 24)]
)
def test_a_day_has_as_many_hours_as_it_had(context, month, day, hours):
    calendar = a_sheet(month).calendar

    shown = words.hour_calendar(context.formats, calendar, now_ms=4_000_000_000_000)

    assert len(shown.days[day - 1].cells) == hours


def test_an_hour_without_readings_is_no_hour_without_use(context):
    values = intervals(MONTH)
    values.energy_wh[:4] = np.nan
    values.quality[:4] = IntervalQuality.MISSING

    shown = words.hour_calendar(context.formats, a_sheet(values=values).calendar, 4 * 10**12)

    assert shown.days[0].cells[0].state == "no_data"
    assert shown.days[0].cells[1].state == "out_of_contract"


def test_hours_to_come_are_shown_as_such(context):
    noon = round(datetime(2025, 9, 10, 10, 0, tzinfo=UTC).timestamp() * 1000)

    shown = words.hour_calendar(context.formats, a_sheet().calendar, noon)

    assert {c.state for c in shown.days[9].cells[12:]} == {"future"}
    assert "future" not in {c.state for c in shown.days[9].cells[:12]}


def test_the_rival_is_named_with_its_difference(context):
    calendar = a_sheet().calendar

    sentence = words.rival_sentence(context.formats, calendar)

    assert sentence.startswith("Power samples added up would say")
    assert words.rival_sentence(context.formats, replace(calendar, naive_outside_wh=None)) == ""


def test_an_invoice_is_shown_in_its_own_currency_whatever_the_site_has(
    qtbot, context, billing, view
):
    billing.sheets["meyer"] = a_sheet(currency="GBP")
    view.shown()
    settle(qtbot, context)

    panel = view.draft_panel
    titles = [c.title for c in panel.lines.rows_model.columns]
    totals = [
        view.invoices.rows_model.cell(i, 3).text
        for i, row in enumerate(view.invoices.rows_model.rows)
        if row.client.client_id == "meyer"
    ]

    assert context.formats.currency == "EUR"
    assert titles[2:4] == ["£ per kWh", "£"]
    assert all(text.startswith("£") for text in totals) and totals
