"""Generates statistics.json: fixed test cases with the results of scipy, numpy and scikit-learn.

Run it by hand (python3 -m venv, pip install scipy scikit-learn); the committed result is frozen.
It was generated with scipy 1.17.1, numpy 2.4.6 and scikit-learn 1.9.1. These libraries lack the
PSI and the score test with uncertain coefficients. Their results are
computed with numpy, by the formula in the documentation of the tested function.
"""

import json
import math
import pathlib
import warnings

import numpy as np
from scipy import stats
from sklearn.linear_model import LogisticRegression

rng = np.random.default_rng(20240607)


def rounded(values, digits=4):
    return [None if math.isnan(v) else round(float(v), digits) for v in values]


def present(values):
    return np.array([v for v in values if v is not None])


# Tails ----------------------------------------------------------------------------------------


def tails():
    for degrees in [1, 2, 3, 4, 9, 51, 1000, 40000]:
        for p in [0.999, 0.7, 0.5, 0.05, 1e-3, 1e-8, 1e-30, 1e-200]:
            at = float(stats.chi2.isf(p, degrees))
            yield "chi_square_tail", at, degrees, stats.chi2.sf(at, degrees)
        for at in [0.05, 0.01, 0.005, 0.0005]:
            yield "chi_square_upper_quantile", at, degrees, stats.chi2.isf(at, degrees)
    for at in [1e-6, 1e-5, 2.5e-4, 0.01, 0.3, 0.4999, 0.51, 0.77, 0.999, 1 - 1e-6]:
        yield "normal_quantile", at, 0, stats.norm.ppf(at)


def tail_cases():
    return [
        {"name": f"{f} {at} {d}", "function": f, "at": at, "degrees": d, "value": float(v)}
        for f, at, d, v in tails()
    ]


def kolmogorov_cases():
    at = {
        1: [0.55, 0.8, 0.99],
        2: [0.3, 0.6, 0.9],
        7: [0.1, 0.25, 0.45, 0.7],
        26: [0.05, 0.12, 0.2, 0.3, 0.45, 0.6],
        140: [0.01, 0.05, 0.08, 0.12, 0.16, 0.2, 0.4],
        141: [0.01, 0.05, 0.08, 0.12, 0.16, 0.2, 0.4],
        1000: [0.01, 0.02, 0.03, 0.045, 0.06, 0.1, 0.3],
        47619: [0.002, 0.004, 0.0065, 0.007, 0.01, 0.03, 0.06],
    }
    return [
        {"name": f"{n} {d}", "rows": n, "at": d, "value": float(stats.kstwo.sf(d, n))}
        for n, ds in at.items()
        for d in ds
    ]


# Two samples ----------------------------------------------------------------------------------


def psi(x, y, alpha=0.01):
    edges = np.unique(np.percentile(x, np.arange(10, 100, 10)))
    shares = [np.bincount(np.searchsorted(edges, v, side="left"), minlength=len(edges) + 1) / len(v) for v in (x, y)]
    # Few distinct values leave bins between and beyond them. These have no degree of freedom.
    filled = (shares[0] > 0) | (shares[1] > 0)
    p, q = (np.maximum(s[filled], 1e-4) for s in shares)
    index = float(((p - q) * np.log(p / q)).sum())
    unit = 1 / len(x) + 1 / len(y)
    bins = int(filled.sum())
    return index, bins, float(stats.chi2.sf(index / unit, bins - 1)), float(unit * stats.chi2.isf(alpha, bins - 1))


def sample_case(name, reference, current):
    x, y = present(reference), present(current)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exact = stats.ks_2samp(x, y, method="exact")
        asymptotic = stats.ks_2samp(x, y, method="asymp")
    distance = float(stats.wasserstein_distance(x, y))
    index, bins, p_value, cut_off = psi(x, y)
    return {
        "name": name,
        "reference": reference,
        "current": current,
        "ks": float(exact.statistic),
        "ks_exact": float(exact.pvalue),
        "ks_asymptotic": float(asymptotic.pvalue),
        "wasserstein": distance,
        "wasserstein_normalised": distance / max(float(np.std(x)), 0.001),
        "psi": index,
        "psi_bins": bins,
        "psi_p_value": p_value,
        "psi_cut_off": cut_off,
    }


