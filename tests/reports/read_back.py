"""Reads JUnit, CSV, JSON and firewall requests of recorded runs back. Usage: read_back.py FWPROBE FOLDER"""

import csv
import json
import subprocess
import sys
from pathlib import Path

import tree_sitter
import tree_sitter_bicep
from jsonschema import Draft202012Validator
from junitparser import Error, Failure, JUnitXml, Skipped

import made_runs
import open_back
import request_back
import shells_back

ROOT = Path(__file__).resolve().parents[2]
SCENARIOS = ROOT / "probe-client/core/tests/scenarios"
RECORDS = ROOT / "tests/lab/records"


FAMILIES = {"IPv4": "firewall-request-aerleon-ipv4", "IPv6": "firewall-request-aerleon-ipv6"}
FORMATS = ("junit", "csv", "json", "firewall-request-json", "firewall-request-algosec", *FAMILIES.values())
# Texts that a server, a proxy or a certificate may send, and what they might break.
HOSTILE = '"]]>\n- name: x\r\n  action: accept # {{ run.id }} \u2028\u0085\u202e <!-- =1+1 \x1b[2J'
OUTSIDE = ("purpose", "claim", "next_step", "user", "destination", "system", "version", "text")


def main() -> None:
    fwprobe, folder = sys.argv[1], Path(sys.argv[2])
    runs = sorted(SCENARIOS.glob("*.json")) + sorted(RECORDS.glob("*.json"))[::8] + made_runs.made(folder)
    schema = subprocess.run([fwprobe, "report", "--schema"], check=True, capture_output=True).stdout
    schema = Draft202012Validator(json.loads(schema))
    rules = Rules()
    for run in runs:
        read_back(fwprobe, folder, run, schema, rules)
    print(f"  {len(runs)} runs; {rules.lines} lines for AlgoSec, {rules.terms} terms for Aerleon")
    for run in runs[:8]:
        document = json.loads(run.read_text())
        assert poisoned(document) > 2, run.name
        hostile = folder / f"hostile-{run.name}"
        hostile.write_text(json.dumps(document))
        read_back(fwprobe, folder, hostile, schema, rules)
    print("  and 8 with hostile texts")
    assert rules.lines > 10 and rules.terms > 10, "too few to show anything"
    nftables(rules.snippets["nftables"])
    hooks = {"this host": "output", "the server's host": "input"}
    opened = open_back.checked({hook: rules.nftables[device] for device, hook in hooks.items()})
    print(f"  nft: {opened} rules open their port beside one that rejects")
    bicep(rules.snippets["Azure network security group (Bicep)"])
    shells_back.posix("az", rules.snippets["Azure network security group (az)"])
    shells_back.posix("ufw", rules.snippets["ufw"])
    shells_back.powershell(rules.snippets["Windows firewall (PowerShell, Server 2012 and later)"])
    shells_back.cmd(rules.snippets["Windows firewall (netsh, every version)"])


class Rules:
    """The rules that were asked for."""

    def __init__(self) -> None:
        self.lines = self.terms = 0
        self.snippets: dict[str, list[str]] = {}
        # By the device that they are for.
        self.nftables: dict[str, set[str]] = {}


def read_back(fwprobe: str, folder: Path, run: Path, schema: Draft202012Validator, rules: Rules) -> None:
    """Writes one run in each format and reads it."""
    reports = {name: folder / f"report.{name}" for name in FORMATS}
    command = [fwprobe, "report", str(run)]
    for name, report in reports.items():
        command += ["--output", f"{name}={report}"]
    subprocess.run(command, check=True, capture_output=True)
    document = json.loads(reports["json"].read_text())
    schema.validate(document)
    junit(run.name, reports["junit"], document)
    table(run.name, reports["csv"], document)
    asked = request(run.name, reports["firewall-request-json"], document)
    for row in asked:
        for snippet in row["snippets"]:
            text = "\n".join(snippet["lines"])
            rules.snippets.setdefault(snippet["system"], []).append(text)
            if snippet["system"] == "nftables":
                # Rules that differ in their comment alone do the same.
                # The host that made the run goes by its name.
                host = snippet["device"] if snippet["device"] == "the server's host" else "this host"
                rules.nftables.setdefault(host, set()).add(text.split(" comment ")[0])
    rules.lines += request_back.algosec(run.name, reports["firewall-request-algosec"], asked)
    for family, name in FAMILIES.items():
        rules.terms += request_back.aerleon(run.name, reports[name], family, asked)


def poisoned(value: object) -> int:
    """Puts hostile text into every place that strangers can fill, and returns how many there are."""
    count = 0
    if isinstance(value, list):
        return sum(poisoned(item) for item in value)
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in OUTSIDE and isinstance(inner, str):
                value[key] = HOSTILE
                count += 1
            else:
                count += poisoned(inner)
    return count


