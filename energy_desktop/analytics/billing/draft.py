"""Drafts the supplementary invoice: what a client used outside the contract hours.

The draft is always made, also from a poor month: what speaks against issuing it stands in
`blockers`, a sentence each, so that the window can show the draft and say why the button is off.
What a reader of the paper must know, but need not stop it, stands in `notes`.

The rules (contract state at the interval's start, whose favour a straddling interval is counted
in, rounding once per line) are argued in docs/decisions/0005-invoices.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from typing import TypeVar
from zoneinfo import ZoneInfo

import numpy as np

from energy_desktop.analytics.billing.hours import (
    Holidays,
    governing,
    month_bounds,
    month_days,
    public_holidays,
    tariff_on,
)
from energy_desktop.analytics.billing.split import MeterMonth, SplitMeter, split_meter
from energy_desktop.domain import wording
from energy_desktop.domain.contract import Client, ContractVersion, TariffVersion
from energy_desktop.domain.energy import IntervalQuality
from energy_desktop.domain.errors import NotFound
from energy_desktop.domain.invoice import (
    EvidenceInterval,
    Invoice,
    InvoiceLine,
    InvoiceStatus,
    MeterEvidence,
)
from energy_desktop.domain.invoice_json import with_content_hash
from energy_desktop.domain.money import price_energy, share
from energy_desktop.domain.site import Site, Space

V = TypeVar("V")
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


def draft_invoice(
    *,
    site: Site,
    client: Client,
    contracts: Sequence[ContractVersion],
    tariffs: Sequence[TariffVersion],
    meters: Sequence[MeterMonth],
    month: str,
    now_ms: int,
    spaces: Sequence[Space] = (),
    holidays: Holidays | None = None,
) -> Invoice:
    """Bills a client's use outside contract hours in a local month of the site.

    contracts, tariffs: all versions; those of other clients and months are left aside.
    meters: the meters of the rented spaces, with intervals and reconciliation of their billed
    period. now_ms: what has not happened yet is not missing. spaces: for names in sentences.
    holidays: None looks them up when a contract leaves them out.

    Net is the sum of the lines, total is net and tax; per meter inside + outside + what is
    missing is the register difference. Raises NotFound when the client has no contract in the
    month, WrongUse for a wrong month or a country without known holidays.
    """
    zone = ZoneInfo(site.zone)
    month_start, month_end = month_bounds(month, zone)
    versions = _versions_of_month(client, contracts, month)
    if not versions:
        raise NotFound(
            where=client.name,
            what=f"no contract holds in {wording.month(month)}.",
            remedy="Check valid_from and valid_to of the client's contracts.",
        )
    if holidays is None:
        days = month_days(month)
        away = any(not v.hours.on_holidays for v in versions)
        holidays = public_holidays(site, days[0], days[-1]) if away else {}
    if all(v.hours.on_holidays for v in versions):
        holidays = {}

    remarks = _Remarks(zone, now_ms, {s.space_id: s.name for s in spaces})
    pairs: list[tuple[MeterMonth, SplitMeter]] = []
    for data in meters:
        split = split_meter(
            data,
            client_id=client.client_id,
            contracts=versions,
            month=month,
            zone=zone,
            holidays=holidays,
        )
        if split is None:
            remarks.blockers.append(f"{data.meter.name} measures no space that the client rents.")
        else:
            pairs.append((data, split))
    splits = [split for _, split in pairs]
    start_ms = min((s.start_ms for s in splits), default=month_start)
    end_ms = max((s.end_ms for s in splits), default=month_end)

    used = _UsedTariffs(tariffs)
    lines = _lines(splits, used)
    net_units = sum(line.amount_units for line in lines)
    tax_pct = used.tax_pct()
    tax_units = share(net_units, tax_pct)
    outside_wh = sum(s.outside_wh for s in splits)

    remarks.on_period(end_ms)
    remarks.on_completeness(splits)
    remarks.on_spaces(versions, splits)
    for data, split in pairs:
        remarks.on_meter(data, split)
    remarks.on_prices(used)
    remarks.on_versions(versions, used, (start_ms, end_ms), (month_start, month_end))
    remarks.on_holidays(holidays)
    remarks.on_quality(splits)
    if not lines and not remarks.blockers:
        remarks.blockers.append("Nothing was used outside contract hours; there is no bill.")

    return with_content_hash(
        Invoice(
            status=InvoiceStatus.DRAFT,
            number=None,
            site=site,
            client=client,
            contract_versions=tuple(versions),
            tariff_versions=tuple(used.versions()),
            month=month,
            period_start_ms=start_ms,
            period_end_ms=end_ms,
            issued_at_ms=None,
            lines=tuple(lines),
            meters=tuple(_meter_evidence(data, split) for data, split in pairs),
            evidence=tuple(e for split in splits for e in _evidence(split)),
            currency=used.currency(site.currency),
            net_units=net_units,
            tax_pct=tax_pct,
            tax_units=tax_units,
            total_units=net_units + tax_units,
            inside_wh=sum(s.inside_wh for s in splits),
            outside_wh=outside_wh,
            blockers=tuple(remarks.blockers),
            notes=tuple(remarks.notes),
            holidays=tuple(sorted(holidays)),
        )
    )


def _versions_of_month(
    client: Client, contracts: Sequence[ContractVersion], month: str
) -> list[ContractVersion]:
    """Versions in force on any day of the month, in the order in which they begin to hold."""
    spaces = {s for v in contracts if v.client_id == client.client_id for s in v.space_ids}
    held = {
        (v.valid_from, v.contract_id, v.version): v
        for day in month_days(month)
        for space_id in spaces
        for v in governing(day, client.client_id, space_id, contracts)
    }
    return [held[key] for key in sorted(held)]


class _UsedTariffs:
    """Looks prices up by day and remembers which versions were used and which days had none."""

    def __init__(self, tariffs: Sequence[TariffVersion]) -> None:
        self._tariffs = tariffs
        self._used: dict[tuple[str, int], TariffVersion] = {}
        self.uncovered: dict[str, list[date]] = {}

    def price_version(self, day: date, tariff_id: str) -> TariffVersion | None:
        version = tariff_on(day, tariff_id, self._tariffs)
        if version is None:
            missing = self.uncovered.setdefault(tariff_id, [])
            if day not in missing:
                missing.append(day)
        else:
            self._used[version.tariff_id, version.version] = version
        return version

    def versions(self) -> list[TariffVersion]:
        return sorted(self._used.values(), key=lambda t: (t.tariff_id, t.valid_from, t.version))

    def tax_pct(self) -> Decimal:
        versions = self.versions()
        return versions[-1].tax_pct if versions else Decimal(0)

    def currency(self, default: str) -> str:
        versions = self.versions()
        return versions[-1].currency if versions else default


def _lines(splits: Sequence[SplitMeter], used: _UsedTariffs) -> list[InvoiceLine]:
    """A line per local day and tariff, over all meters, without days on which nothing is billed."""
    rows: dict[tuple[date, str, int], list[tuple[SplitMeter, int]]] = {}
    prices: dict[tuple[str, int], TariffVersion] = {}
    for split in splits:
        # Every day of the period asks for its price: a hole in the tariff shows before it costs.
        for number in np.unique(split.day_number).tolist():
            day = date.fromordinal(number + _EPOCH_ORDINAL)
            contract = split.by_day[day]
            if contract is None:
                continue
            tariff = used.price_version(day, contract.tariff_id)
            if tariff is not None:
                prices[tariff.tariff_id, tariff.version] = tariff
                rows.setdefault((day, tariff.tariff_id, tariff.version), []).append((split, number))
    lines = []
    for (day, tariff_id, version), parts in sorted(rows.items(), key=lambda item: item[0]):
        energy_wh = estimated_wh = 0
        first: list[int] = []
        last: list[int] = []
        for split, number in parts:
            here = split.outside & (split.day_number == number) & (split.energy_wh != 0)
            if not here.any():
                continue
            estimated = here & (split.quality == IntervalQuality.ESTIMATED)
            energy_wh += int(split.energy_wh[here].sum())
            estimated_wh += int(split.energy_wh[estimated].sum())
            first.append(int(split.starts[here][0]))
            last.append(int(split.starts[here][-1]) + split.step_s * 1000)
        if not first:
            continue
        price = prices[tariff_id, version].out_of_hours_price_per_kwh
        lines.append(
            InvoiceLine(
                day=day,
                energy_wh=energy_wh,
                estimated_wh=estimated_wh,
                first_start_ms=min(first),
                last_end_ms=max(last),
                tariff_version=version,
                price_per_kwh=price,
                amount_units=price_energy(energy_wh, price),
                tariff_id=tariff_id,
            )
        )
    return lines


def _meter_evidence(data: MeterMonth, split: SplitMeter) -> MeterEvidence:
    return MeterEvidence(
        meter_id=split.meter.meter_id,
        meter_name=split.meter.name,
        serial_number=split.meter.serial_number,
        mid_approved=split.meter.mid_approved,
        inside_wh=split.inside_wh,
        outside_wh=split.outside_wh,
        reconciliation=data.reconciliation,
    )


def _evidence(split: SplitMeter) -> list[EvidenceInterval]:
    """The billed intervals; those of 0 Wh are left out, for they bill nothing."""
    here = split.outside & (split.energy_wh != 0)
    return [
        EvidenceInterval(
            split.meter.meter_id, start, split.step_s, energy, IntervalQuality(quality)
        )
        for start, energy, quality in zip(
            split.starts[here].tolist(),
            split.energy_wh[here].tolist(),
            split.quality[here].tolist(),
            strict=True,
        )
    ]


class _Remarks:
    """Collects what speaks against issuing, and what the reader must know."""

    def __init__(self, zone: ZoneInfo, now_ms: int, space_names: dict[str, str]) -> None:
        self.zone = zone
        self.now_ms = now_ms
        self.space_names = space_names
        self.blockers: list[str] = []
        self.notes: list[str] = []

    def on_period(self, end_ms: int) -> None:
        if self.now_ms < end_ms:
            end = wording.stamp(end_ms, self.zone)
            self.blockers.append(f"The billed period is not over before {end}.")

    def on_completeness(self, splits: Sequence[SplitMeter]) -> None:
        due = [s.starts + s.step_s * 1000 <= self.now_ms for s in splits]
        expected = sum(int(np.count_nonzero(d)) for d in due)
        known = sum(int(np.count_nonzero(d & s.known)) for d, s in zip(due, splits, strict=True))
        if expected:
            self.notes.append(
                f"Data completeness: {known:,} of {expected:,} intervals known "
                f"({wording.percent(100 * known / expected)})."
            )

    def on_spaces(self, versions: Sequence[ContractVersion], splits: Sequence[SplitMeter]) -> None:
        measured = {s.meter.space_id for s in splits}
        rented = {space_id for v in versions for space_id in v.space_ids}
        self.blockers += [
            f"{self.space_names.get(space_id, space_id)} is rented but has no meter."
            for space_id in sorted(rented - measured)
        ]

    def on_meter(self, data: MeterMonth, split: SplitMeter) -> None:
        self._on_contract(split)
        self._on_grid(split)
        name = split.meter.name
        due = split.starts + split.step_s * 1000 <= self.now_ms
        missing = int(np.count_nonzero((split.quality == IntervalQuality.MISSING) & due))
        held = int(np.count_nonzero(split.quality == IntervalQuality.QUARANTINED))
        if missing:
            self.blockers.append(
                f"{name}: {wording.count(missing, 'interval')} "
                f"({wording.hours(missing * split.step_s / 60)}) missing."
            )
        if held:
            self.blockers.append(
                f"{name}: {wording.count(held, 'interval')} "
                f"({wording.hours(held * split.step_s / 60)}) quarantined, waiting for review."
            )
        if (split.energy_wh < 0).any():
            self.blockers.append(f"{name}: an interval has negative energy.")
        self._on_register(data, split)
        if not split.meter.mid_approved:
            self.notes.append(f"{name} is not marked as MID-approved.")

    def _on_contract(self, split: SplitMeter) -> None:
        name = split.meter.name
        days = set(split.day_number.tolist())
        gap = [
            day
            for day, version in split.by_day.items()
            if version is None and day.toordinal() - _EPOCH_ORDINAL in days
        ]
        if gap:
            self.blockers.append(f"{name}: no contract holds on {_day_list(gap)}.")
        if split.overlapping_days:
            self.blockers.append(
                f"{name}: two contracts hold on {_day_list(split.overlapping_days)}."
            )
        straddling = int(np.count_nonzero(split.state.straddles & split.known))
        if straddling:
            self.notes.append(
                f"{name}: {wording.count(straddling, 'interval')} of "
                f"{wording.hours(split.step_s / 60)} partly inside contract hours "
                "counted as inside, in the client's favour."
            )

    def _on_grid(self, split: SplitMeter) -> None:
        step = wording.hours(split.step_s / 60)
        if (split.end_ms - split.start_ms) % (split.step_s * 1000):
            self.blockers.append(
                f"{split.meter.name}: intervals of {step} do not fit the local days of the site."
            )
        if split.off_grid:
            self.blockers.append(
                f"{split.meter.name}: {wording.count(split.off_grid, 'interval')} "
                f"not on the {step} grid of the billed period."
            )

    def _on_register(self, data: MeterMonth, split: SplitMeter) -> None:
        name, proof = split.meter.name, data.reconciliation
        difference = proof.register_difference_wh
        if difference is None:
            self.notes.append(f"{name} has no register readings: its intervals stand alone.")
            return
        off_by = split.inside_wh + split.outside_wh - proof.unregistered_wh - difference
        if off_by:
            more = "more" if off_by > 0 else "less"
            told = (
                f"{name}: the sum of its intervals is {abs(off_by):,} Wh {more} "
                "than its register difference"
            )
            # A correction says why the register is not what is billed; anything else does not.
            if off_by == proof.correction_wh:
                self.notes.append(f"{told}, by corrections that are on record.")
            else:
                self.blockers.append(f"{told}.")
        if proof.unregistered_wh:
            self.notes.append(
                f"{name}: {proof.unregistered_wh:,} Wh lie in a time that its register did not "
                "see; they were entered or imported."
            )
        if data.reconciliation.resets:
            self.notes.append(
                f"{name}: its register was exchanged or reset "
                f"{wording.count(data.reconciliation.resets, 'time')} in the period."
            )

    def on_prices(self, used: _UsedTariffs) -> None:
        for tariff_id, days in sorted(used.uncovered.items()):
            self.blockers.append(f"Tariff {tariff_id} has no price on {_day_list(days)}.")
        versions = used.versions()
        rates = sorted({t.tax_pct for t in versions})
        if len(rates) > 1:
            listed = " and ".join(wording.percent(rate) for rate in rates)
            self.blockers.append(
                f"The tax rate changes within the month ({listed}): one invoice carries one rate."
            )
        currencies = sorted({t.currency for t in versions})
        if len(currencies) > 1:
            self.blockers.append(f"The tariffs mix {' and '.join(currencies)}.")

    def on_versions(
        self,
        versions: Sequence[ContractVersion],
        used: _UsedTariffs,
        period: tuple[int, int],
        month: tuple[int, int],
    ) -> None:
        if period != month:
            start, end = (wording.stamp(at, self.zone, with_offset=False) for at in period)
            self.notes.append(f"The contract covers a part of the month: {start} to {end}.")
        self.notes += [
            f"Contract {new.contract_id} version {new.version} holds from "
            f"{wording.day(new.valid_from)}."
            for old, new in _changes(versions, lambda v: v.contract_id)
            if old.version != new.version
        ]
        self.notes += [
            f"Tariff {new.tariff_id} version {new.version} holds from "
            f"{wording.day(new.valid_from)}: {wording.unit_price(new.out_of_hours_price_per_kwh)} "
            f"instead of {wording.unit_price(old.out_of_hours_price_per_kwh)} "
            f"{new.currency} per kWh."
            for old, new in _changes(used.versions(), lambda t: t.tariff_id)
        ]

    def on_holidays(self, holidays: Holidays) -> None:
        if holidays:
            listed = ", ".join(f"{wording.short_day(d)} ({n})" for d, n in sorted(holidays.items()))
            self.notes.append(f"Public holidays, without contract hours: {listed}.")

    def on_quality(self, splits: Sequence[SplitMeter]) -> None:
        billed = sum(s.outside_wh for s in splits)
        for quality, word in (
            (IntervalQuality.ESTIMATED, "estimated"),
            (IntervalQuality.EDITED, "edited by hand"),
        ):
            here = [s.outside & (s.quality == quality) for s in splits]
            energy = sum(int(s.energy_wh[h].sum()) for s, h in zip(splits, here, strict=True))
            if not energy:
                continue
            part = wording.percent(100 * energy / billed if billed else 0.0)
            self.notes.append(
                f"{wording.kwh(energy)} of {wording.kwh(billed)} kWh billed ({part}) are {word}."
            )


def _changes(versions: Sequence[V], key: Callable[[V], str]) -> list[tuple[V, V]]:
    """Each version with the one of the same contract or tariff that it followed."""
    before: dict[str, V] = {}
    pairs = []
    for version in versions:
        if (old := before.get(key(version))) is not None:
            pairs.append((old, version))
        before[key(version)] = version
    return pairs


def _day_list(days: Sequence[date]) -> str:
    """`1 Mar to 5 Mar, 9 Mar`."""
    runs: list[list[date]] = []
    for day in sorted(days):
        if runs and (day - runs[-1][-1]).days == 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    return ", ".join(
        wording.short_day(run[0])
        if len(run) == 1
        else f"{wording.short_day(run[0])} to {wording.short_day(run[-1])}"
        for run in runs
    )