def sample_cases():
    normal = rounded(rng.normal(0, 1, 200))
    yield sample_case("normal, equal sizes, moved", normal, rounded(rng.normal(0.4, 1, 200)))
    yield sample_case("normal, few new rows", normal, rounded(rng.normal(0, 1, 26)))
    yield sample_case("far apart", normal, rounded(rng.normal(6, 1, 150)))
    yield sample_case("lognormal", rounded(rng.lognormal(4, 1, 300), 2), rounded(rng.lognormal(4.3, 1, 97), 2))
    zeros = lambda n, share: rounded(np.where(rng.random(n) < share, 0.0, rng.lognormal(2, 1, n)), 2)
    yield sample_case("zero-inflated", zeros(250, 0.6), zeros(120, 0.5))
    yield sample_case("many ties", rounded(rng.integers(0, 5, 180)), rounded(rng.integers(0, 6, 90)))
    holes = lambda v: [None if rng.random() < 0.2 else x for x in v]
    yield sample_case("missing values", holes(normal), holes(rounded(rng.normal(0.2, 1.3, 80))))
    yield sample_case("large numbers", rounded(rng.normal(1.7e9, 1e5, 120), 0), rounded(rng.normal(1.7e9, 2e5, 60), 0))
    yield sample_case("one new row", normal, [2.5])
    yield sample_case("equal sizes, odd", rounded(rng.normal(0, 1, 15)), rounded(rng.normal(1, 1, 15)))
    yield sample_case("near constant reference", [1.0] * 60 + [1.0005], [1.0] * 30 + [1.001])


def few_value_cases():
    few = np.random.default_rng(20261130)
    drawn = lambda n, values, p: rounded(few.choice(values, n, p=p))
    two = [0.0, 1.0]
    yield sample_case("two values", drawn(300, two, [0.7, 0.3]), drawn(150, two, [0.55, 0.45]))
    yield sample_case("two values, one rare", drawn(300, two, [0.97, 0.03]), drawn(150, two, [0.9, 0.1]))
    yield sample_case("two values, edge between", [0.0] * 150 + [1.0] * 150, drawn(120, two, [0.5, 0.5]))
    three = [1.0, 2.0, 5.0]
    yield sample_case("three values", drawn(240, three, [0.5, 0.3, 0.2]), drawn(130, three, [0.3, 0.4, 0.3]))
    yield sample_case("two values and a third", drawn(240, two, [0.6, 0.4]), drawn(110, [0.0, 1.0, 9.0], [0.5, 0.3, 0.2]))


# Tables ---------------------------------------------------------------------------------------


def contingency_cases():
    tables = {
        "no shift": [[50, 24], [30, 16], [20, 10]],
        "shift": [[500, 20], [300, 60], [200, 20]],
        "unseen levels": [[40, 10], [0, 7], [9, 0], [51, 33]],
        "two levels": [[12, 5], [28, 35]],
        "many levels": [[int(a), int(b)] for a, b in zip(rng.integers(1, 300, 60), rng.integers(1, 40, 60))],
        "far apart": [[100000, 200], [300, 90000]],
    }
    for name, table in tables.items():
        found = stats.chi2_contingency(np.array(table).T, correction=False)
        shares = np.array(table) / np.array(table).sum(axis=0)
        yield {
            "name": name,
            "table": table,
            "statistic": float(found.statistic),
            "p_value": float(found.pvalue),
            "degrees": int(found.dof),
            "total_variation": float(0.5 * np.abs(shares[:, 0] - shares[:, 1]).sum()),
        }


