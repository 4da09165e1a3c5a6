"""Log-losses of models on the same folds, for `scripts/bench-models.sh`.

    bench_models.py FOLDER PROGRAMS FILE.csv...

A peer gets the columns of the ingested file: numbers as they are, with missing ones imputed by the mean
where it needs that, and a column for each level that ten training rows have. All rows of a client are in
one fold. The seconds of the program include its start, the reading of the rows, and the choice of a form;
those of a peer are its fit.
"""

import json
import pathlib
import shutil
import subprocess
import sys
import time

import numpy
import pandas
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score

FOLDS = 4
FORMS = ["linear", "auto"]


def say(text):
    print(text, file=sys.stderr, flush=True)


def run(program, folder, *arguments):
    done = subprocess.run(
        [program, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        sys.exit(f"{program} {' '.join(arguments)} in {folder} failed:\n{done.stderr}")
    return done.stdout


def prepared(file, folder, programs):
    """The ingested rows of a file, and the configuration that was found."""
    shutil.rmtree(folder, ignore_errors=True)
    run(f"{programs}/fullprocess", folder.parent, "--try", str(file), "--keep", str(folder / "kept"))
    config = json.loads((folder / "kept/config.json").read_text())
    whole = folder / "whole"
    for place in ["input", "test"]:
        (whole / place).mkdir(parents=True)
    shutil.copy(file, whole / "input/rows.csv")
    (whole / "config.json").write_text(json.dumps(config))
    run(f"{programs}/ingestion", whole)
    rows = pandas.read_csv(whole / "ingested/finaldata.csv", dtype=str, keep_default_na=False)
    # Without an id the ingested file has numbers of rows, which the next ingestion makes again.
    rows = rows.drop(columns=[] if config["schema"]["id"] else rows.columns[0])
    return rows, config


def plain(config):
    """The configuration for ingested rows: their numbers and labels are already plain."""
    config = json.loads(json.dumps(config))
    schema = config["schema"]
    target = schema["target"]
    schema["target"] = target if isinstance(target, str) else target["name"]
    schema["features"] = [
        {"name": it["name"], "kind": "category"}
        if isinstance(it, dict) and it.get("kind") == "category"
        else it if isinstance(it, str) else it["name"]
        for it in schema["features"]
    ]
    config.pop("ingestion", None)
    return config


def ours(form, config, train, test, folder, programs):
    shutil.rmtree(folder, ignore_errors=True)
    config = {**config, "training": {"form": form}}
    for place, rows in [("input", train), ("test", test)]:
        (folder / place).mkdir(parents=True)
        rows.to_csv(folder / place / "testdata.csv", index=False)
    (folder / "config.json").write_text(json.dumps(config))
    run(f"{programs}/ingestion", folder)
    began = time.monotonic()
    trained = json.loads(run(f"{programs}/training", folder, "--json"))
    seconds = time.monotonic() - began
    scored = json.loads(run(f"{programs}/scoring", folder, "--json"))["metrics"]
    found = recomputed(trained, config["schema"]["features"], train, test)
    labels = test[config["schema"]["target"]].astype(float).to_numpy()
    gap = abs(log_loss(labels, found) - scored["log_loss"])
    if gap > 1e-6:
        sys.exit(f"{folder}: the log-loss of the printed coefficients differs by {gap}")
    scored["calibration_error"] = calibration_error(labels, found)
    return trained["form"], scored, seconds


def recomputed(trained, features, train, test):
    """The probabilities of the test rows, from what `training --json` prints."""
    weights = trained["coefficients"]
    numbers = lambda rows, name: pandas.to_numeric(rows[name], errors="coerce").to_numpy(float)
    log_odds = numpy.full(len(test), trained["intercept"])
    for feature in features:
        name = feature if isinstance(feature, str) else feature["name"]
        own = weights[name]
        if isinstance(own, list):
            log_odds += of_levels(own, train[name], test[name])
        elif isinstance(own, dict):
            cells = numbers(test, name)
            effect = numpy.interp(cells, own["knots"], own["effect"])
            log_odds += numpy.where(numpy.isnan(cells), own.get("missing", 0.0), effect)
        else:
            cells = numbers(test, name)
            mean = numpy.nanmean(numbers(train, name))
            log_odds += own * numpy.where(numpy.isnan(cells), mean, cells)
    for pair in weights.values():
        if isinstance(pair, dict) and "first" in pair:
            of_rows = lambda rows: of_pair(pair, rows, numbers)
            effect = of_rows(test)
            log_odds += numpy.where(numpy.isnan(effect), numpy.nanmean(of_rows(train)), effect)
    return 1 / (1 + numpy.exp(-log_odds))


def of_levels(own, train, test):
    """The coefficient of each row's level; that of a missing one is the mean of the training rows."""
    known = {it["level"]: it["value"] for it in own if it["level"] is not None}
    others = [it["value"] for it in own if it["level"] is None and not it.get("missing")]
    missing = [it["value"] for it in own if it.get("missing")]
    effect = lambda rows: rows.map(lambda level: known.get(level, others[0])).to_numpy(float)
    mean = effect(train[train != ""]).mean()
    return numpy.where(test == "", missing[0] if missing else mean, effect(test))


def of_pair(pair, rows, numbers):
    """The effect of a pair in each row; not a number where a cell is missing."""
    shares = []
    for side in [pair["first"], pair["second"]]:
        if "levels" in side:
            column = rows[side["feature"]]
            own = numpy.column_stack([(column == level) for level in side["levels"]]).astype(float)
            own[column == ""] = numpy.nan
        else:
            cells, knots = numbers(rows, side["feature"]), side["knots"]
            own = numpy.column_stack(
                [numpy.interp(cells, knots, unit) for unit in numpy.eye(len(knots))]
            )
            own[numpy.isnan(cells)] = numpy.nan
        shares.append(own)
    return numpy.einsum("ni,ij,nj->n", shares[0], numpy.array(pair["effect"]), shares[1])


def columns(train, test, features):
    """Both parts as numbers: numbers as they are, and an indicator of each frequent level."""
    made = ([], [])
    for feature in features:
        name = feature if isinstance(feature, str) else feature["name"]
        if isinstance(feature, dict) and feature.get("kind") == "category":
            counts = train[name].value_counts()
            for level in counts.index[counts >= 10][:50]:
                for to, part in zip(made, [train, test]):
                    to.append((part[name] == level).to_numpy(float))
        else:
            for to, part in zip(made, [train, test]):
                to.append(pandas.to_numeric(part[name], errors="coerce").to_numpy(float))
    return [numpy.column_stack(part) for part in made]


def scikit_learn():
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression(max_iter=2000))


def lightgbm():
    from lightgbm import LGBMClassifier

    return LGBMClassifier(
        n_estimators=150, num_leaves=8, learning_rate=0.05, verbose=-1, random_state=0
    )


def perpetual():
    from perpetual import PerpetualBooster

    return PerpetualBooster(objective="LogLoss")


def ebm():
    from interpret.glassbox import ExplainableBoostingClassifier

    return ExplainableBoostingClassifier(random_state=0)


PEERS = {
    "scikit-learn": scikit_learn,
    "LightGBM": lightgbm,
    "perpetual": perpetual,
    "EBM": ebm,
}


def calibration_error(labels, found):
    """Mean distance of predicted and observed rates in ten groups of equally many rows."""
    groups = numpy.array_split(numpy.argsort(found, kind="stable"), 10)
    gaps = [len(it) * abs(labels[it].mean() - found[it].mean()) for it in groups if len(it)]
    return sum(gaps) / len(labels)


def of_peer(make, train, test, config):
    features, target = config["schema"]["features"], config["schema"]["target"]
    x, other = columns(train, test, features)
    labels = train[target].astype(float).to_numpy()
    began = time.monotonic()
    model = make().fit(x, labels)
    seconds = time.monotonic() - began
    return numpy.clip(model.predict_proba(other)[:, 1], 1e-9, 1 - 1e-9), seconds


def measured(file, folder, programs):
    rows, config = prepared(file, folder, programs)
    config = plain(config)
    target = config["schema"]["target"]
    rows = rows[rows[target].isin(["0", "1"])].reset_index(drop=True)
    clients, _ = pandas.factorize(rows[config["schema"]["id"]] if config["schema"]["id"] else rows.index)
    fold_of = (numpy.random.RandomState(7).permutation(clients.max() + 1) % FOLDS)[clients]
    found = {}
    for fold in range(FOLDS):
        train, test = rows[fold_of != fold], rows[fold_of == fold]
        for form in FORMS:
            chosen, scored, seconds = ours(
                form, config, train, test, folder / form, programs
            )
            say(f"{file.name} fold {fold}: {form} is {chosen}, {scored['log_loss']:.4f}")
            found.setdefault(f"ours, {form}", []).append((scored, seconds))
        labels = test[target].astype(float).to_numpy()
        for name, make in PEERS.items():
            try:
                predicted, seconds = of_peer(make, train, test, config)
            except ImportError as missing:
                say(f"skipped {name}: {missing}")
                continue
            scored = {
                "log_loss": log_loss(labels, predicted),
                "roc_auc": roc_auc_score(labels, predicted),
                "calibration_error": calibration_error(labels, predicted),
            }
            found.setdefault(name, []).append((scored, seconds))
    return len(rows), len(config["schema"]["features"]), found


def main():
    folder, programs = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    ratios = {}
    print("| set | model | log-loss | ROC-AUC | calibration error | seconds |")
    print("|---|---|---|---|---|---|")
    for number, file in enumerate(map(pathlib.Path, sys.argv[3:])):
        place = folder / "sets" / f"{number}-{file.stem}"
        place.parent.mkdir(exist_ok=True)
        count, features, found = measured(file, place, programs)
        mean = lambda folds, key: numpy.mean([scored[key] for scored, _ in folds])
        for name, folds in found.items():
            figures = [mean(folds, key) for key in ["log_loss", "roc_auc", "calibration_error"]]
            seconds = numpy.median([seconds for _, seconds in folds])
            print(
                f"| {file.stem} ({count} × {features}) | {name} | {figures[0]:.4f} "
                f"| {figures[1]:.4f} | {figures[2]:.4f} | {seconds:.2f} |",
                flush=True,
            )
            if "LightGBM" in found:
                ratio = figures[0] / mean(found["LightGBM"], "log_loss")
                ratios.setdefault(name, []).append(ratio)
    print()
    for name, all_of_it in ratios.items():
        print(f"{name}: {numpy.mean(all_of_it):.3f} times the log-loss of LightGBM, mean over the sets")


main()
