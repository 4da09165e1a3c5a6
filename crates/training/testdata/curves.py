"""Makes curves.json: clients with two numbers, and what scikit-learn fits to the steps of their curves.

Run by hand (python3 -m venv, pip install scikit-learn); the result is frozen. A number has a knot at
each of its values if there are at most ten, otherwise at ten quantiles, of which the outer ones leave
out 0.5 % of the rows. Between two knots a column rises from 0 to 1. Missing cells take the means of
the columns, and have a column of their own if there are at least ten.
"""

import json
import math
import pathlib
import random

import numpy
from sklearn.linear_model import LogisticRegression

STEPS = 9
OUTSIDE = 0.005


def knots(values):
    known = sorted(value for value in values if value is not None)
    different = sorted(set(known))
    if len(different) <= STEPS + 1:
        return different
    shares = [min(max(knot / STEPS, OUTSIDE), 1 - OUTSIDE) for knot in range(STEPS + 1)]
    places = [math.floor((len(known) - 1) * share + 0.5) for share in shares]
    return sorted({known[place] for place in places})


def columns(values, at):
    """Steps between the knots, and whether missing cells have a column."""
    known = numpy.array([value for value in values if value is not None])
    pairs = list(zip(at, at[1:]))
    means = [numpy.clip((known - a) / (b - a), 0, 1).mean() for a, b in pairs]
    cells = numpy.array([numpy.nan if value is None else value for value in values])
    steps = []
    for (a, b), mean in zip(pairs, means):
        step = numpy.clip((cells - a) / (b - a), 0, 1)
        steps.append(numpy.where(numpy.isnan(cells), mean, step))
    if numpy.isnan(cells).sum() >= 10:
        steps.append(numpy.isnan(cells).astype(float))
    return numpy.column_stack(steps)


def case(name, numbers, classes, c):
    at = [knots(values) for values in numbers]
    design = numpy.column_stack([columns(*pair) for pair in zip(numbers, at)])
    model = LogisticRegression(C=c, solver="newton-cholesky", tol=1e-13, max_iter=1000)
    model.fit(design, classes)
    return {
        "name": name,
        "c": c,
        "numbers": numbers,
        "classes": classes,
        "knots": at,
        "intercept": float(model.intercept_[0]),
        "coefficients": [float(weight) for weight in model.coef_[0]],
        "probabilities": [float(p) for p in model.predict_proba(design)[:30, 1]],
    }


def cases():
    draw = random.Random(20261129)
    n = 400
    few = [float(draw.randrange(7)) for _ in range(n)]
    many = [round(draw.gauss(0, 2), 3) for _ in range(n)]
    odds = [abs(x - 3) - 1.2 + math.sin(y) for x, y in zip(few, many)]
    classes = [int(draw.random() < 1 / (1 + math.exp(-value))) for value in odds]
    gaps = [None if draw.random() < 0.08 else x for x in few]
    few_gaps = [None if row in (3, 50, 51) else y for row, y in enumerate(many)]
    yield case("few and many values", [few, many], classes, 1.0)
    yield case("missing cells", [gaps, few_gaps], classes, 0.3)
    yield case("strong penalty", [gaps, many], classes, 0.01)


def main():
    path = pathlib.Path(__file__).with_name("curves.json")
    lines = ",\n".join("  " + json.dumps(it) for it in cases())
    path.write_text("[\n" + lines + "\n]\n")


if __name__ == "__main__":
    main()
