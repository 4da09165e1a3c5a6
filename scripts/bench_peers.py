#!/usr/bin/env python3
"""The jobs of `scripts/bench.sh`, as somebody who knows pandas, polars or DuckDB would do them.

    bench_peers.py versions
    bench_peers.py ingest|whole pandas|polars|duckdb ROWS OUTPUT

ROWS is the folder with the CSV files in `base` and the drifted one in `drifted`; the rows without
repeats go to OUTPUT. Prints one line of JSON. Of several ways to do a job the fastest one stands
here that gives the same rows; where order costs time, it is given up. The clock starts after the
imports, so that nobody's start is held against them.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ID = "corporation"
FEATURES = ["lastmonth_activity", "lastyear_activity", "number_of_employees"]
TARGET = "exited"
PACKAGES = ["pandas", "polars", "duckdb", "scikit-learn", "numpy"]
# As in bench_fit.py: at the default tolerance, 1e-4, it can stop a step short of the optimum.
NEWTON_CHOLESKY = {"solver": "newton-cholesky", "tol": 1e-6, "max_iter": 10_000}


def ingest_pandas(files: list[Path], output: Path) -> dict[str, Any]:
    import pandas

    frames = [pandas.read_csv(file) for file in files]
    rows = pandas.concat(frames, ignore_index=True).drop_duplicates()
    rows.to_csv(output, index=False)
    return {}


def ingest_polars(files: list[Path], output: Path) -> dict[str, Any]:
    """Streaming, in any order: to keep the first of equal rows takes half as long again."""
    import polars

    rows = polars.scan_csv(files).unique(keep="any")
    rows.sink_csv(output, maintain_order=False)
    return {}


def ingest_duckdb(files: list[Path], output: Path) -> dict[str, Any]:
    """In any order, and with the types given, which is faster than having them found out."""
    connection = connect()
    connection.execute(f"COPY (SELECT DISTINCT * FROM {csv(files)}) TO '{output}' (HEADER)")
    return {}


def whole_pandas(files: list[Path], drifted: Path, output: Path) -> dict[str, Any]:
    """The work of four scripts: each reads its files again, but is not started again."""
    import pandas
    from sklearn.linear_model import LogisticRegression

    ingest_pandas([*files, drifted], output)

    rows = pandas.read_csv(output)
    model = LogisticRegression(solver="liblinear")
    model.fit(rows[FEATURES].to_numpy(dtype=float), rows[TARGET].to_numpy())
    del rows

    rows = pandas.read_csv(drifted)
    score = f1(model, rows[FEATURES].to_numpy(dtype=float), rows[TARGET].to_numpy())
    del rows

    rows = pandas.read_csv(output)[FEATURES]
    return answer(model, score, rows.mean().to_dict(), rows.median().to_dict())


def whole_polars(files: list[Path], drifted: Path, output: Path) -> dict[str, Any]:
    import polars
    from sklearn.linear_model import LogisticRegression

    rows = polars.scan_csv([*files, drifted]).unique(keep="any").collect(engine="streaming")
    rows.write_csv(output)
    model = LogisticRegression(**NEWTON_CHOLESKY)
    features = rows.select(polars.col(FEATURES).cast(polars.Float64))
    model.fit(features.to_numpy(order="c"), rows[TARGET].to_numpy())

    new = polars.read_csv(drifted, columns=[*FEATURES, TARGET])
    features = new.select(polars.col(FEATURES).cast(polars.Float64))
    score = f1(model, features.to_numpy(order="c"), new[TARGET].to_numpy())

    columns = rows.select(FEATURES)
    return answer(
        model, score, columns.mean().row(0, named=True), columns.median().row(0, named=True)
    )


def whole_duckdb(files: list[Path], drifted: Path, output: Path) -> dict[str, Any]:
    import numpy
    from sklearn.linear_model import LogisticRegression

    connection = connect()

    def matrix(table: str) -> tuple[numpy.ndarray, numpy.ndarray]:
        columns = connection.execute(
            f"SELECT {', '.join([*FEATURES, TARGET])} FROM {table}"
        ).fetchnumpy()
        return numpy.column_stack([columns[name] for name in FEATURES]).astype(float), columns[
            TARGET
        ]

    connection.execute(f"CREATE TABLE kept AS SELECT DISTINCT * FROM {csv([*files, drifted])}")
    connection.execute(f"COPY kept TO '{output}' (HEADER)")
    model = LogisticRegression(**NEWTON_CHOLESKY)
    model.fit(*matrix("kept"))
    score = f1(model, *matrix(csv([drifted])))

    def of_columns(aggregate: str) -> dict[str, float]:
        values = ", ".join(f"{aggregate}({name})" for name in FEATURES)
        row = connection.execute(f"SELECT {values} FROM kept").fetchone()
        return dict(zip(FEATURES, row, strict=True))

    return answer(model, score, of_columns("avg"), of_columns("median"))


def connect() -> Any:
    import duckdb

    connection = duckdb.connect()
    # It would count the processors of the machine, not those it may use.
    connection.execute(f"SET threads = {len(os.sched_getaffinity(0))}")
    connection.execute("SET preserve_insertion_order = false")
    return connection


def csv(files: list[Path]) -> str:
    types = {ID: "VARCHAR"} | {name: "BIGINT" for name in [*FEATURES, TARGET]}
    names = [str(file) for file in files]
    return f"read_csv({names}, header = true, auto_detect = false, columns = {types})"


def f1(model: Any, features: Any, classes: Any) -> float:
    """By counting, which takes a fraction of the time of scikit-learn's own."""
    predicted, actual = model.predict(features) == 1, classes == 1
    return float(2 * (predicted & actual).sum() / (predicted.sum() + actual.sum()))


def answer(
    model: Any, score: float, means: dict[str, float], medians: dict[str, float]
) -> dict[str, Any]:
    return {
        "weights": [float(model.intercept_[0]), *model.coef_[0].tolist()],
        "f1": score,
        "means": means,
        "medians": medians,
    }


INGEST: dict[str, Callable[[list[Path], Path], dict[str, Any]]] = {
    "pandas": ingest_pandas,
    "polars": ingest_polars,
    "duckdb": ingest_duckdb,
}
WHOLE: dict[str, Callable[[list[Path], Path, Path], dict[str, Any]]] = {
    "pandas": whole_pandas,
    "polars": whole_polars,
    "duckdb": whole_duckdb,
}


def versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def main() -> None:
    if sys.argv[1:] == ["versions"]:
        print(json.dumps(versions()))
        return
    job, peer = sys.argv[1:3]
    rows, output = Path(sys.argv[3]), Path(sys.argv[4])
    files = sorted((rows / "base").glob("*.csv"))
    [drifted] = (rows / "drifted").glob("*.csv")
    for module in [peer] if job == "ingest" else [peer, "sklearn.linear_model"]:
        importlib.import_module(module)
    begin = time.perf_counter()
    if job == "ingest":
        found = INGEST[peer](files, output)
    else:
        found = WHOLE[peer](files, drifted, output)
    print(json.dumps({"seconds": time.perf_counter() - begin, **found}))


if __name__ == "__main__":
    main()
