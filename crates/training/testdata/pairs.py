"""Makes pairs.json: clients with numbers, and what scikit-learn fits to the cells of their pairs.

Run by hand (python3 -m venv, pip install scikit-learn); the result is frozen. A pair has a column for
each knot of its first feature with each knot of the second: the product of both numbers' shares of
these knots. A number between two knots has a share of both. A row that misses one of both numbers takes
the means of the columns. The columns of single numbers are those of curves.py.
"""

import json
import math
import pathlib
import random

import numpy
from sklearn.linear_model import LogisticRegression

import curves


def shares(values, at):
    """The share of each knot; not a number where the value is missing."""
    cells = numpy.array([numpy.nan if value is None else value for value in values])
    columns = [numpy.interp(cells, at, numpy.eye(len(at))[knot]) for knot in range(len(at))]
    return numpy.where(numpy.isnan(cells)[:, None], numpy.nan, numpy.column_stack(columns))


def cells(first, second, at):
    products = shares(first, at[0])[:, :, None] * shares(second, at[1])[:, None, :]
    products = products.reshape(len(first), -1)
    return numpy.where(numpy.isnan(products), numpy.nanmean(products, axis=0), products)


def case(name, numbers, at, classes, c):
    steps = [curves.columns(values, curves.knots(values)) for values in numbers]
    design = numpy.column_stack(steps + [cells(*numbers, at)])
    model = LogisticRegression(C=c, solver="newton-cholesky", tol=1e-13, max_iter=1000)
    model.fit(design, classes)
    return {
        "name": name,
        "c": c,
        "numbers": numbers,
        "pair_knots": at,
        "classes": classes,
        "intercept": float(model.intercept_[0]),
        "coefficients": [float(weight) for weight in model.coef_[0]],
        "probabilities": [float(p) for p in model.predict_proba(design)[:30, 1]],
    }


def cases():
    draw = random.Random(20261130)
    n = 500
    few = [float(draw.randrange(7)) for _ in range(n)]
    many = [round(draw.gauss(0, 2), 3) for _ in range(n)]
    odds = [(x - 3) * y / 2 - 0.4 for x, y in zip(few, many)]
    classes = [int(draw.random() < 1 / (1 + math.exp(-value))) for value in odds]
    gaps = [None if draw.random() < 0.08 else x for x in few]
    at = [[0.0, 2.0, 4.0, 6.0], [-4.0, -1.0, 1.0, 4.0]]
    yield case("all cells are present", [few, many], at, classes, 1.0)
    yield case("missing cells", [gaps, many], [at[0], [-1.0, 1.5]], classes, 0.3)


def main():
    path = pathlib.Path(__file__).with_name("pairs.json")
    lines = ",\n".join("  " + json.dumps(it) for it in cases())
    path.write_text("[\n" + lines + "\n]\n")


if __name__ == "__main__":
    main()
