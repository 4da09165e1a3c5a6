"""Makes reference.json: small data sets and the coefficients that scikit-learn fits to them.

Run by hand (python3 -m venv, pip install scikit-learn mpmath); the result is frozen.
Where scikit-learn's float64 solver cannot resolve the optimum, the coefficients are those of
Newton's method with 60 digits; for the others both agree, and the script checks that.
"""

import json
import pathlib
import random
import warnings

import mpmath
import numpy
from sklearn.linear_model import LogisticRegression

mpmath.mp.dps = 60
# scikit-learn's weight of a constant column is this far from 0, where no error is relative.
ROUNDING = 1e-14


def exact(columns, classes, c):
    n, p = len(classes), len(columns)
    scale = [max(map(abs, column)) or 1.0 for column in columns]
    rows = [
        [mpmath.mpf(1)] + [mpmath.mpf(columns[j][i]) / mpmath.mpf(scale[j]) for j in range(p)]
        for i in range(n)
    ]
    pull = [mpmath.mpf(0)] + [1 / (mpmath.mpf(s) ** 2 * mpmath.mpf(c)) for s in scale]

    def loss(w):
        total = sum(k * v * v for k, v in zip(pull, w)) / 2
        for row, y in zip(rows, classes):
            eta = sum(a * b for a, b in zip(row, w))
            total += mpmath.log1p(mpmath.exp(-eta if y else eta))
        return total

    w = [mpmath.mpf(0)] * (p + 1)
    for _ in range(200):
        g = mpmath.matrix([k * v for k, v in zip(pull, w)])
        h = mpmath.diag(pull)
        for row, y in zip(rows, classes):
            q = 1 / (1 + mpmath.exp(-sum(a * b for a, b in zip(row, w))))
            for a in range(p + 1):
                g[a] += (q - y) * row[a]
                for b in range(p + 1):
                    h[a, b] += q * (1 - q) * row[a] * row[b]
        step = mpmath.lu_solve(h, -g)
        length = mpmath.mpf(1)
        before = loss(w)
        while loss([v + length * s for v, s in zip(w, step)]) > before:
            length /= 2
            if length < mpmath.mpf(10) ** -20:
                break
        w = [v + length * s for v, s in zip(w, step)]
        if max(abs(s) for s in step) < mpmath.mpf(10) ** -25 * max(map(abs, w)):
            break
    else:
        raise SystemExit("the exact solver did not converge")
    return float(w[0]), [float(w[j + 1] / mpmath.mpf(scale[j])) for j in range(p)]


def scikit(columns, classes, c):
    model = LogisticRegression(C=c, solver="newton-cholesky", tol=1e-12, max_iter=1000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(numpy.array(columns).T, classes)
    weights = [float(w) for w in model.coef_[0]]
    return float(model.intercept_[0]), [0.0 if abs(w) < ROUNDING else w for w in weights]


def largest_difference(a, b):
    pairs = zip([a[0], *a[1]], [b[0], *b[1]])
    return max([0.0] + [abs(x - y) / max(abs(x), abs(y)) for x, y in pairs if x != y])


def cases():
    draw = random.Random(20240601)
    n = 60
    activity = [round(draw.lognormvariate(4, 1), 2) for _ in range(n)]
    yearly = [round(a * 12 + draw.gauss(0, 40), 2) for a in activity]
    employees = [float(draw.randint(1, 400)) for _ in range(n)]
    noise = [draw.gauss(0, 1) for _ in range(n)]
    classes = [int(1.2 - a / 60 + e / 300 + e2 > 0) for a, e, e2 in zip(activity, employees, noise)]
    yield "ordinary", [activity, yearly, employees], classes, 1.0
    yield "weak_penalty", [activity, yearly, employees], classes, 1e4
    yield "strong_penalty", [activity, yearly, employees], classes, 1e-4
    huge = [e * 1e9 + draw.randint(0, 10**9) for e in employees]
    yield "huge_column", [activity, huge], classes, 1.0
    yield "tiny_column", [activity, [e * 1e-9 for e in employees]], classes, 1.0
    yield "far_from_zero", [[1.7e9 + 3600.0 * round(a) for a in activity]], classes, 1.0
    yield "constant_column", [activity, [7.25] * n], classes, 1.0
    double = [2 * e for e in employees]
    yield "collinear_columns", [employees, double, activity], classes, 1.0
    line = [float(i) ** 1.3 - 70.0 for i in range(n)]
    yield "separable", [line], [int(x > 0) for x in line], 1.0
    yield "separable_weak_penalty", [line], [int(x > 0) for x in line], 1e8


def main():
    written = []
    for name, columns, classes, c in cases():
        right, library = exact(columns, classes, c), scikit(columns, classes, c)
        difference = largest_difference(right, library)
        agrees = difference < 1e-6
        print(f"{name:24} scikit-learn differs from the exact optimum by {difference:.1e}")
        written.append(
            {
                "name": name,
                "c": c,
                "columns": columns,
                "classes": classes,
                "source": "scikit-learn" if agrees else "exact",
                "intercept": (library if agrees else right)[0],
                "coefficients": (library if agrees else right)[1],
                "exact_intercept": right[0],
                "exact_coefficients": right[1],
            }
        )
    path = pathlib.Path(__file__).with_name("reference.json")
    lines = ",\n".join("  " + json.dumps(case) for case in written)
    path.write_text("[\n" + lines + "\n]\n")


main()
