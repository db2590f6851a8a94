"""Makes runs out of recorded ones, for what no recorded run has: rules that were not tested, checks of the head node, an
interruption, and ports that are all expected to be blocked."""

import json
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCENARIOS = ROOT / "probe-client/core/tests/scenarios"
# A run of silent sessions, as the lab recorded it.
IDLE = ROOT / "tests/lab/records/idle-flow-forgotten.json"

# What a page about each run says, by the run's file name.
TEXTS = {
    "interrupted": [
        "INCOMPLETE",
        "Not tested from here",
        "notifications from the nodes",
        "This head node",
        "the registry has no such key",
    ],
    "all-blocked": ["Scope", "TCP from ", "This run shows nothing about other sources"],
    IDLE.stem: ["silent for 16 s", "keep-alive every 1 s", "idle-expired"],
}


def made(folder: Path) -> list[Path]:
    """Writes the runs into a folder of their own and returns their files, with that of the idle run."""
    folder = folder / "made"
    folder.mkdir()
    runs = {"interrupted": interrupted(), "all-blocked": all_blocked()}
    files = []
    for name, run in runs.items():
        files.append(folder / f"{name}.json")
        files[-1].write_text(json.dumps(run))
    return [*files, IDLE]


def interrupted() -> dict:
    """Returns a run over several paths that was interrupted."""
    run = recorded("through-proxies")
    run["run"]["complete"] = False
    run["skipped"] = [
        {"id": "notify", "port": 9087, "purpose": "notifications from the nodes", "because": "inbound"},
        {"id": "dns", "port": 53, "purpose": "names of the nodes", "because": "udp"},
    ]
    run["summary"]["skipped"] = len(run["skipped"])
    run["checks"] = [
        check("hpc-pack", "fail", "the registry has no such key", next_step="install HPC Pack"),
        check("service-pack", "warn", "the version is assumed", origins=["--assume sp=3"]),
        check("ports-mode", "pass", "all four services use port 443", origins=["hpc.reg"]),
        check("node-type", "skipped", "the type of node is not given (--node-type)"),
        check("file-staging-calls", "skipped", "the number of nodes is not given (--nodes)"),
    ]
    return run


def check(name: str, status: str, text: str, **more: object) -> dict:
    return {
        "id": name,
        "status": status,
        "text": text,
        "source": "a test",
        "sourcing": "verified",
        "page": f"fwprobe explain {name}",
        **more,
    }


def all_blocked() -> dict:
    """Returns a run that expects both of its ports to be blocked: one is, the other is open."""
    run = recorded("dropped")
    outcomes = {"reachable": "not-as-expected", "dropped": "as-expected"}
    for probe in run["probes"]:
        probe["rule"]["expect"] = "blocked"
        probe["outcome"] = outcomes[probe["verdict"]["id"]]
    return run


def recorded(name: str) -> dict:
    return json.loads((SCENARIOS / f"{name}.json").read_text())
