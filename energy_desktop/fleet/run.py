"""The stages of a run, chunk by chunk.

Ingest goes by files, everything after it by parts: groups of whole households, small enough that
one fits into memory. So memory does not grow with the fleet, every chunk can be done again by
itself, and a run that was killed or cancelled goes on where it was.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from energy_desktop.domain.errors import DataFileError, NotEnoughData
from energy_desktop.domain.fleet import DropReason, FleetOptions, Scores
from energy_desktop.domain.jobs import raise_if_cancelled
from energy_desktop.domain.ports import ProgressSink, no_progress
from energy_desktop.fleet import days, features, forecast, layout, memory, readings
from energy_desktop.fleet.engine import Engine, parquet_files, remove
from energy_desktop.fleet.layout import SourceFile
from energy_desktop.fleet.manifest import NAME, Manifest, run_key

STAGES = {
    "ingest": 0.30,
    "daily": 0.20,
    "features": 0.05,
    "regression": 0.05,
    "lightgbm": 0.12,
    "anomalies": 0.20,
    "segments": 0.04,
    "tariffs": 0.04,
}
"""In this order; the share of the whole each one takes, for the progress shown."""

_CHUNK_BYTES = 64_000_000
_MOST_FILES = 64
_BYTES_PER_ROW = 60
_DOING = {
    "ingest": "reading files",
    "daily": "cleaning and adding up days",
    "features": "looking back from each day",
    "regression": "fitting the regression",
    "lightgbm": "training LightGBM",
    "anomalies": "looking for what is strange",
    "segments": "grouping households",
    "tariffs": "pricing",
}


class FleetRun:
    """One run over the files of `folder`, its results below `out`.

    Raises DataFileError when there is nothing to read, or when `out` holds something else.
    """

    def __init__(
        self,
        folder: Path,
        out: Path,
        engine: Engine,
        options: FleetOptions,
        *,
        progress: ProgressSink = no_progress,
    ) -> None:
        self.out = out
        self.options = options
        self._engine = engine
        self._progress = progress
        paths = layout.find_files(folder)
        own = out.resolve()
        paths = tuple(p for p in paths if own not in p.resolve().parents)
        stats = [(str(p), p.stat().st_size, p.stat().st_mtime_ns) for p in paths]
        key = run_key(stats, options, engine.name)
        known = Manifest.read(out)
        if known is None and out.exists() and any(out.iterdir()):
            raise DataFileError(
                where=str(out),
                what="This folder holds something that is no fleet run.",
                remedy="Give an empty folder, or one that does not exist yet.",
            )
        if known is None or known.key != key:
            _clear(out)
            known = Manifest.begin(out, key, self._about(folder, paths))
        self.manifest = known
        self._files = self._recognised(paths)

    @property
    def parts(self) -> list[int]:
        return list(range(int(self.manifest.facts["parts"])))

    def stage(self, name: str) -> None:
        """Does what is left of one stage. The stages before it must be done."""
        getattr(self, f"_{name}")()

    def run(self) -> None:
        """Does what is left of all stages. Raises JobCancelled between two chunks."""
        for name in STAGES:
            self.stage(name)
        self.manifest.set_facts(
            peak_mb=max(
                float(self.manifest.facts.get("peak_mb", 0.0)),
                memory.peak_mb() + self._engine.memory_mb(),
            )
        )
        self.manifest.finish()
        self._progress(1.0, "done")

    # Stages ----------------------------------------------------------------------------------

    def _ingest(self) -> None:
        groups = _grouped(self._files)
        rows = sum(file.bytes for file in self._files) // _BYTES_PER_ROW
        if "parts" not in self.manifest.facts:
            self.manifest.set_facts(parts=self._engine.parts_for(rows))

        def read(chunk: str) -> Any:
            group = groups[int(chunk)]
            try:
                return self._read_files(group, chunk)
            except self._engine.file_errors as error:
                if len(group) == 1:
                    return self._broken(group[0], error)
            # One of them is broken; the others are read, each by itself.
            noted: dict[str, Any] = {"files": {}, "broken": []}
            for k, file in enumerate(group):
                try:
                    one = self._read_files([file], f"{chunk}-{k}")
                except self._engine.file_errors as error:
                    one = self._broken(file, error, f"{chunk}-{k}")
                noted["files"] |= one["files"]
                noted["broken"] += one["broken"]
            remove(self._readings / chunk)
            remove(self.out / "dropped" / f"ingest-{chunk}.parquet")
            return noted

        self._chunks("ingest", [str(k) for k in range(len(groups))], read)
        used = sum(
            counts["used"]
            for chunk in self.manifest.done("ingest").values()
            for counts in chunk["files"].values()
        )
        if not used:
            raise DataFileError(
                where=str(self.manifest.about["folder"]),
                what="No reading in it can be used.",
                remedy="`fleet show` names what is wrong with each file.",
            )

    def _read_files(self, group: Sequence[SourceFile], chunk: str) -> dict[str, Any]:
        path = self._readings / chunk
        text = self._engine.text(group)
        rows = readings.readings(
            text, group[0].layout, self.options.zone, len(self.parts), self._engine
        )
        self._engine.write(rows, path, by="part")
        counts: dict[str, dict[str, Any]] = {
            str(file.index): {"used": 0, "dropped": {}} for file in group
        }
        listed = []
        folder = path / f"part={readings.DROPPED}"
        if folder.exists():
            table = self._engine.parquet([folder])
            listed.append(
                self._engine.fetch(
                    table.select(
                        "file", "household", time="time_said", value="value_said", reason="reason",
                        line=table.broken.nullif(table.broken).cast("int64"), text="broken",
                    )
                )
            )  # fmt: skip
            remove(folder)
        rejected = self._engine.rejected()
        if rejected:
            listed.append(_rejected_table(rejected))
        if listed:
            dropped = pa.concat_tables([t.cast(_DROPPED) for t in listed])
            _write(dropped, self.out / "dropped" / f"ingest-{chunk}.parquet")
            for one in (
                dropped.group_by(["file", "reason"]).aggregate([([], "count_all")]).to_pylist()
            ):
                counts[str(one["file"])]["dropped"][one["reason"]] = one["count_all"]
        if any(path.rglob("*.parquet")):
            table = self._engine.parquet([path])
            used = table.group_by("file").aggregate(n=table.count())
            for one in self._engine.fetch(used).to_pylist():
                counts[str(one["file"])]["used"] = one["n"]
        return {"files": counts, "broken": []}

    def _broken(
        self, file: SourceFile, error: Exception, chunk: str | None = None
    ) -> dict[str, Any]:
        if chunk is not None:
            remove(self._readings / chunk)
        self._engine.rejected()
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        return {"files": {}, "broken": [[str(file.path), first[:300]]]}

    def _daily(self) -> None:
        def clean(chunk: str) -> Any:
            k = int(chunk)
            stored = sorted(self._readings.glob(f"*/part={k}"))
            if not stored:
                return {"households": 0, "dropped": {}}
            rows = self._engine.parquet(stored)
            zone = self.options.zone
            with self._engine.kept("single", days.once(rows)) as single:
                self._engine.write(days.clean(single), self.part("clean", k))
                repeats = self._engine.fetch(days.repeats(single))
            households = rows.group_by("household").aggregate(
                tariff=rows.tariff.max(), step_min=rows.step_min.max()
            )
            self._engine.write(households, self.part("meters", k))
            kept = self._engine.parquet([self.part("clean", k)])
            self._engine.write(
                days.days(kept, zone, self.options.tariff_b, self._engine), self.part("days", k)
            )
            self._engine.write(days.week(kept, zone, self._engine), self.part("week", k))
            day = self._engine.parquet([self.part("days", k)])
            totals = self._engine.fetch(
                day.aggregate(
                    households=day.household.nunique(),
                    household_days=day.complete.cast("int64").sum(),
                    first=day.local_day.min(),
                    last=day.local_day.max(),
                )
            ).to_pylist()[0]
            dropped = self._list_repeats(repeats, k)
            return {
                "households": int(totals["households"]),
                "household_days": int(totals["household_days"] or 0),
                "first_day": totals["first"],
                "last_day": totals["last"],
                "dropped": dropped,
            }

        self._chunks("daily", [str(k) for k in self.parts], clean)
        remove(self._readings)

    def _list_repeats(self, repeats: pa.Table, k: int) -> dict[str, dict[str, int]]:
        """Lists them beside the other dropped rows; file -> reason -> rows."""
        if not repeats.num_rows:
            return {}
        import pyarrow.compute as pc

        stamps = pc.cast(pc.multiply(repeats["t_min"], 60), pa.timestamp("s"))
        value = pc.divide(pc.cast(repeats["low"], pa.float64()), 1e6)
        other = pc.divide(pc.cast(repeats["high"], pa.float64()), 1e6)
        both = pc.binary_join_element_wise(
            pc.cast(value, pa.string()), pc.cast(other, pa.string()), " / "
        )
        conflict = pc.equal(repeats["reason"], DropReason.CONFLICT.value)
        n = repeats.num_rows
        table = pa.table(
            {
                "file": repeats["file"],
                "household": repeats["household"],
                "time": pc.strftime(stamps, "%Y-%m-%dT%H:%MZ"),
                "value": pc.binary_join_element_wise(
                    pc.if_else(conflict, both, pc.cast(value, pa.string())), "kWh", " "
                ),
                "reason": repeats["reason"],
                "line": pa.nulls(n, pa.int64()),
                "text": pa.nulls(n, pa.string()),
            }
        ).cast(_DROPPED)
        _write(table, self.out / "dropped" / f"daily-{k}.parquet")
        counted = repeats.group_by(["file", "reason"]).aggregate([("rows", "sum")]).to_pylist()
        found: dict[str, dict[str, int]] = {}
        for one in counted:
            found.setdefault(str(one["file"]), {})[one["reason"]] = int(one["rows_sum"])
        return found

    def _features(self) -> None:
        def look_back(chunk: str) -> Any:
            k = int(chunk)
            stored = self._engine.parquet([self.part("days", k)])
            table = features.features(stored, self.options.zone, self._engine)
            self._engine.write(table, self.part("features", k))
            return {}

        self._chunks("features", self._filled("daily", "households"), look_back)

    def _regression(self) -> None:
        def fit(_chunk: str) -> Any:
            parts = self._parts_of("features")
            cut = forecast.split_day(parts)
            model = forecast.fit_linear(parts, cut)
            scores = self._predict("regression", parts, model, cut, whole=True, naives=True)
            return {
                "cut": cut,
                "scores": scores,
                "intercept": model.intercept,
                "weights": dict(zip(features.NAMES, model.weights.tolist(), strict=True)),
            }

        self._chunks("regression", ["all"], lambda c: self._if_enough(fit, c))

    def _lightgbm(self) -> None:
        def fit(_chunk: str) -> Any:
            parts = self._parts_of("features")
            cut = forecast.split_day(parts)
            model = forecast.fit_boosted(parts, cut, seed=self.options.seed)
            model.save(self.out / "lightgbm.txt")
            return {"cut": cut, "scores": self._predict("lightgbm", parts, model, cut)}

        self._chunks("lightgbm", ["all"], lambda c: self._if_enough(fit, c))

    def _if_enough(self, work: Callable[[str], Any], chunk: str) -> Any:
        """A fleet too young for a stage is no failure: the stage says why it has no answer."""
        try:
            return work(chunk)
        except NotEnoughData as error:
            return {"refused": str(error)}

    def _predict(
        self,
        name: str,
        parts: Sequence[Path],
        model: forecast.Linear | forecast.Boosted,
        cut: int,
        *,
        whole: bool = False,
        naives: bool = False,
    ) -> dict[str, Any]:
        judges = {name: forecast.Judge()}
        if naives:
            judges |= {naive: forecast.Judge() for naive in forecast.NAIVES}
        for path in parts:
            raise_if_cancelled(_DOING[name])
            part = forecast.read_part(path)
            table = forecast.predict_part(part, model, cut, judges[name], only_after_cut=not whole)
            _write(table, self.out / name / path.name)
            if naives:
                forecast.judge_naives(part, cut, judges)
        return {one: _scores_document(judge.scores()) for one, judge in judges.items()}

    # What every stage shares -----------------------------------------------------------------

    def part(self, result: str, k: int) -> Path:
        return self.out / result / f"part-{k:04d}.parquet"

    @property
    def _readings(self) -> Path:
        return self.out / "readings"

    def _parts_of(self, result: str) -> list[Path]:
        return [path for k in self.parts if (path := self.part(result, k)).exists()]

    def _filled(self, stage: str, count: str) -> list[str]:
        """Chunks of a stage that have anything in them."""
        return [chunk for chunk, about in self.manifest.done(stage).items() if about[count]]

    def _chunks(self, stage: str, chunks: Sequence[str], work: Callable[[str], Any]) -> None:
        """Does the chunks that are not done; each is noted as soon as it is."""
        before = 0.0
        for name, share in STAGES.items():
            if name == stage:
                break
            before += share
        for k, chunk in enumerate(chunks):
            if self.manifest.is_done(stage, chunk):
                continue
            raise_if_cancelled("Fleet run")
            self._progress(
                before + STAGES[stage] * k / max(len(chunks), 1),
                f"{_DOING[stage]}, {k + 1} of {len(chunks)}" if len(chunks) > 1 else _DOING[stage],
            )
            began = time.perf_counter()
            about = work(chunk)
            self.manifest.note(stage, chunk, about, time.perf_counter() - began)

    def _recognised(self, paths: Sequence[Path]) -> list[SourceFile]:
        """The layout of each file; one that has none is noted as broken. In the order of names."""
        found = []
        broken = []
        for k, path in enumerate(paths):
            try:
                one = layout.recognise(path, self.options.columns)
            except DataFileError as error:
                broken.append([str(path), f"{error.what} {error.remedy}"])
                continue
            found.append(SourceFile(k, path, one, layout.unpacked_bytes(path)))
        if broken != self.manifest.facts.get("unknown_files"):
            self.manifest.set_facts(unknown_files=broken)
        return found

    def _about(self, folder: Path, paths: Sequence[Path]) -> dict[str, Any]:
        options = self.options
        return {
            "folder": str(folder),
            "files": [str(path) for path in paths],
            "engine": self._engine.name,
            "zone": options.zone,
            "currency": options.currency,
            "seed": options.seed,
        }


_DROPPED = pa.schema(
    [
        ("file", pa.int64()),
        ("household", pa.string()),
        ("time", pa.string()),
        ("value", pa.string()),
        ("reason", pa.string()),
        ("line", pa.int64()),
        ("text", pa.string()),
    ]
)


def _rejected_table(rows: list[tuple[int, int | None, str]]) -> pa.Table:
    n = len(rows)
    return pa.table(
        {
            "file": [row[0] for row in rows],
            "household": pa.nulls(n, pa.string()),
            "time": pa.nulls(n, pa.string()),
            "value": pa.nulls(n, pa.string()),
            "reason": [DropReason.WRONG_COLUMNS.value] * n,
            "line": [row[1] for row in rows],
            "text": [row[2] for row in rows],
        },
        schema=_DROPPED,
    )


def _grouped(files: Sequence[SourceFile]) -> list[list[SourceFile]]:
    """Files of one layout that are read in one go: small ones together, large ones alone."""
    groups: list[list[SourceFile]] = []
    size = 0
    for file in files:
        fits = groups and groups[-1][0].layout == file.layout and len(groups[-1]) < _MOST_FILES
        if fits and size + file.bytes <= _CHUNK_BYTES:
            groups[-1].append(file)
            size += file.bytes
        else:
            groups.append([file])
            size = file.bytes
    return groups


def _scores_document(scores: Scores) -> dict[str, float | None]:
    values = {
        "r2_pooled": scores.r2_pooled,
        "r2_within_median": scores.r2_within_median,
        "mae_kwh": scores.mae_kwh,
        "rmse_kwh": scores.rmse_kwh,
    }
    return {name: value if value == value else None for name, value in values.items()}


def _write(table: pa.Table, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    remove(path)
    pq.write_table(table, path, compression="zstd")


def _clear(out: Path) -> None:
    """Takes away the results of another run; only what runs write."""
    for name in (NAME, *RESULTS):
        if (out / name).exists():
            remove(out / name)


RESULTS = (
    "readings", "clean", "meters", "days", "week", "features", "dropped", "regression", "lightgbm",
    "lightgbm.txt", "anomalies", "hybrid", "segments", "households.parquet", "segments.parquet",
    "tariffs.parquet", "trends.parquet", "scratch",
)  # fmt: skip
"""Files and folders that a run makes in its folder."""


def stored(paths: Sequence[Path]) -> pa.Table:
    """Several parts of a result as one table."""
    return pa.concat_tables([pq.read_table(file) for file in parquet_files(paths)])
