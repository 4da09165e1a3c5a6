"""Makes ranking.json: what scikit-learn and scipy say of the ranking of rows.

Run by hand (python3 -m venv, pip install scikit-learn scipy); the result is frozen. Deciles are counted
over random orders of rows with equal log-odds, so they are right to three digits.
"""

import json
import pathlib
import random

import numpy as np
from scipy import optimize, stats
from sklearn import metrics
from sklearn.linear_model import LogisticRegression

DRAWS = 20_000


def deciles(x, y):
    rng = np.random.default_rng(5)
    ends = [len(x) * part // 10 for part in range(11)]
    found = np.zeros(10)
    for _ in range(DRAWS):
        order = np.lexsort((rng.random(len(x)), -x))
        gained = np.r_[0, np.cumsum(y[order])]
        found += np.diff(gained[ends])
    return (found / DRAWS).tolist()


def case(name, log_odds, classes):
    x, y = np.array(log_odds), np.array(classes)
    slope = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-13).fit(x[:, None], y)
    mean = lambda a: (1 / (1 + np.exp(-x - a))).mean() - y.mean()
    return {
        "name": name,
        "log_odds": log_odds,
        "classes": classes,
        "ks": stats.ks_2samp(x[y == 1], x[y == 0]).statistic,
        "gini": 2 * metrics.roc_auc_score(y, x) - 1,
        "average_precision": metrics.average_precision_score(y, x),
        "calibration_slope": slope.coef_[0, 0],
        "calibration_intercept": optimize.brentq(mean, -50, 50, xtol=1e-14),
        "positives_by_decile": deciles(x, y),
    }


def main():
    draw = random.Random(11)
    classes = [int(draw.random() < 0.3) for _ in range(97)]
    smooth = [round(draw.gauss(1.4 * y - 1.0, 1.1), 6) for y in classes]
    tied = [round(x) / 2 for x in smooth]
    too_sure = [3 * x + 1 for x in smooth]
    wrong_way = [-x for x in smooth]
    few_classes = [1, 0, 0, 1, 0, 0, 1]
    few = [2.0, 1.5, 1.5, 1.0, 0.5, 0.5, 0.0]
    cases = [
        case("smooth", smooth, classes),
        case("tied", tied, classes),
        case("too sure", too_sure, classes),
        case("the wrong way round", wrong_way, classes),
        case("fewer rows than deciles", few, few_classes),
    ]
    path = pathlib.Path(__file__).with_name("ranking.json")
    path.write_text("[\n" + ",\n".join("  " + json.dumps(c) for c in cases) + "\n]\n")


main()
