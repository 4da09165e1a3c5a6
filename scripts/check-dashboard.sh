#!/usr/bin/env bash
# Opens the pages of the dashboard in a real browser: the sample story, hostile names, keys, and pipelines that
# are empty, stale, damaged, without a history, without a live release, and with a damaged call list; then asks
# for each page of a history of 10,000 runs. Needs npm, python3 with venv, and Debian's chromium and
# chromium-driver. axe-core and selenium come from npm and pip.
#
#   scripts/check-dashboard.sh [FOLDER] [PROGRAMS]      default: a new temporary folder, target/release
#
# Fails at an error of the console, a request to another server, a violation of the policy, a finding of
# axe-core, texts that overlap from 320 to 2,560 px, a link or field that the keyboard does not reach, values that
# differ from those of the API, and a page of more than 50 ms. Look at the pictures, too, light and dark.
set -euo pipefail
cd "$(dirname "$0")/.."

for needed in npm chromium chromedriver python3; do
    command -v "$needed" >/dev/null || { echo "skipped: $needed is not installed"; exit 0; }
done
top=$PWD
folder=$(realpath "${1:-$(mktemp -d)}")
mkdir -p "$folder/pictures"
if [ -z "${2:-}" ]; then
    cargo build --release --bin fullprocess --bin app
fi
programs=$(realpath "${2:-target/release}")
[ -d "$folder/venv" ] || python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet selenium
[ -d "$folder/node_modules" ] || npm install --silent --prefix "$folder" axe-core >/dev/null
export AXE="$folder/node_modules/axe-core/axe.min.js"

server=
stop() {
    [ -z "$server" ] || { kill "$server" && wait "$server" || true; }
    server=
}
trap stop EXIT

# Starts the server of the pipeline in this folder, on a free port. Sets url.
serve() {
    stop
    rm -f app.log
    "$programs/app" --config config.json >/dev/null 2>app.log &
    server=$!
    for _ in $(seq 100); do
        url=$(grep -o 'http://127.0.0.1:[0-9]*' app.log | head -1) && [ -n "$url" ] && return
        sleep 0.1
    done
    cat app.log
    exit 1
}

# A run; its output is shown only if it fails.
run() { "$programs/fullprocess" --quiet >run.txt 2>&1 || { cat run.txt; exit 1; }; }

# Changes config.json: $1 is Python that changes `config`.
configure() {
    python3 - "$1" <<'PYTHON'
import json, sys
config = json.load(open("config.json"))
config["diagnostics"] = {"check_updates": False}
config.setdefault("api", {})["bind"] = "127.0.0.1:0"
exec(sys.argv[1])
json.dump(config, open("config.json", "w"))
PYTHON
}

look() { "$folder/venv/bin/python" "$top/scripts/check_dashboard.py" "$url" "$folder/pictures" "$@"; }

# A new folder with the configuration and the sample data.
pipeline() {
    rm -rf "${folder:?}/$1"
    mkdir "$folder/$1"
    cd "$folder/$1"
    cp -r "$top/config.json" "$top/data" .
    rm -rf data/ingesteddata data/models data/state
    configure 'config["alerts"] = {"command": ["/bin/sh", "-c", "cat >/dev/null"]}'
}

pipeline empty
serve
look empty --expect '/=Nothing has been deployed yet' --expect '/dashboard/runs=fullprocess --try FILE'

pipeline story
run
for file in data/sourcedata/clients_2026_q1.csv data/sourcedata/clients_2026_q2.csv data/newclients/*.csv; do
    cp "$file" data/practicedata
    run
done
serve
look story --values --expect '/=Release 000002 is live' --expect '/dashboard/releases/2=deployment --rollback 000001'
stop

cp -r "$folder/story" "$folder/copy"
for state in stale release history lost unlinked list; do
    rm -rf "${folder:?}/$state"
    cp -r "$folder/copy" "$folder/$state"
done
rm -rf "$folder/copy"

cd "$folder/stale"
python3 - <<'PYTHON'
import sqlite3
history = sqlite3.connect("data/state/history.db")
history.execute("UPDATE runs SET finished_at = '2026-01-02T03:04:05Z',"
    " record = json_set(record, '$.finished_at', '2026-01-02T03:04:05Z')")
history.commit()
PYTHON
serve
look stale --expect '/=This state is old' --expect '/=crontab -l'

cd "$folder/release"
truncate -s 1000 production_deployment/releases/000002/trainedmodel.msgpack
serve
look release --expect '/=The live release cannot be used' --expect '/dashboard/releases/2=This release is damaged'

cd "$folder/history"
printf 'no history' >data/state/history.db
serve
look history --broken --expect '/=The history of the runs cannot be read' --expect '/dashboard/runs=fullprocess --doctor'

cd "$folder/lost"
rm data/state/history.db*
serve
look lost --broken --expect '/=history.db is missing or has no run'

cd "$folder/unlinked"
rm production_deployment/current
serve
look unlinked --expect '/=deployment --rollback 000002' --expect '/dashboard/calls=The live release is missing'

cd "$folder/list"
sed -i '2s/.*/garbage/' data/models/riskranking.csv
serve
look list --broken --expect '/=riskranking.csv, line 2' --expect '/dashboard/calls=scoring --rank'

