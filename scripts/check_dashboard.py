"""Looks at the pages of a running dashboard with a real browser. Called by check-dashboard.sh.

    check_dashboard.py URL FOLDER NAME [--hostile FEATURE]... [--expect PATH=TEXT]... [--broken] [--values]

For each page, at each width, light and dark: no error in the console, no request to another server, no
violation of the Content-Security-Policy, nothing found by axe-core, no texts that overlap, no page that is
wider than the window, and everything can be reached with the keyboard. Pictures go to FOLDER/NAME-….png.
axe.min.js is read from $AXE.
"""

import argparse
import base64
import json
import os
import re
import shutil
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import quote, urlsplit

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

WIDTHS = [320, 360, 768, 1280, 1440, 2560]
# Widths of which pictures are taken.
PICTURES = [320, 768, 1280, 2560]

# The visible boxes of all texts, cut at the boxes that scroll, and pairs of them that overlap.
OVERLAPS = """
const boxes = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const node = walker.currentNode;
  const parent = node.parentElement;
  if (!node.textContent.trim() || parent.closest('.unseen, .skip, title, option, style')) continue;
  if (!parent.checkVisibility({visibilityProperty: true, contentVisibilityAuto: true})) continue;
  const range = document.createRange();
  range.selectNodeContents(node);
  for (let box of range.getClientRects()) {
    let [left, top, right, bottom] = [box.left, box.top, box.right, box.bottom];
    for (let outer = parent; outer; outer = outer.parentElement) {
      if (outer instanceof SVGElement) continue;
      if (getComputedStyle(outer).overflowX !== 'visible') {
        const cut = outer.getBoundingClientRect();
        left = Math.max(left, cut.left); right = Math.min(right, cut.right);
      }
    }
    // Lines have room above and below the letters.
    const room = (bottom - top) * 0.2;
    if (right - left > 1) boxes.push([left + .5, top + room, right - .5, bottom - room, node.textContent.trim().slice(0, 40)]);
  }
}
const found = [];
boxes.sort((a, b) => a[1] - b[1]);
for (let i = 0; i < boxes.length; i++) {
  for (let j = i + 1; j < boxes.length && boxes[j][1] < boxes[i][3]; j++) {
    const [a, b] = [boxes[i], boxes[j]];
    if (a[0] < b[2] && b[0] < a[2]) found.push([a[4], b[4]]);
  }
}
const page = document.documentElement;
return {found: found.slice(0, 5), wide: page.scrollWidth - page.clientWidth, texts: boxes.length};
"""
AXE = """
const done = arguments[arguments.length - 1];
axe.run(document, {resultTypes: ['violations']}).then(result => done(result.violations.map(
  it => [it.id, it.help, it.nodes.slice(0, 3).map(node => node.html.slice(0, 160))])));
"""

# Everything that the keyboard reaches, in the order of the page.
FOCUSABLE = """
window.reached = [...document.querySelectorAll(
  'a[href], button, input, select, summary, [tabindex="0"]')].filter(it => it.checkVisibility());
"""
# The place of what has the focus, whether it has a frame, and whether it is in the window.
FOCUSED = """
const now = document.activeElement;
const box = now.getBoundingClientRect();
return [window.reached.indexOf(now), getComputedStyle(now).outlineStyle !== 'none',
  box.width > 0 && box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth];
"""
MAX_KEYS = 80

faults = []


def fault(*words):
    print("FAULT:", *words)
    faults.append(words)


def browser():
    options = Options()
    for argument in ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))


def ask(url, path):
    """The text of a page, also of one with an error. The address may have a password."""
    parts = urlsplit(url)
    host = parts.netloc.rsplit("@", 1)
    request = urllib.request.Request(f"{parts.scheme}://{host[-1]}{path}")
    if len(host) == 2:
        request.add_header("Authorization", "Basic " + base64.b64encode(host[0].encode()).decode())
    try:
        answer = urllib.request.urlopen(request)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        return answer.read().decode()


def show(driver, width, colours):
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False},
    )
    driver.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"features": [{"name": "prefers-color-scheme", "value": colours}]},
    )


def check_log(driver, url, path, is_broken):
    for entry in driver.get_log("browser"):
        # A page that answers with an error is named so in the console.
        if not (is_broken and "Failed to load resource" in entry["message"]):
            fault(path, "console:", entry["message"])
    host = urlsplit(url).netloc.rsplit("@", 1)[-1]
    for entry in driver.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            asked = message["params"]["request"]["url"]
            if urlsplit(asked).scheme != "data" and urlsplit(asked).netloc.rsplit("@", 1)[-1] != host:
                fault(path, "asks another server:", asked)


def name_of(path):
    return re.sub(r"[^a-z0-9]+", "-", path.lower()).strip("-")[:50] or "overview"


def check_page(driver, url, path, folder, name, is_broken):
    driver.get(url + path)
    check_log(driver, url, path, is_broken)
    for colours in ["light", "dark"]:
        for width in WIDTHS:
            show(driver, width, colours)
            seen = driver.execute_script(OVERLAPS)
            if seen["texts"] < 10:
                fault(path, "has only", seen["texts"], "texts")
            for pair in seen["found"]:
                fault(path, width, "px: overlap:", *pair)
            if seen["wide"] > 0:
                fault(path, width, "px: the page is", seen["wide"], "px too wide")
            if width in PICTURES:
                height = driver.execute_script("return document.documentElement.scrollHeight")
                picture = driver.execute_cdp_cmd(
                    "Page.captureScreenshot",
                    {
                        "captureBeyondViewport": True,
                        "clip": {"x": 0, "y": 0, "width": width, "height": min(height, 6000), "scale": 1},
                    },
                )
                file = folder / f"{name}-{name_of(path)}-{width}-{colours}.png"
                file.write_bytes(base64.b64decode(picture["data"]))
        driver.execute_script(AXE_SOURCE)
        for width in [320, 1440]:
            show(driver, width, colours)
            for found in driver.execute_async_script(AXE):
                fault(path, width, "px,", colours, "axe-core:", *found)
    check_keyboard(driver, path)