def share_cases():
    tables = {
        "few": [[3, 1], [1, 3]],
        "symmetric": [[8, 2], [2, 8]],
        "rare": [[2, 4], [4998, 96]],
        "2 % to 10 %": [[100, 20], [4900, 180]],
        "no shift": [[100, 4], [4900, 196]],
        "small batch": [[500, 0], [4500, 26]],
        "half": [[5000, 60], [5000, 40]],
        "large": [[20000, 21000], [980000, 979000]],
        "large and rare": [[3, 14], [1000000, 999000]],
        "far apart": [[10, 900], [9990, 100]],
    }
    for name, table in tables.items():
        square = stats.chi2_contingency(np.array(table), correction=False)
        yield {
            "name": name,
            "table": table,
            "fisher_p_value": float(stats.fisher_exact(table)[1]),
            "chi_square": float(square.statistic),
            "chi_square_p_value": float(square.pvalue),
        }


def changed_part_cases():
    # For each level Fisher's test, and the chance that any level has so small a p-value.
    tables = {
        "a new level": [[300, 50], [200, 30], [100, 20], [0, 6]],
        "one level grows": [[400, 60], [300, 50], [280, 90], [20, 0]],
        "a tail of rare levels": [[100, 20], [80, 30]] + [[1, 0]] * 40 + [[0, 1]] * 8 + [[2, 3], [1, 5], [4, 0]],
        "nothing": [[100, 20], [50, 11], [30, 5]],
    }
    for name, table in tables.items():
        t = np.array(table)
        n, m = (int(v) for v in t.sum(axis=0))
        p = lambda x, y: float(stats.fisher_exact([[x, y], [n - x, m - y]])[1])
        smallest = min(p(int(x), int(y)) for x, y in t)
        part = next(i for i, (x, y) in enumerate(t) if p(int(x), int(y)) == smallest)
        chance = 0.0
        for size in t.sum(axis=1):
            possible = [p(k, int(size) - k) for k in range(max(0, int(size) - m), min(int(size), n) + 1)]
            chance += max([v for v in possible if v <= smallest * (1 + 1e-7)], default=0.0)
        value = min(chance, 1.0) if smallest <= 0.05 else 1.0
        yield {"name": name, "table": table, "part": part, "p_value": value}


def simulated_chi_square_cases():
    draws = np.random.default_rng(20261201)
    tables = {
        "rare levels, no shift": [[90, 22], [60, 14]] + [[3, 1], [2, 0], [1, 1], [4, 0], [0, 1]] * 6,
        "rare levels, shift": [[90, 30], [60, 6]] + [[3, 1], [2, 2], [1, 1], [4, 0], [0, 1]] * 4,
        "many new levels": [[120, 40], [80, 26]] + [[0, 1]] * 5 + [[2, 0]] * 12 + [[0, 2]] * 3,
    }
    for name, table in tables.items():
        t = np.array(table)
        sizes, m = t.sum(axis=1), int(t[:, 1].sum())
        statistic = lambda y: (y.astype(float) ** 2 / sizes).sum(axis=-1)
        splits = draws.multivariate_hypergeometric(sizes, m, size=400_000)
        as_large = int((statistic(splits) >= statistic(t[:, 1]) * (1 - 1e-9)).sum())
        yield {"name": name, "table": table, "p_value": (as_large + 1) / (len(splits) + 1)}


# Score test -----------------------------------------------------------------------------------


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def fit(x, y, c):
    # The coefficients of scikit-learn and their sandwich covariance in raw units.
    model = LogisticRegression(C=c, solver="newton-cholesky", tol=1e-12, max_iter=1000).fit(x, y)
    beta = np.concatenate([model.intercept_, model.coef_[0]])
    a = np.column_stack([np.ones(len(x)), x])
    p = sigmoid(a @ beta)
    penalty = np.diag([0.0] + [1 / c] * x.shape[1])
    bread = np.linalg.inv(a.T @ (a * (p * (1 - p))[:, None]) + penalty)
    return beta, bread @ (a.T @ (a * ((y - p) ** 2)[:, None])) @ bread


