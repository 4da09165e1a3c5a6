"""Makes monitoring.json: what scikit-learn says of calibration, estimates and recalibration.

Run by hand (python3 -m venv, pip install scikit-learn); the result is frozen. Made with
scikit-learn 1.9.1 and numpy 2.4.6.
"""

import json
import pathlib

import numpy as np
from sklearn import metrics
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LogisticRegression

rng = np.random.default_rng(20240608)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def calibration_case(name, p, y):
    shares, means = calibration_curve(y, p, n_bins=10, strategy="quantile")
    edges = np.percentile(p, np.arange(10, 100, 10))
    counts = np.bincount(np.searchsorted(edges, p), minlength=10)
    counts = counts[counts > 0]
    return {
        "name": name,
        "probabilities": p.tolist(),
        "classes": y.tolist(),
        "mean_probabilities": means.tolist(),
        "shares": shares.tolist(),
        "expected_error": float((counts * np.abs(means - shares)).sum() / len(p)),
    }


def calibration_cases():
    p = np.round(rng.beta(2, 3, 103), 5)
    yield calibration_case("right", p, (rng.random(103) < p).astype(int))
    yield calibration_case("too sure", p, (rng.random(103) < 0.3 + 0.3 * p).astype(int))
    tied = np.round(p * 8) / 8
    yield calibration_case("ties", tied, (rng.random(103) < p).astype(int))
    few = p[:7]
    yield calibration_case("fewer rows than bins", few, np.array([0, 1, 0, 0, 1, 1, 0]))


def estimate_case(name, scores, p):
    # Each row stands there twice: as class 1 with weight p, as class 0 with weight 1 - p.
    n = len(p)
    y = np.r_[np.ones(n, int), np.zeros(n, int)]
    w = np.r_[p, 1 - p]
    predicted = np.tile(scores > 0, 2).astype(int)
    return {
        "name": name,
        "scores": scores.tolist(),
        "probabilities": p.tolist(),
        "f1": metrics.f1_score(y, predicted, sample_weight=w),
        "precision": metrics.precision_score(y, predicted, sample_weight=w),
        "recall": metrics.recall_score(y, predicted, sample_weight=w),
        "accuracy": metrics.accuracy_score(y, predicted, sample_weight=w),
        "roc_auc": metrics.roc_auc_score(y, np.tile(scores, 2), sample_weight=w),
    }


def estimate_cases():
    scores = np.round(rng.normal(-0.4, 1.3, 80), 4)
    yield estimate_case("as the model says", scores, sigmoid(scores))
    yield estimate_case("recalibrated", scores, sigmoid(-0.5 + 0.6 * scores))
    tied = np.round(scores * 2) / 2
    yield estimate_case("ties", tied, sigmoid(scores))
    yield estimate_case("not in the scores' order", scores, np.round(rng.random(80), 4))


def recalibration_case(name, intercept, slope):
    log_odds = np.round(rng.normal(-0.5, 1.5, 400), 4)
    y = (rng.random(400) < sigmoid(intercept + slope * log_odds)).astype(int)
    fitted = lambda rows: LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-13, max_iter=1000).fit(
        log_odds[rows, None], y[rows]
    )
    folds = np.arange(400) % 5
    z = np.zeros(400)
    for fold in range(5):
        z[folds == fold] = fitted(folds != fold).decision_function(log_odds[folds == fold, None])
    helps = metrics.log_loss(y, sigmoid(z)) < metrics.log_loss(y, sigmoid(log_odds))
    every = fitted(folds >= 0)
    return {
        "name": name,
        "log_odds": log_odds.tolist(),
        "classes": y.tolist(),
        "intercept": float(every.intercept_[0]) if helps else 0.0,
        "slope": float(every.coef_[0, 0]) if helps else 1.0,
        "helps": bool(helps),
    }


def main():
    kinds = {
        "calibration": list(calibration_cases()),
        "estimates": list(estimate_cases()),
        "recalibrations": [
            recalibration_case("right as it is", 0, 1),
            recalibration_case("too sure", 0, 0.4),
            recalibration_case("too high", -1, 1.2),
        ],
    }
    print([case["helps"] for case in kinds["recalibrations"]])
    text = ",\n".join(
        f'  "{kind}": [\n' + ",\n".join("    " + json.dumps(c) for c in cases) + "\n  ]"
        for kind, cases in kinds.items()
    )
    pathlib.Path(__file__).with_name("monitoring.json").write_text("{\n" + text + "\n}\n")


main()
