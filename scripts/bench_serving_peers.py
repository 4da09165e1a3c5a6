"""The servers that users run today, for `scripts/bench-serving.sh`.

    bench_serving_peers.py versions
    bench_serving_peers.py flask PORT ROWS.csv MODEL     fits the model, keeps it, serves
    bench_serving_peers.py fastapi PORT ROWS.csv MODEL

flask: the path of a file in the body, the model unpickled for each request, by the server that
comes with Flask. fastapi: CSV or JSON rows in the body, the model in memory, one uvicorn worker.
"""

import io
import json
import pickle
import sys
from importlib import metadata

FEATURES = ["lastmonth_activity", "lastyear_activity", "number_of_employees"]


def print_versions() -> None:
    found = {}
    for package in ["flask", "fastapi", "uvicorn", "scikit-learn", "pandas"]:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            pass
    print(json.dumps(found))


def fit(rows: str, place: str) -> None:
    import pandas
    from sklearn.linear_model import LogisticRegression

    table = pandas.read_csv(rows, usecols=[*FEATURES, "exited"])
    table = table.apply(pandas.to_numeric, errors="coerce").dropna()
    table = table[table["exited"].isin([0, 1])]
    model = LogisticRegression(max_iter=1000).fit(table[FEATURES], table["exited"])
    with open(place, "wb") as file:
        pickle.dump(model, file)


def serve_flask(port: int, model: str) -> None:
    import logging

    import pandas
    from flask import Flask, request

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    app = Flask(__name__)

    @app.get("/readyz")
    def ready():
        return "ready"

    @app.post("/prediction")
    def predict():
        table = pandas.read_csv(request.get_json(force=True))
        with open(model, "rb") as file:
            loaded = pickle.load(file)
        return str(loaded.predict(table[FEATURES]).tolist())

    app.run(host="127.0.0.1", port=port)


def serve_fastapi(port: int, model: str) -> None:
    import pandas
    import uvicorn
    from fastapi import FastAPI, Request

    with open(model, "rb") as file:
        loaded = pickle.load(file)
    app = FastAPI()

    @app.get("/readyz")
    async def ready():
        return "ready"

    @app.post("/prediction")
    async def predict(request: Request):
        body = await request.body()
        if request.headers["content-type"] == "text/csv":
            table = pandas.read_csv(io.BytesIO(body))
        else:
            table = pandas.DataFrame(json.loads(body))
        probabilities = loaded.predict_proba(table[FEATURES])[:, 1]
        return {
            "predictions": (probabilities > 0.5).astype(int).tolist(),
            "probabilities": probabilities.tolist(),
            "ids": table["corporation"].tolist(),
        }

    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False)


if __name__ == "__main__":
    if sys.argv[1] == "versions":
        print_versions()
    else:
        _, who, port, rows, model = sys.argv
        fit(rows, model)
        {"flask": serve_flask, "fastapi": serve_fastapi}[who](int(port), model)
