"""Makes categories.json: clients with a category, and what scikit-learn fits to them.

Run by hand (python3 -m venv, pip install scikit-learn); the result is frozen. The category is
encoded by OneHotEncoder(min_frequency=10, max_categories=51, handle_unknown="infrequent_if_exist");
ten missing cells or more have a column of their own, fewer take the shares that the indicators have
in the rows with a level. A missing number takes the mean.
"""

import collections
import json
import pathlib
import random

import numpy
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import OneHotEncoder


def encoded(levels):
    """The design's columns, and the names of the levels that have one."""
    present = numpy.array([level is not None for level in levels])
    known = numpy.array([[level] for level in levels if level is not None], dtype=object)
    encoder = OneHotEncoder(
        min_frequency=10,
        max_categories=51,
        handle_unknown="infrequent_if_exist",
        sparse_output=False,
    )
    columns = encoder.fit_transform(known)
    counts = sorted(collections.Counter(level for level in levels if level is not None).values())
    if counts[:-50] and counts[-51] == counts[-50]:
        raise SystemExit("which of two levels of equal count is kept hangs on the encoder")
    infrequent = encoder.infrequent_categories_[0]
    infrequent = [] if infrequent is None else list(infrequent)
    names = [level for level in encoder.categories_[0] if level not in infrequent]
    names += [None] if infrequent else []
    is_level = (~present).sum() >= 10
    of_missing = numpy.zeros(columns.shape[1]) if is_level else columns.mean(axis=0)
    design = numpy.tile(of_missing, (len(levels), 1))
    design[present] = columns
    if is_level:
        design = numpy.column_stack([design, ~present])
    return design, names, encoder, is_level


def filled(values):
    values = numpy.array([numpy.nan if value is None else value for value in values])
    return numpy.where(numpy.isnan(values), numpy.nanmean(values), values)


def case(name, levels, numbers, classes, c):
    design, names, encoder, is_level = encoded(levels)
    values = filled(numbers)
    model = LogisticRegression(C=c, solver="newton-cholesky", tol=1e-13, max_iter=1000)
    model.fit(numpy.column_stack([values, design]), classes)
    weights = [float(weight) for weight in model.coef_[0]]
    shares = design[[level is not None for level in levels]].mean(axis=0)
    asked = [[1.5, names[0]], [None, None], [-2.0, "never seen"]]
    probabilities = []
    for number, level in asked:
        number = values.mean() if number is None else number
        if level is not None:
            indicators = [*encoder.transform([[level]])[0], *([0.0] if is_level else [])]
        else:
            indicators = [*numpy.zeros(design.shape[1] - 1), 1.0] if is_level else shares
        probabilities.append(float(model.predict_proba([[number, *indicators]])[0, 1]))
    return {
        "name": name,
        "c": c,
        "levels": levels,
        "numbers": numbers,
        "classes": classes,
        "intercept": float(model.intercept_[0]),
        "number": weights[0],
        "level_coefficients": [[level, weight] for level, weight in zip(names, weights[1:])],
        "missing_coefficient": weights[-1] if is_level else None,
        "asked": asked,
        "probabilities": probabilities,
    }


def cases():
    draw = random.Random(20240917)
    plans = {"basic": 0.5, "plus": 0.25, "gold": 0.15, "trial": 0.04, "staff": 0.03, "é, \"x\"": 0.03}
    effect = {"basic": 0.4, "plus": -0.3, "gold": -1.2, "trial": 1.5, "staff": -2.0, "é, \"x\"": 0.0}
    n = 300
    levels = draw.choices(list(plans), weights=list(plans.values()), k=n)
    numbers = [round(draw.gauss(0, 2), 3) for _ in range(n)]
    odds = [0.6 * x + effect[level] - 0.2 for x, level in zip(numbers, levels)]
    classes = [int(draw.random() < 1 / (1 + numpy.exp(-value))) for value in odds]
    missing = [None if draw.random() < 0.06 else level for level in levels]
    gaps = [None if draw.random() < 0.05 else x for x in numbers]
    yield case("rare levels", levels, numbers, classes, 1.0)
    few = [level if row % 60 or row == 0 else None for row, level in enumerate(levels)]
    yield case("few missing cells", few, gaps, classes, 1.0)
    yield case("missing cells", missing, gaps, classes, 1.0)
    yield case("strong penalty", missing, gaps, classes, 0.01)
    yield case("weak penalty", missing, gaps, classes, 100.0)
    frequent = [level if plans[level] > 0.1 else "basic" for level in levels]
    yield case("no rare level", frequent, numbers, classes, 1.0)
    regions = [f"r{region:02}" for region in range(65)]
    many = draw.choices(regions, weights=[10 + 2 * region for region in range(65)], k=2400)
    wide = [round(draw.gauss(0, 1), 3) for _ in many]
    odds = [x + int(region[-1]) / 5 - 0.8 for x, region in zip(wide, many)]
    left = [int(draw.random() < 1 / (1 + numpy.exp(-value))) for value in odds]
    yield case("more than fifty frequent levels", many, wide, left, 1.0)


def main():
    path = pathlib.Path(__file__).with_name("categories.json")
    lines = ",\n".join("  " + json.dumps(it) for it in cases())
    path.write_text("[\n" + lines + "\n]\n")


main()
