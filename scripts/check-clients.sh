#!/usr/bin/env bash
# Makes clients from the description of the API, and calls a real server with them: every GET, and
# predictions for rows as JSON, as CSV and by path. Every answer is parsed by the generated types, strictly.
#
#   scripts/check-clients.sh [PROGRAMS]      default: target/debug, built before
#
# The generators are openapi-python-client, datamodel-code-generator (both from pip, in a private virtual
# environment) and openapi-typescript (from npm). openapi-spec-validator checks the description itself. Needs
# Python 3.11 or later with venv, node 18 or later and npm; where the generators cannot be fetched, that is
# said and the exit code is 0.
set -euo pipefail
cd "$(dirname "$0")/.."

for needed in npm node python3 curl; do
    command -v "$needed" >/dev/null || { echo "skipped: $needed is not installed"; exit 0; }
done
scripts=$PWD/scripts
folder=$(mktemp -d)
server=
cleanup() {
    [ -z "$server" ] || { kill "$server" && wait "$server" || true; }
    rm -rf "$folder"
}
trap cleanup EXIT

if ! { python3 -m venv "$folder/venv" && "$folder/venv/bin/pip" --quiet install \
    openapi-python-client==0.29.1 datamodel-code-generator==0.89.0 openapi-spec-validator==0.9.0 &&
    npm install --silent --no-audit --no-fund --prefix "$folder" openapi-typescript@7.13.0 typescript@5.9.3 \
        >/dev/null; } >&2
then
    echo 'skipped: the generators cannot be installed'
    exit 0
fi

[ -n "${1:-}" ] || cargo build --quiet --bin app --bin fullprocess
programs=$(realpath "${1:-${CARGO_TARGET_DIR:-target}/debug}")

# A pipeline with releases, drift, tests and a call list.
cp -r config.json data "$folder"
cd "$folder"
python3 - <<'PYTHON'
import json
with open("config.json") as file:
    config = json.load(file)
config["api"] = {"bind": "127.0.0.1:0"}
config["diagnostics"] = {"check_updates": False}
with open("config.json", "w") as file:
    json.dump(config, file)
PYTHON
run() { "$programs/fullprocess" --config config.json --quiet >run.txt 2>&1 || { cat run.txt; exit 1; }; }
run
for file in data/sourcedata/clients_2026_q1.csv data/sourcedata/clients_2026_q2.csv data/newclients/*.csv; do
    cp "$file" data/practicedata
    run
done
"$programs/app" --config config.json 2>log &
server=$!
until url=$(sed -n 's/.*"url":"\([^"]*\)".*/\1/p' log) && [ -n "$url" ]; do
    kill -0 "$server"
    sleep 0.1
done
curl --silent --fail "$url/openapi.json" >openapi.json

venv/bin/openapi-spec-validator openapi.json

echo 'post_hooks: []' >client.yaml
venv/bin/openapi-python-client generate --path openapi.json --config client.yaml --meta none \
    --output-path client >client.log 2>&1
# The one warning allowed: this generator has no bodies of text, so /prediction takes only JSON.
if grep -E '^(WARNING|ERROR|Unable|Unsupported)' client.log |
    grep -vxE 'WARNING parsing POST /prediction within default\.|Unsupported content type text/csv'
then
    exit 1
fi
venv/bin/datamodel-codegen --input openapi.json --input-file-type openapi --output models.py \
    --output-model-type pydantic_v2.BaseModel --extra-fields forbid --formatters builtin
PYTHONPATH=. venv/bin/python "$scripts/check_clients.py" "$url"

node_modules/.bin/openapi-typescript openapi.json --output api.d.ts
cp "$scripts/check_clients.ts" .
node_modules/.bin/tsc --strict --target es2022 --module es2022 --moduleResolution bundler --lib es2022,dom \
    check_clients.ts
mv check_clients.js check_clients.mjs
node check_clients.mjs "$url"
