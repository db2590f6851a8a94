"""Reads firewall requests back that fwprobe writes for other programs: AlgoSec FireFlow and Aerleon."""

import ipaddress
import json
import logging
import subprocess
import sys
import tempfile
from pathlib import Path

from aerleon import api
from aerleon.aclgen import ACLParserError
from aerleon.lib import naming
from jsonschema import Draft202012Validator

HERE = Path(__file__).resolve().parent
ALGOSEC = Draft202012Validator(
    json.loads((HERE / "algosec.schema.json").read_text()),
    format_checker=Draft202012Validator.FORMAT_CHECKER,
)
# Aerleon warns about each place that is not filled in. The test looks for its refusal.
logging.getLogger("absl").setLevel(logging.ERROR)


def places(sample: str) -> dict[str, str]:
    return {
        "<YYYY-MM-DD>": "2099-12-31",
        "<ACCEPT-IF-APPROVED>": "accept",
        "<SOURCE-ADDRESS>": f"{sample}9",
        "<SOURCE-ADDRESS-AFTER-NAT>": f"{sample}9",
        "<ADDRESS-OF-SERVER-HOST>": f"{sample}7",
    }


PLACES = {"IPv4": places("192.0.2."), "IPv6": places("2001:db8::")}


def algosec(run: str, report: Path, asked: list[dict]) -> int:
    """Checks that each connection blocked on the network is one line of the request for its family."""
    requests = json.loads(report.read_text())
    ALGOSEC.validate(requests)
    lines = set()
    for request in requests:
        ipv6 = request["template"].startswith("170:")
        for line in request["traffic"]:
            source, to = (line[end]["items"][0]["address"] for end in ("source", "destination"))
            for address in (to, source):
                known = not address.startswith("<")
                assert not known or (ipaddress.ip_address(address).version == 6) == ipv6, f"{run}: {address}"
            lines.add((source, to, line["service"]["items"][0]["service"]))
        description = request["fields"][1]["values"][0]
        assert "Requester:" in description and "TO VERIFY" in description, run
    expected = {
        (row["source"] or "<SOURCE-ADDRESS>", row["destination"], f"tcp/{row['port']}")
        for row in asked
        if row["segment"] not in ("proxy", "this-host", "server-host")
    }
    assert lines == expected, f"{run}: {lines}"
    return len(lines)


def aerleon(run: str, report: Path, family: str, asked: list[dict]) -> int:
    """Aerleon refuses the terms as they are, and makes exactly our rules of those that are filled in."""
    rows = [row for row in asked if row["segment"] != "proxy" and row["family"] == family]
    text = report.read_text()
    assert "filters:" not in text, f"{run}: a whole policy"
    if not rows:
        assert all(not line or line.startswith("#") for line in text.splitlines()), run
        return 0
    try:
        generated(report, text, "nftables", "inet output")
    except ACLParserError:
        pass
    else:
        raise AssertionError(f"{run}: Aerleon accepts places that are not filled in")
    device_rules(run, report, text, family, rows)
    as_documented(run, report, text, family)
    return len(rows)


def filled(text: str, family: str) -> str:
    for place, value in PLACES[family].items():
        text = text.replace(place, value)
    return text


def as_documented(run: str, report: Path, text: str, family: str) -> None:
    """Aerleon's own program takes the file as the document for users says."""
    lines = (HERE.parents[1] / "docs/user/reports.md").read_text().splitlines()
    command = next(line.split() for line in lines if line.startswith("    aclgen "))
    include = next(line.split()[-1] for line in lines if line.startswith("      - include: "))
    for part in (include, "--base_directory", command[command.index("--base_directory") + 1]):
        assert part in text, f"{run}: the file does not say {part}"
    with tempfile.TemporaryDirectory(dir=report.parent) as folder:
        site = Path(folder)
        for directory in ("policies/pol", "def", command[-1]):
            (site / directory).mkdir(parents=True)
        (site / include).write_text(filled(text, family))
        header = json.dumps({"targets": {"nftables": "inet output" if family == "IPv4" else "inet6 output"}})
        policy = f"filters:\n  - header: {header}\n    terms:\n      - include: {include}\n"
        (site / "policies/pol/site.yaml").write_text(policy)
        program = Path(sys.executable).with_name(command[0])
        subprocess.run([program, *command[1:]], cwd=site, check=True, capture_output=True)
        made = [file.read_text() for file in (site / command[-1]).rglob("*.nft")]
        assert len(made) == 1 and " accept" in made[0], f"{run}: {made}"


def device_rules(run: str, report: Path, text: str, family: str, rows: list[dict]) -> None:
    word, prefix = ("inet", "ip") if family == "IPv4" else ("inet6", "ip6")
    places = PLACES[family]
    text = filled(text, family)
    nftables = generated(report, text, "nftables", f"{word} output")
    asa = generated(report, text, "ciscoasa", "outside_in") if family == "IPv4" else None
    for row in rows:
        source, to = (places.get(row[end], row[end]) for end in ("device_source", "device_destination"))
        length = 32 if family == "IPv4" else 128
        rule = f"{prefix} saddr {source}/{length} {prefix} daddr {to}/{length} tcp dport {row['port']}"
        assert f"{rule} ct state new accept" in nftables, f"{run}: {rule} is not in\n{nftables}"
        # Aerleon makes no IPv6 rules for ASA.
        rule = f"access-list outside_in extended permit tcp host {source} host {to} eq "
        assert asa is None or rule in asa, f"{run}: {rule} is not in\n{asa}"
    allowed = nftables.count(" accept") - nftables.count("established,related accept")
    assert allowed == len(rows), f"{run}: {allowed} rules\n{nftables}"


def generated(report: Path, text: str, target: str, options: str) -> str:
    """Returns what Aerleon makes for one kind of device of a site's policy that includes the terms."""
    (report.parent / "terms.yaml").write_text(text)
    names = naming.Naming()
    names.ParseYaml(text, "terms.yaml")
    policy = {
        "filename": "site",
        "filters": [{"header": {"targets": {target: options}}, "terms": [{"include": "terms.yaml"}]}],
    }
    files = api.Generate([policy], names, include_path=report.parent)
    return "".join(files.values())