def check_keyboard(driver, path):
    """The first key leads to the skip link, which can be seen and leads to the content. Further keys lead to each
    link and field, in the order of the page, and a frame shows which one has the focus."""
    driver.execute_script("document.activeElement.blur()")
    body = driver.find_element(By.TAG_NAME, "body")
    driver.execute_script(FOCUSABLE)
    wanted = min(driver.execute_script("return reached.length"), MAX_KEYS)
    places = []
    for _ in range(wanted):
        driver.switch_to.active_element.send_keys(Keys.TAB)
        place, has_frame, is_seen = driver.execute_script(FOCUSED)
        places.append(place)
        if not has_frame or not is_seen:
            fault(path, "the keyboard leads to something that cannot be seen, number", place)
    if places != list(range(wanted)):
        fault(path, "the keyboard does not follow the order of the page:", places)
    driver.execute_script("document.activeElement.blur()")
    driver.execute_script("window.getSelection().removeAllRanges(); window.scrollTo(0, 0)")
    driver.get(driver.current_url.split("#")[0])
    body = driver.find_element(By.TAG_NAME, "body")
    body.send_keys(Keys.TAB)
    first = driver.switch_to.active_element
    if first.get_attribute("class") != "skip" or first.rect["x"] < 0:
        fault(path, "the first key does not lead to a visible skip link")
        return
    first.send_keys(Keys.ENTER)
    if not driver.current_url.endswith("#content"):
        fault(path, "the skip link leads nowhere")


def pages(url):
    """Two pages of each kind, as the pages themselves link to them."""
    kinds, ahead, found = {}, ["/"], []
    while ahead:
        path = ahead.pop(0)
        of_kind = kinds.setdefault(re.sub(r"\d+|feature=[^&]*", "*", path), [])
        if path in of_kind or len(of_kind) == 2:
            continue
        of_kind.append(path)
        found.append(path)
        links = re.findall(r' href="(/[^"#]*)"', ask(url, path))
        links = [link.replace("&amp;", "&") for link in links]
        ahead += [it for it in links if it == "/" or it.startswith("/dashboard/") and ".csv" not in it]
    return found


def check_values(url):
    """The pages have the values of the API, which the tests of the API check."""
    runs = json.loads(ask(url, "/v1/runs?limit=20"))["runs"]
    listed = ask(url, "/dashboard/runs")
    for run in runs:
        row = listed.split(f'href="/dashboard/runs/{run["run_id"]}"', 1)[1].split("</tr>", 1)[0]
        wanted = [run["outcome"].replace("_", " "), f"{run['rows']['new']:,}"]
        for score in (run["new_score"], run["deployed_score"]):
            wanted.append("–" if score is None else f"{score:.2f}")
        for value in wanted:
            if f">{value}<" not in row:
                fault("/dashboard/runs: run", run["run_id"], "lacks", value)
    for release in json.loads(ask(url, "/v1/releases"))["releases"]:
        page = ask(url, f"/dashboard/releases/{release['release']}")
        wanted = [f"{release['score']:.2f}", "Live" if release["is_live"] else "Not live"]
        wanted.append(f"run {release['run']}" if release["run"] else "by hand")
        for value in wanted:
            if value not in page:
                fault("release", release["release"], "lacks", value)
    clients = json.loads(ask(url, "/v1/risks?limit=50"))["clients"]
    page = ask(url, "/dashboard/calls")
    for client in clients:
        share = client["probability"] * 100
        if f">{client['id']}<" not in page.replace("&amp;", "&"):
            fault("/dashboard/calls lacks", client["id"])
        if not re.search(rf">{share:.0f} %<|>{share:.1f} %<", page):
            fault("/dashboard/calls lacks", share)
    print("compared:", len(runs), "runs,", len(clients), "clients")


parser = argparse.ArgumentParser()
parser.add_argument("url")
parser.add_argument("folder", type=Path)
parser.add_argument("name")
parser.add_argument("--hostile", action="append", default=[])
parser.add_argument("--expect", action="append", default=[])
parser.add_argument("--broken", action="store_true")
parser.add_argument("--values", action="store_true")
given = parser.parse_args()
AXE_SOURCE = Path(os.environ["AXE"]).read_text()

driver = browser()
try:
    all_pages = pages(given.url)
    for path in all_pages:
        check_page(driver, given.url, path, given.folder, given.name, given.broken)
    print(given.name, "pages:", len(all_pages))
    for expected in given.expect:
        path, text = expected.split("=", 1)
        driver.get(given.url + path)
        if text not in driver.find_element(By.TAG_NAME, "main").text:
            fault(path, "does not say:", text)
    for text in given.hostile:
        driver.get(given.url + "/dashboard/drift?feature=" + quote(text, safe=""))
        if text not in driver.find_element(By.TAG_NAME, "h1").text:
            fault("the page of a feature does not show", text)
    if given.values:
        check_values(given.url)
finally:
    driver.quit()
raise SystemExit(1 if faults else 0)
