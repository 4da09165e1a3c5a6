"""Calls a server with the Python clients that check-clients.sh has made of its description."""

import importlib
import json
import pkgutil
import sys
import urllib.request

import attrs
import models
from client import Client
from client.api.default import prediction
from client.models import Predictions, Row, RowsFile

ROWS = [
    {"corporation": "Calm Co", "lastmonth_activity": 900, "lastyear_activity": 9000, "number_of_employees": 40},
    {"corporation": "Quiet Co", "lastmonth_activity": 3, "lastyear_activity": None, "number_of_employees": 12},
]
CSV = "corporation,lastmonth_activity,lastyear_activity,number_of_employees\nCalm Co,900,9000,40\n"
NUMBER = "2"


def undescribed(value, place):
    """Places of members that the description does not have."""
    if isinstance(value, list):
        return [it for element in value for it in undescribed(element, place + "[]")]
    if not attrs.has(type(value)):
        return []
    members = {field.name: getattr(value, field.name) for field in attrs.fields(type(value))}
    others = members.pop("additional_properties", {})
    # A class with no members of its own is a map of names to values.
    found = [f"{place}.{name}" for name in others] if members else []
    for name, member in [*members.items(), *others.items()]:
        found += undescribed(member, f"{place}.{name}")
    return found


def modules():
    """Each operation of the client, with its name."""
    package = importlib.import_module("client.api.default")
    for found in pkgutil.iter_modules(package.__path__):
        yield found.name, importlib.import_module(f"client.api.default.{found.name}")


def check_client(url, operations):
    client = Client(base_url=url)
    found = dict(modules())
    assert set(found) == set(operations), set(found) ^ set(operations)
    for name, (path, is_json) in operations.items():
        if name == "prediction":
            continue
        arguments = {part: int(NUMBER) for part in ("id", "run") if "{%s}" % part in path}
        answer = found[name].sync_detailed(client=client, **arguments)
        assert answer.status_code == 200, (path, answer.status_code, answer.content)
        if is_json:
            assert answer.parsed is not None, path
            assert not undescribed(answer.parsed, path), undescribed(answer.parsed, path)
    bodies = {
        "JSON": [Row.from_dict(row) for row in ROWS],
        "a path": RowsFile(path="data/practicedata/clients_2026_q3.csv"),
    }
    answers = {}
    for form, body in bodies.items():
        answers[form] = prediction.sync(client=client, body=body, explain=True)
    # The generator has no function for a body of text.
    answer = client.get_httpx_client().post("/prediction", content=CSV, headers={"Content-Type": "text/csv"})
    answers["CSV"] = Predictions.from_dict(answer.json())
    for form, answer in answers.items():
        assert isinstance(answer, Predictions), (form, answer)
        assert answer.rows == len(answer.predictions) > 0, form
        assert not undescribed(answer, form), undescribed(answer, form)
    print(f"openapi-python-client: {len(operations)} operations, predictions from {', '.join(answers)}")


def ask(url, path, body=None):
    request = urllib.request.Request(url + path, data=body)
    if body:
        request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request) as answer:
        return answer.read()


def check_models(url, document):
    checked = 0
    for path, methods in document["paths"].items():
        for verb, operation in methods.items():
            form = operation["responses"]["200"]["content"].get("application/json")
            if form is None:
                continue
            name = form["schema"]["$ref"].rsplit("/", 1)[1]
            address = path.replace("{id}", NUMBER).replace("{run}", NUMBER)
            if verb == "post":
                body = json.dumps(ROWS).encode()
                models.Rows.model_validate_json(body, strict=True)
                text = ask(url, address + "?explain=true", body)
            else:
                text = ask(url, address)
            if name != "Document":
                getattr(models, name).model_validate_json(text, strict=True)
                checked += 1
    print(f"datamodel-code-generator: {checked} answers are valid")


def main(url):
    document = json.loads(ask(url, "/openapi.json"))
    operations = {}
    for path, methods in document["paths"].items():
        for operation in methods.values():
            is_json = "application/json" in operation["responses"]["200"]["content"]
            operations[operation["operationId"]] = (path, is_json)
    check_client(url, operations)
    check_models(url, document)


main(sys.argv[1])