def score_case(name, training, beta, covariance, columns, classes, moved=None):
    # Solved on scaled axes, where the rounding of the raw ones does not matter.
    imputed = np.mean(training, axis=0)
    x = np.array([[imputed[j] if v is None else v for j, v in enumerate(row)] for row in columns])
    scale, shift = training.std(axis=0), imputed
    axes = np.column_stack([np.ones(len(x)), (x - shift) / scale])
    transform = np.diag(np.concatenate([[1.0], scale]))
    transform[0, 1:] = shift
    p = np.clip(sigmoid(np.column_stack([np.ones(len(x)), x]) @ beta), 1e-6, 1 - 1e-6)
    c = transform @ covariance @ transform.T
    u = axes.T @ (classes - p)
    i = axes.T @ (axes * (p * (1 - p))[:, None])
    v = i + i @ c @ i
    statistic = float(u @ np.linalg.solve(v, u))
    case = {
        "name": name,
        "training": [[float(v) for v in column] for column in training.T],
        "imputed": [float(v) for v in imputed],
        "intercept": float(beta[0]),
        "coefficients": [float(b) for b in beta[1:]],
        "covariance": covariance.tolist(),
        "columns": [[row[j] for row in columns] for j in range(x.shape[1])],
        "classes": [int(y) for y in classes],
        "expected": float(p.sum()),
        "statistic": statistic,
        "degrees": len(beta),
        "p_value": float(stats.chi2.sf(statistic, len(beta))),
    }
    return case if moved is None else case | {"moved": moved}


def score_cases():
    truth = np.array([-0.6, 1.1, -0.7])

    def rows(n, weights, center=np.zeros(2)):
        x = np.round(rng.normal(center, 1, (n, 2)), 3)
        y = (rng.random(n) < sigmoid(weights[0] + x @ weights[1:])).astype(int)
        return x, y

    x, y = rows(400, truth)
    beta, covariance = fit(x, y, 1.0)
    batch = lambda *args: [v.tolist() for v in rows(*args)]
    for name, n, weights, center, moved in [
        ("still right", 120, truth, np.zeros(2), None),
        ("features moved", 120, truth, np.full(2, 0.5), None),
        ("intercept fell", 300, truth + [-1.2, 0, 0], np.zeros(2), 0),
        ("first coefficient gone", 300, truth * [1, 0, 1], np.zeros(2), 1),
        ("second coefficient turned", 300, truth * [1, 1, -1], np.zeros(2), 2),
    ]:
        columns, classes = rows(n, weights, center)
        yield score_case(name, x, beta, covariance, columns.tolist(), classes, moved)

    columns, classes = rows(60, truth)
    columns = [[None if rng.random() < 0.2 else v for v in row] for row in columns.tolist()]
    yield score_case("missing values", x, beta, covariance, columns, classes)

    # A column away from 0 and one of large numbers: raw V is ill-conditioned, V on axes is not.
    far = np.column_stack([500 + x[:, 0], 1e8 * x[:, 1]])
    weights = np.array([beta[0] - 500 * beta[1], beta[1], beta[2] / 1e8])
    back = np.array([[1, -500, 0], [0, 1, 0], [0, 0, 1e-8]])
    columns, classes = rows(120, truth)
    columns = np.column_stack([500 + columns[:, 0], 1e8 * columns[:, 1]])
    yield score_case("far from 0", far, weights, back @ covariance @ back.T, columns.tolist(), classes)

    # Probabilities beyond the bound on both sides, some of them wrong.
    columns, classes = rows(60, truth)
    yield score_case("bounded", x, beta * 12, covariance, columns.tolist(), classes)


def main():
    kinds = {
        "tails": tail_cases(),
        "kolmogorov": kolmogorov_cases(),
        "samples": list(sample_cases()) + list(few_value_cases()),
        "contingency": list(contingency_cases()),
        "shares": list(share_cases()),
        "changed_parts": list(changed_part_cases()),
        "simulated_chi_square": list(simulated_chi_square_cases()),
        "score_test": list(score_cases()),
    }
    text = ",\n".join(
        f'  "{kind}": [\n' + ",\n".join("    " + json.dumps(c) for c in cases) + "\n  ]"
        for kind, cases in kinds.items()
    )
    pathlib.Path(__file__).with_name("statistics.json").write_text("{\n" + text + "\n}\n")


main()
