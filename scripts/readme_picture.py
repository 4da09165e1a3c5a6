#!/usr/bin/env python3
"""Draws the picture of README.md: what a run prints, beside the confusion matrix that it draws.

    scripts/readme_picture.py [PROGRAMS]

PROGRAMS (default: target/release) has the built programs. The sample data is copied to a temporary
folder, the world changes there, and docs/pictures/run-light.svg and run-dark.svg are written.
"""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import sys
import tempfile
from html import escape
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
PICTURES = TOP / "docs/pictures"
COLUMNS = 78
# Characters between the text and the matrix.
GAP = 3
LINE_HEIGHT = 19
CHARACTER_WIDTH = 7.8
MARGIN = 18
MATRIX_WIDTH = 400
# Lines of the run that the picture shows.
SHOWN = ("run", "done", "quality", "drift", "next", "why", "rows", "window", "gate", "API")
THEMES = {
    "light": {"paper": "#f6f8fa", "text": "#1f2328", "strong": "#0550ae", "border": "#d0d7de"},
    "dark": {"paper": "#161b22", "text": "#e6edf3", "strong": "#79c0ff", "border": "#30363d"},
}


def main() -> None:
    programs = Path(sys.argv[1]) if len(sys.argv) > 1 else TOP / "target/release"
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        text = run_story(work, programs.resolve())
        matrix = (work / "production_deployment/current/confusionmatrix.png").read_bytes()
    PICTURES.mkdir(exist_ok=True)
    for theme, colours in THEMES.items():
        (PICTURES / f"run-{theme}.svg").write_text(draw(text, matrix, colours))


def run_story(work: Path, programs: Path) -> list[str]:
    """Runs before and after the world changes, and returns what the second one prints."""
    written = ["ingesteddata", "models", "state"]
    shutil.copytree(TOP / "data", work / "data", ignore=shutil.ignore_patterns(*written))
    settings = json.loads((TOP / "config.json").read_text())
    settings["diagnostics"] = {"check_updates": False}
    config = work / "config.json"
    config.write_text(json.dumps(settings))
    command = [str(programs / "fullprocess"), "--config", str(config)]
    subprocess.run(command, check=True, capture_output=True)
    for file in (work / "data/sourcedata").glob("clients_*.csv"):
        shutil.copy(file, work / "data/practicedata")
    ran = subprocess.run(command, check=True, capture_output=True, text=True)
    lines = [line for line in ran.stdout.splitlines() if line.split()[:1][0] in SHOWN]
    return [line for line in lines if "for information" not in line]


def wrapped(line: str) -> list[str]:
    """The line in pieces of at most COLUMNS - GAP characters, later ones indented like its text."""
    pieces, indent = [], " " * 13
    while len(line) > COLUMNS - GAP:
        cut = line.rfind(" ", len(indent) + 1, COLUMNS - GAP + 1)
        if cut < 0:
            break
        pieces.append(line[:cut])
        line = indent + line[cut + 1 :]
    return [*pieces, line]


def draw(lines: list[str], matrix: bytes, colours: dict[str, str]) -> str:
    shown = [("$ fullprocess", True)]
    for number, line in enumerate(lines):
        pieces = wrapped(line)
        # The first line of a run says its outcome.
        shown += [(piece, number == 0 and at == 0) for at, piece in enumerate(pieces)]
    text_width = int(COLUMNS * CHARACTER_WIDTH) + 2 * MARGIN
    height = max(len(shown) * LINE_HEIGHT + 2 * MARGIN, MATRIX_WIDTH + 2 * MARGIN)
    width = text_width + MATRIX_WIDTH + MARGIN
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}">',
        f'<rect x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="10" '
        f'fill="{colours["paper"]}" stroke="{colours["border"]}"/>',
        '<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" '
        f'font-size="13" fill="{colours["text"]}" xml:space="preserve">',
    ]
    for number, (line, is_strong) in enumerate(shown):
        y = MARGIN + 13 + number * LINE_HEIGHT
        style = f' fill="{colours["strong"]}" font-weight="bold"' if is_strong else ""
        # A length for each line keeps other fonts within the picture.
        length = len(line) * CHARACTER_WIDTH
        out.append(
            f'<text x="{MARGIN}" y="{y}" textLength="{length:.0f}"{style}>{escape(line)}</text>'
        )
    image = base64.b64encode(matrix).decode()
    y = (height - MATRIX_WIDTH) // 2
    out += [
        "</g>",
        f'<image x="{text_width}" y="{y}" width="{MATRIX_WIDTH}" height="{MATRIX_WIDTH}" '
        f'href="data:image/png;base64,{image}"/>',
        "</svg>",
    ]
    return "\n".join(out) + "\n"


if __name__ == "__main__":
    main()