def junit(run: str, report: Path, document: dict) -> None:
    """Checks what GitLab, Azure Pipelines, Jenkins and GitHub's reporters need of the file."""
    names, failures, errors = set(), 0, 0
    others: dict[str, list] = {}
    paths = {probe["path"] for probe in document["probes"]}
    for suite in JUnitXml.fromfile(str(report)):
        assert suite.name, f"{run}: a suite without a name"
        assert suite.hostname == document["host"].get("name"), run
        assert suite.timestamp, run
        for case in suite:
            # GitLab keeps only the first of several with the same class and name.
            key = (case.classname, case.name)
            assert all(key) and key not in names, f"{run}: {key}"
            names.add(key)
            assert case.time is None or case.time >= 0, run
            if suite.name not in paths:
                others.setdefault(suite.name, []).extend(case.result)
            for result in case.result:
                # GitLab shows the text alone, Azure Pipelines and GitHub the message, Jenkins both.
                assert result.message and result.text, f"{run}: {key}"
                if isinstance(result, Skipped):
                    continue
                assert result.type, f"{run}: {key}"
                if suite.name in paths:
                    failures += isinstance(result, Failure)
                    errors += isinstance(result, Error)
                    assert "fwprobe explain" in case.system_out, f"{run}: {key}"
    outcomes = [probe["outcome"] for probe in document["probes"]]
    expected = outcomes.count("not-as-expected"), outcomes.count("undecided")
    assert (failures, errors) == expected, f"{run}: {failures}, {errors}"
    besides_ports(run, others, document)


def besides_ports(run: str, results: dict[str, list], document: dict) -> None:
    """Checks the suites for rules that were not tested, for checks of the head node, and for an interruption."""
    skipped = results.get("not tested from here", [])
    assert len(skipped) == len(document["skipped"]), f"{run}: {skipped}"
    assert all(isinstance(result, Skipped) for result in skipped), f"{run}: {skipped}"
    answers = [check["status"] for check in document.get("checks", [])]
    for kind, status in ((Failure, "fail"), (Skipped, "skipped")):
        found = sum(isinstance(result, kind) for result in results.get("head node", []))
        assert found == answers.count(status), f"{run}: {found} checks are {status}"
    interrupted = [result.type for result in results.get("run", [])]
    assert interrupted == ([] if document["run"]["complete"] else ["interrupted"]), f"{run}: {interrupted}"


def table(run: str, report: Path, document: dict) -> None:
    with report.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, strict=True))
    assert len(rows) == len(document["probes"]) + len(document["skipped"]), run
    for row, probe in zip(rows, document["probes"]):
        assert row["verdict"] == probe["verdict"]["id"], run
        silence = (probe.get("silence") or {}).get("seconds", "")
        assert row["silent_s"] == str(silence), f"{run}: {row['silent_s']}"
    for row, rule in zip(rows[len(document["probes"]) :], document["skipped"]):
        assert (row["outcome"], row["rule"], row["port"]) == ("skipped", rule["id"], str(rule["port"])), run
        assert row["purpose"] == rule["purpose"] and row["claim"], run
    for row in rows:
        assert None not in row and None not in row.values(), f"{run}: a row of another length"
        for cell in row.values():
            assert not cell.startswith(("=", "+", "-", "@", "\t", "\r")), f"{run}: {cell}"


def request(run: str, report: Path, document: dict) -> list[dict]:
    """Checks that each failure is asked for, or the reason is named, and returns what is asked for."""
    asked = json.loads(report.read_text())
    assert asked["document"] == "fwprobe.firewall-request/1", run
    failed = [p for p in document["probes"] if p["outcome"] != "as-expected"]
    assert len(asked["asked"]) + len(asked["not_asked"]) == len(failed), run
    for row in asked["asked"]:
        for snippet in row["snippets"]:
            text = "\n".join(snippet["lines"])
            assert "<" in text and str(row["port"]) in text, f"{run}: {text}"
    return asked["asked"]


def nftables(rules: list[str]) -> None:
    """nft refuses a rule with places in it, and accepts one whose places are filled in, without loading it."""
    before = "add table inet office\nadd chain inet office guard\n"
    for rule in set(rules):
        assert nft(before + rule) != 0, f"nft accepts {rule}"
        filled = open_back.filled(rule)
        assert nft(before + filled) == 0, f"nft refuses {filled}"
    print(f"  nft: {len(set(rules))} rules refused as they are and accepted filled in")


def nft(text: str) -> int:
    # A namespace of its own, so that this machine's rules cannot matter.
    command = ["unshare", "--net", "nft", "--check", "--file", "-"]
    return subprocess.run(command, input=text, text=True, capture_output=True, check=False).returncode


def bicep(rules: list[str]) -> None:
    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_bicep.language()))
    for rule in set(rules):
        assert parser.parse(rule.encode()).root_node.has_error, f"Bicep accepts {rule}"
        filled = rule.replace("<NSG-SYMBOL>", "group").replace("<FREE-PRIORITY>", "310")
        assert not parser.parse(filled.encode()).root_node.has_error, f"Bicep refuses {filled}"
    print(f"  Bicep: {len(set(rules))} rules refused as they are and accepted filled in")


main()
