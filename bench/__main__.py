"""Runs every benchmark, prints figure, goal and peer, and says plainly what missed.

    python -m bench [--quick] [--only NAME ...] [--write docs/benchmarks.md]

A missed goal does not fail the run: it is printed as missed, and docs/benchmarks.md explains it.
"""

import argparse
import importlib
import os
import platform
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from bench.common import Row, line

SUBJECTS = {
    "polling": "bench.polling_bench",
    "thousand": "bench.thousand_bench",
    "rtu": "bench.rtu_bench",
    "store": "bench.store_bench",
    "year": "bench.year_bench",
    "import": "bench.import_bench",
    "draw": "bench.draw_bench",
    "start": "bench.start_bench",
    "pdf": "bench.pdf_bench",
    "plan": "bench.plan_bench",
    "anomaly": "bench.anomaly_bench",
    "forecast": "bench.forecast_bench",
    "fleet": "bench.fleet_bench",
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="shorter runs, fewer series")
    parser.add_argument("--only", nargs="+", choices=sorted(SUBJECTS), default=None)
    parser.add_argument("--write", type=Path, default=None, metavar="FILE")
    asked = parser.parse_args()
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

    results: dict[str, list[Row]] = {}
    for subject, module in SUBJECTS.items():
        if asked.only and subject not in asked.only:
            continue
        began = time.monotonic()
        print(f"\n{subject}", flush=True)
        rows = importlib.import_module(module).run(asked.quick)
        results[subject] = rows
        for row in rows:
            print(f"  {line(row)}", flush=True)
        print(f"  ({time.monotonic() - began:.0f} s)", flush=True)

    missed = [f"{s}: {row.name}" for s, rows in results.items() for row in rows if row.met is False]
    print(f"\n{sum(map(len, results.values()))} figures, {len(missed)} missed their goal")
    for name in missed:
        print(f"  missed: {name}")
    if asked.write is not None:
        write(asked.write, results)
    return 0


def write(path: Path, results: dict[str, list[Row]]) -> None:
    """The tables between the two marks of docs/benchmarks.md; the explanations around them stay,
    and so does the table of a subject that was not measured.
    """
    begin, end = "<!-- figures -->", "<!-- /figures -->"
    text = path.read_text(encoding="utf-8") if path.exists() else f"{begin}\n{end}\n"
    head, _, rest = text.partition(begin)
    figures, _, tail = rest.partition(end)
    tables = dict(part.partition("\n")[::2] for part in figures.split("### ")[1:])
    tables |= {subject: "\n" + _table(rows) for subject, rows in results.items()}
    machine = f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"
    written = f"\n{datetime.now(UTC):%Y-%m-%d}, {machine}\n\n"
    for subject in SUBJECTS:
        if subject in tables:
            written += f"### {subject}\n{tables[subject].rstrip()}\n\n"
    path.write_text(f"{head}{begin}{written.rstrip()}\n{end}{tail}", encoding="utf-8")


def _table(rows: list[Row]) -> str:
    lines = [
        "| what | figure | goal | | peer in the same run | note |",
        "|---|---:|---|---|---|---|",
    ]
    for row in rows:
        verdict = {True: "met", False: "**missed**", None: ""}[row.met]
        figure = f"{row.value:,.4g} {row.unit}".rstrip()
        lines.append(
            f"| {row.name} | {figure} | {row.goal} | {verdict} | {row.peer} | {row.note} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