# Names that are markup, in ids, columns, levels and files.
pipeline hostile
rm -rf data/practicedata data/testdata
mkdir data/practicedata data/testdata
python3 - <<'PYTHON'
import csv, json, random
random.seed(1)
names = ["<script>alert(1)</script>", "\"><img src=x onerror=alert(2)>", "</title></style><b>'&amp;", "long name " * 40]
config = json.load(open("config.json"))
config["schema"] = {"id": "id", "target": "left", "features": [names[0], names[3], {"name": names[1], "kind": "category"}]}
json.dump(config, open("config.json", "w"))
def write(path, rows, first, moved, has_label=True):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", names[0], names[3], names[1]] + ["left"] * has_label)
        for row in range(first, first + rows):
            number = random.gauss(moved, 1)
            cells = [f"{names[row % 4]} {row}", f"{number:.3f}", f"{random.random():.3f}", random.choice(names)]
            writer.writerow(cells + [int(random.random() < 1 / (1 + 2.7 ** -number))] * has_label)
write("data/practicedata/<svg onload=alert(3)>.csv", 900, 0, 0)
write("data/testdata/test.csv", 300, 10000, 0)
write("moved.csv", 400, 20000, 1.5)
write("waiting.csv", 80, 30000, 0, has_label=False)
PYTHON
run
for file in moved.csv waiting.csv; do
    mv "$file" "data/practicedata/$file"
    run
done
serve
look hostile --hostile '<script>alert(1)</script>' --hostile '"><img src=x onerror=alert(2)>'

# With keys: the password of the address opens each page.
cd "$folder/story"
"$programs/app" --config config.json --new-key people --scope read --json >key.json
python3 -c 'import json; print(json.load(open("key.json"))["line"])' >keys
chmod 600 keys
configure 'config["api"]["keys_file"] = "keys"'
serve
status=$(curl -s -o /dev/null -w '%{http_code} %header{www-authenticate}' "$url/")
[[ "$status" == '401 Basic'* ]] || { echo "without a key: $status"; exit 1; }
key=$(python3 -c 'import json; print(json.load(open("key.json"))["key"])')
plain=$url
url="http://people:$key@${plain#http://}"
look keys --expect '/=Release 000002 is live'
configure 'del config["api"]["keys_file"]'

# A made-up history of 10,000 runs, each with the record of a real one.
cp -r "$folder/story" "$folder/many.new"
rm -rf "${folder:?}/many"
mv "$folder/many.new" "$folder/many"
cd "$folder/many"
python3 - <<'PYTHON'
import datetime, json, random, sqlite3
random.seed(1)
history = sqlite3.connect("data/state/history.db")
records = [json.loads(row[0]) for row in history.execute("SELECT record FROM runs WHERE id IN (2, 3)")]
start = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=40000)
for run in range(5, 10001):
    record = records[run % 50 != 0]
    at = (start + datetime.timedelta(minutes=4 * run)).strftime("%Y-%m-%dT%H:%M:%SZ")
    record |= {"run_id": run, "started_at": at, "finished_at": at}
    if record["evidence"]["on_new_rows"]:
        record["evidence"]["on_new_rows"]["f1"] = 0.7 + random.gauss(0, 0.02)
    history.execute("INSERT INTO runs (id, started_at, finished_at, outcome, record) VALUES (?, ?, ?, ?, ?)",
        (run, at, at, record["outcome"], json.dumps(record)))
history.commit()
size = history.execute("SELECT SUM(length(record)) / COUNT(*) FROM runs").fetchone()[0]
print(f"10,000 runs of {size:,.0f} bytes")
PYTHON
serve
slow=0
for path in / /dashboard/score '/dashboard/score?before=5000' /dashboard/drift '/dashboard/drift?feature=lastyear_activity' \
    /dashboard/calls /dashboard/calls.csv /dashboard/runs '/dashboard/runs?before=5000' '/dashboard/runs?before=20' \
    /dashboard/runs/9999 /dashboard/runs/30 /dashboard/releases /dashboard/releases/2 /dashboard/alerts \
    /dashboard/reports '/dashboard/reports?before=3'; do
    times=$(for _ in 1 2 3 4 5 6 7; do curl -s -o /dev/null -w '%{time_total}\n' "$url$path"; done | sort -n)
    median=$(sed -n 4p <<<"$times")
    printf '%6.1f ms (median of 7)  %s\n' "$(python3 -c "print($median * 1000)")" "$path"
    python3 -c "import sys; sys.exit($median > 0.05)" || slow=1
done
[ "$slow" = 0 ] || { echo 'a page took more than 50 ms'; exit 1; }
look many
stop
echo "look at the pictures in $folder/pictures"
