"""Makes shapes.json: the optima of SciPy where curves and lines may go only one way.

Run by hand (python3 -m venv, pip install scikit-learn, which brings SciPy); the result is frozen. The
clients and the columns of curves are those of curves.py. SciPy's L-BFGS-B finds the coefficients that
are 0; Newton's method then finds the others to the last digits.
"""

import json
import pathlib

import numpy
from scipy.optimize import minimize

import curves

SIGNS = {"increasing": 1, "decreasing": -1, "any": 0}


def optimum(design, classes, c, signs):
    """Intercept and coefficients of the lowest penalised loss; a sign of 0 leaves a coefficient free."""
    columns = numpy.column_stack([numpy.ones(len(classes)), design])
    labels = numpy.array(classes)
    strength = numpy.array([0.0] + [1 / c] * design.shape[1])

    def loss(weights):
        odds = columns @ weights
        value = numpy.logaddexp(0, odds).sum() - odds[labels == 1].sum()
        residuals = 1 / (1 + numpy.exp(-odds)) - labels
        pull = strength * weights
        return value + pull @ weights / 2, columns.T @ residuals + pull

    bounds = [(0 if sign > 0 else None, 0 if sign < 0 else None) for sign in [0] + signs]
    options = {"maxiter": 100_000, "maxfun": 100_000, "ftol": 1e-15, "gtol": 1e-10}
    found = minimize(
        loss, numpy.zeros(len(bounds)), jac=True, method="L-BFGS-B", bounds=bounds, options=options
    )
    weights = found.x
    free = numpy.array([bound == (None, None) for bound in bounds]) | (abs(weights) > 1e-7)
    weights[~free] = 0.0
    for _ in range(20):
        share = 1 / (1 + numpy.exp(-columns @ weights))
        hessian = (columns * (share * (1 - share))[:, None]).T @ columns + numpy.diag(strength)
        step = numpy.linalg.solve(hessian[numpy.ix_(free, free)], loss(weights)[1][free])
        weights[free] -= step
    slope = loss(weights)[1]
    for weight, gradient, sign in zip(weights[1:], slope[1:], signs):
        assert sign * weight >= 0, "a coefficient has the wrong sign"
        assert abs(gradient) < 1e-9 or (weight == 0 and sign * gradient > 0), "no optimum"
    return weights


def case(name, form, numbers, shapes, classes, c):
    if form == "curves":
        designs = [curves.columns(values, curves.knots(values)) for values in numbers]
    else:
        designs = [numpy.array(values)[:, None] for values in numbers]
    missing = [any(value is None for value in values) for values in numbers]
    signs = []
    for design, shape, has_missing in zip(designs, shapes, missing):
        own = [SIGNS[shape]] * design.shape[1]
        # The last column says that the cell is missing.
        signs += own[:-1] + [0] if has_missing else own
    weights = optimum(numpy.column_stack(designs), classes, c, signs)
    return {
        "name": name,
        "form": form,
        "c": c,
        "numbers": numbers,
        "shapes": shapes,
        "classes": classes,
        "intercept": float(weights[0]),
        "coefficients": [float(weight) for weight in weights[1:]],
    }


def cases():
    for source in json.loads(pathlib.Path(__file__).with_name("curves.json").read_text()):
        numbers, classes, name = source["numbers"], source["classes"], source["name"]
        for shapes in [["increasing", "decreasing"], ["decreasing", "any"]]:
            yield case(name, "curves", numbers, shapes, classes, source["c"])
        if not any(value is None for values in numbers for value in values):
            yield case(name, "linear", numbers, ["decreasing", "increasing"], classes, source["c"])
            yield case(name, "linear", numbers, ["increasing", "decreasing"], classes, source["c"])


def main():
    path = pathlib.Path(__file__).with_name("shapes.json")
    lines = ",\n".join("  " + json.dumps(it) for it in cases())
    path.write_text("[\n" + lines + "\n]\n")


if __name__ == "__main__":
    main()
