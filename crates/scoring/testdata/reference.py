"""Makes metrics.json: log-odds, classes and what scikit-learn says of them. Run by hand; frozen."""

import json
import pathlib
import random

import numpy
from sklearn import metrics


def case(name, log_odds, classes):
    p = 1 / (1 + numpy.exp(-numpy.array(log_odds)))
    predicted = [int(x > 0) for x in log_odds]
    return {
        "name": name,
        "log_odds": log_odds,
        "classes": classes,
        "f1": metrics.f1_score(classes, predicted),
        "precision": metrics.precision_score(classes, predicted),
        "recall": metrics.recall_score(classes, predicted),
        "specificity": metrics.recall_score(classes, predicted, pos_label=0),
        "accuracy": metrics.accuracy_score(classes, predicted),
        "roc_auc": metrics.roc_auc_score(classes, log_odds),
        "log_loss": metrics.log_loss(classes, p),
        "brier": metrics.brier_score_loss(classes, p),
        "always_one_f1": metrics.f1_score(classes, [1] * len(classes)),
    }


def main():
    draw = random.Random(7)
    classes = [int(draw.random() < 0.3) for _ in range(60)]
    smooth = [round(draw.gauss(1.2 * y - 0.6, 1.1), 6) for y in classes]
    tied = [round(x * 2) / 2 for x in smooth]
    mostly = [1] * 9 + [0] * 3
    few = [round(draw.gauss(0.5, 1), 3) for _ in mostly]
    cases = [case("smooth", smooth, classes), case("tied", tied, classes), case("mostly_one", few, mostly)]
    path = pathlib.Path(__file__).with_name("metrics.json")
    path.write_text("[\n" + ",\n".join("  " + json.dumps(c) for c in cases) + "\n]\n")


main()
