"""Green Button files: what hangs on what, the codes of quality and flow, and what is refused."""

import gzip

import pytest

from energy_desktop.acquisition.files.reading import parse_file, sniff_format
from energy_desktop.acquisition.files.series import EXPORT, IMPORT
from energy_desktop.domain.clock import iso_utc
from energy_desktop.domain.energy import IntervalQuality
from energy_desktop.domain.errors import DataFileError

# 2026-03-08 05:00 UTC: midnight in New York on the day its clock goes forward.
START_S = 1_772_946_000


def reading(start, value, quality="", duration=900):
    said = f"<ReadingQuality><quality>{quality}</quality></ReadingQuality>" if quality else ""
    return (
        f"<IntervalReading>{said}<timePeriod><duration>{duration}</duration><start>{start}</start>"
        f"</timePeriod><value>{value}</value></IntervalReading>"
    )


def entry(content, path="", related=(), title=""):
    links = "".join(f'<link rel="related" href="{one}"/>' for one in related)
    up = path.rpartition("/")[0]
    return (
        f'<entry><id>x</id><link rel="self" href="{path}"/><link rel="up" href="{up}"/>{links}'
        f"<title>{title}</title><content>{content}</content></entry>"
    )


def espi(kind, content):
    return f'<{kind} xmlns="http://naesb.org/espi">{content}</{kind}>'


def a_type(number, flow=1, uom=72, power=0, behaviour=4):
    facts = (
        f"<accumulationBehaviour>{behaviour}</accumulationBehaviour><commodity>1</commodity>"
        f"<flowDirection>{flow}</flowDirection><intervalLength>900</intervalLength><kind>12</kind>"
        f"<powerOfTenMultiplier>{power}</powerOfTenMultiplier><uom>{uom}</uom>"
    )
    return entry(espi("ReadingType", facts), f"/espi/ReadingType/{number}")


def feed(*entries):
    return (
        '<?xml version="1.0" encoding="UTF-8"?><feed xmlns="http://www.w3.org/2005/Atom">'
        + "".join(entries)
        + "</feed>"
    ).encode()


def a_point(readings, number=1, kind=1, title="", point=1):
    base = f"/espi/Customer/9/UsagePoint/{point}"
    return (
        entry(espi("UsagePoint", ""), base, title=title),
        entry(
            espi("MeterReading", ""), f"{base}/MeterReading/{number}", [f"/espi/ReadingType/{kind}"]
        ),
        entry(
            espi("IntervalBlock", "<interval/>" + "".join(readings)),
            f"{base}/MeterReading/{number}/IntervalBlock/1",
        ),
    )


@pytest.fixture
def written(tmp_path):
    def write(data, name="roof.xml"):
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return write


def test_a_day_of_clock_change_is_ninety_two_quarters_of_utc(written):
    readings = [reading(START_S + 900 * k, 100 + k) for k in range(92)]
    path = written(feed(a_type(1), *a_point(readings, title="Main Street 5")))

    (series,) = parse_file(path)

    assert sniff_format(path) == "green-button"
    assert (series.meter_id, series.step_s, series.register) == ("Main Street 5", 900, IMPORT)
    assert series.energy_wh.tolist() == [100 + k for k in range(92)]
    assert iso_utc(series.first_ms) == "2026-03-08T05:00:00Z"
    assert (series.rows_read, series.gaps, series.duplicates) == (92, 0, 0)


def test_power_of_ten_watts_and_flow_are_read(written):
    data = feed(
        a_type(1, power=3),
        a_type(2, flow=19),
        a_type(3, uom=38, power=0),
        *a_point([reading(START_S, 2), reading(START_S + 900, 3)], 1, 1, "A"),
        *a_point([reading(START_S, 7)], 2, 2, "A"),
        *a_point([reading(START_S, 4000)], 3, 3, "B", point=2),
    )

    found = {(s.meter_id, s.register): s.energy_wh.tolist() for s in parse_file(written(data))}

    assert found == {("A", IMPORT): [2000, 3000], ("A", EXPORT): [7], ("B", IMPORT): [1000]}


def test_codes_of_quality_say_what_is_an_estimate(written):
    codes = ["0", "7", "8", "14", "19", ""]
    readings = [reading(START_S + 900 * k, 5, code) for k, code in enumerate(codes)]

    (series,) = parse_file(written(feed(a_type(1), *a_point(readings))))

    of = IntervalQuality
    assert series.quality.tolist() == [
        of.VALIDATED, of.EDITED, of.ESTIMATED, of.RAW, of.VALIDATED, of.RAW
    ]  # fmt: skip


def test_what_cannot_be_used_has_its_line_and_reason(written):
    readings = [
        reading(START_S, 5),
        reading(START_S, 5),
        reading(START_S, 6),
        "\n" + reading(START_S + 900, -4),
        "\n" + reading(START_S + 1800, 9, duration=3600),
        "\n" + reading("soon", 9),
        reading(START_S + 2700, 8),
    ]

    (series,) = parse_file(written(feed(a_type(1), *a_point(readings))))

    assert series.energy_wh.tolist() == [5, 8]
    assert series.duplicates == 1
    reasons = [reason for _, reason in series.rejected]
    assert any("has 6 here and 5" in reason for reason in reasons)
    assert any("below zero" in reason for reason in reasons)
    assert any("lasts 3600 s" in reason for reason in reasons)
    assert any("is no number" in reason for reason in reasons)


def test_totals_and_other_units_are_no_intervals(written):
    data = feed(a_type(1, uom=119), *a_point([reading(START_S, 1)]))
    with pytest.raises(DataFileError, match="no electrical energy or power"):
        parse_file(written(data))
    data = feed(a_type(1, behaviour=9), *a_point([reading(START_S, 1)]))
    with pytest.raises(DataFileError, match="no electrical energy or power"):
        parse_file(written(data))


def test_a_file_without_links_and_a_packed_one_are_read(written):
    plain = feed(a_type(1), f"<entry><content>{espi('IntervalBlock', reading(START_S, 5))}"
                 "</content></entry>")  # fmt: skip

    (series,) = parse_file(written(gzip.compress(plain), "attic.xml.gz"))

    assert (series.meter_id, series.energy_wh.tolist()) == ("attic", [5])
