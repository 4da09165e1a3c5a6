#!/usr/bin/env bash
# Makes the reports of the sample story, of a set of which 5 % leave, with curves and a pair, and of one with
# 80 columns; validates their HTML; draws them at three widths, light and dark, and on paper. Needs npm, and
# Debian's chromium.
#
#   scripts/check-report.sh [FOLDER]      default: a new temporary folder
#
# Look at the pictures: overlap, clipped text, unreadable colours.
set -euo pipefail
cd "$(dirname "$0")/.."

for needed in npx chromium python3; do
    command -v "$needed" >/dev/null || { echo "skipped: $needed is not installed"; exit 0; }
done
folder=$(realpath "${1:-$(mktemp -d)}")
mkdir -p "$folder"
cargo build --release --bin fullprocess
fullprocess=$(realpath target/release/fullprocess)

# A run; its output is shown only if it fails.
run() { "$fullprocess" "$@" >run.txt 2>&1 || { cat run.txt; exit 1; }; }

# A story: a first model, drift, a new model, a steady run, clients without a label.
story() {
    rm -rf "$folder/story"
    mkdir "$folder/story"
    cp -r config.json data production_deployment "$folder/story"
    cd "$folder/story"
    rm -rf data/ingesteddata data/models data/state
    run
    for file in data/sourcedata/clients_2026_q1.csv data/sourcedata/clients_2026_q2.csv data/newclients/*.csv; do
        cp "$file" data/practicedata
        run
    done
}

# Tries a CSV text with one batch of later rows. $1 is the name of the set, $2 the number of columns, $3
# the intercept that decides how many leave.
generated() {
    rm -rf "$folder/$1"
    mkdir -p "$folder/$1"
    cd "$folder/$1"
    python3 - "$2" "$3" <<'PYTHON'
import math, random, sys
random.seed(1)
names = [f"measurement_{place}" for place in range(int(sys.argv[1]))]
def rows(count, first, moved=0.0):
    lines, leavers = ["id," + ",".join(names) + ",left"], 0
    for row in range(first, first + count):
        cells = [random.gauss(moved, 1) for _ in names]
        risk = float(sys.argv[2]) + cells[0] + cells[1] * cells[2] - abs(cells[3])
        left = int(random.random() < 1 / (1 + math.exp(-risk)))
        leavers += left
        lines.append(f"{row}," + ",".join(f"{cell:.3f}" for cell in cells) + f",{left}")
    print(f"{len(names)} columns: {leavers} of {count} leave")
    return "\n".join(lines) + "\n"
open("all.csv", "w").write(rows(6000, 0))
open("later.csv", "w").write(rows(1500, 10_000, 0.2))
PYTHON
    run --try all.csv --keep kept
    cp later.csv kept/input
    run --config kept/config.json
}

reports() {
    ls "$folder"/story/data/state/runs/*/report.html "$folder"/*/kept/state/runs/*/report.html \
        "$folder"/story/production_deployment/releases/*/report.html
}

picture() { # page, width, height, colours, file
    local dark=()
    [ "$4" = dark ] && dark=(--blink-settings=preferredColorScheme=0)
    chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir="$folder/.browser" \
        "${dark[@]}" --window-size="$2,$3" --screenshot="$5" "file://$1" 2>/dev/null
}

(story)
(generated rare 6 -2.9)
(generated columns 80 -1)
mkdir -p "$folder/pictures"
while read -r report; do
    size=$(stat -c %s "$report")
    [ "$size" -le 500000 ] || { echo "$report has $size bytes"; exit 1; }
done < <(reports)
reports | xargs npx --yes html-validate@9 --preset standard
echo 'the HTML is valid'
while read -r report; do
    name=$(echo "${report#"$folder"/}" | tr / -)
    for width in 360 800 1440; do
        for colours in light dark; do
            picture "$report" "$width" 7000 "$colours" "$folder/pictures/${name%.html}-$width-$colours.png"
        done
    done
    chromium --headless --no-sandbox --disable-gpu --user-data-dir="$folder/.browser" --no-pdf-header-footer \
        --print-to-pdf="$folder/pictures/${name%.html}.pdf" "file://$report" 2>/dev/null
done < <(reports)
rm -rf "$folder/.browser"
echo "look at the pictures in $folder/pictures"
