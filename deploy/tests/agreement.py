#!/usr/bin/env python3
"""What is said in several places of deploy/ is said alike: ports, the unit, the configuration, and what
the templates hand to each other."""

import json
import pathlib
import re
import sys
import tomllib

import yaml

DEPLOY = pathlib.Path(__file__).parent.parent
PROFILES = DEPLOY.parent / "probe-client/core/profiles"
CONTROL = 8443
HEALTH = 8080
# Of the server's own end, in seconds (docs/operate/server.md).
TIDYING = 5
problems = []


def same(what, found, wanted):
    if found != wanted:
        problems.append(f"{what}: {found!r}, not {wanted!r}")


def read(path):
    return (DEPLOY / path).read_text()


def load(path):
    return yaml.safe_load(read(path))


def outbound(profile):
    """The ports that a head node opens towards the cloud."""
    rules = tomllib.loads(profile.read_text())["rules"]
    return sorted({r["port"] for r in rules if r.get("direction", "outbound") == "outbound"})


def parameter_files():
    files = sorted((DEPLOY / "azure/parameters").glob("*.json"))
    hpc = {profile.stem for profile in PROFILES.glob("hpc-*.toml")}
    same("profiles with a file in azure/parameters", {file.stem for file in files}, hpc)
    for file in files:
        ports = json.loads(file.read_text())["parameters"]["ports"]["value"]
        same(file.name, ports, outbound(PROFILES / f"{file.stem}.toml"))


def everywhere_else():
    """Elsewhere the server listens on its own default ports."""
    ports = outbound(PROFILES / "hpc-2008r2-sp1.toml")
    config = read("config.toml")
    same("config.toml", tomllib.loads(config)["ports"], ports)
    pod = tomllib.loads(load("kubernetes/config.yaml")["data"]["config.toml"])
    same("kubernetes/config.yaml", pod["ports"], ports)
    same("kubernetes/config.yaml: health", pod["private"]["health"], f"0.0.0.0:{HEALTH}")
    sockets = re.findall(r"^ListenStream=(\d+)$", read("systemd/fwprobe-echo.socket"), re.M)
    same("fwprobe-echo.socket", [int(port) for port in sockets], [*ports, CONTROL])

    exposed = re.search(r"^EXPOSE (.*)$", read("container/Dockerfile"), re.M)[1].split()
    same("Dockerfile", [int(port) for port in exposed], [*ports, CONTROL])
    published = load("container/compose.yaml")["services"]["echo"]["ports"]
    same("compose.yaml", published, [f"{port}:{port}" for port in [*ports, CONTROL]])

    container = load("kubernetes/deployment.yaml")["spec"]["template"]["spec"]["containers"][0]
    named = {port["name"]: port["containerPort"] for port in container["ports"]}
    same("deployment.yaml: health", named.pop("health"), HEALTH)
    same("deployment.yaml", sorted(named.values()), [*ports, CONTROL])
    service = load("kubernetes/service.yaml")["spec"]
    same("service.yaml", {p["targetPort"]: p["port"] for p in service["ports"]}, named)
    ingress = load("kubernetes/network-policy.yaml")["spec"]["ingress"][0]
    same("network-policy.yaml", {p["port"] for p in ingress["ports"]}, set(named))
    same("who may connect", [peer["ipBlock"]["cidr"] for peer in ingress["from"]],
         service["loadBalancerSourceRanges"])


def notices():
    """Who sends clients on notices that the server leaves before that takes no more connections."""
    probe = read("azure/scale-set.bicep")
    interval, threshold = (int(re.search(rf"{name}: (\d+)", probe)[1])
                           for name in ("intervalInSeconds", "probeThreshold"))
    behind, alone = re.search(r"variant == 'scale-set' \? '(\d+)' : '(\d+)'", read("azure/main.bicep")).groups()
    same("main.bicep: the notice outlasts the load balancer's probes", int(behind) > interval * threshold, True)
    same("main.bicep: notice of a machine of its own", int(alone), 0)

    config = tomllib.loads(load("kubernetes/config.yaml")["data"]["config.toml"])
    pod = load("kubernetes/deployment.yaml")["spec"]["template"]["spec"]
    grace = config.get("grace_seconds", default("DEFAULT_GRACE"))
    needed = config["notice_seconds"] + grace + TIDYING
    same("deployment.yaml: the pod may take as long", pod["terminationGracePeriodSeconds"] >= needed, True)
    readiness = pod["containers"][0]["readinessProbe"]
    noticed = readiness["periodSeconds"] * readiness.get("failureThreshold", 3)
    same("kubernetes/config.yaml: the notice outlasts the readiness probe", config["notice_seconds"] > noticed, True)


def default(name):
    """Seconds, from the server's own code."""
    config = (DEPLOY.parent / "echo-server/src/config.rs").read_text()
    return int(re.search(rf"{name}: Duration = Duration::from_secs\((\d+)\)", config)[1])


def mounts():
    """What the pod is told to read is what is mounted, and a change of the ConfigMap or the secret arrives there."""
    pod = load("kubernetes/deployment.yaml")["spec"]["template"]["spec"]
    container = pod["containers"][0]
    file = pathlib.PurePosixPath(container["args"][container["args"].index("--config") + 1])
    paths = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    same("deployment.yaml: a subPath", [m["name"] for m in container["volumeMounts"] if "subPath" in m], [])
    same("deployment.yaml: where the configuration is", paths["config"], str(file.parent))
    data = load("kubernetes/config.yaml")["data"]
    same("kubernetes/config.yaml: files", list(data), [file.name])
    same("deployment.yaml: where the identity is", paths["identity"], tomllib.loads(data[file.name])["identity"])


def cloud_init():
    written = {file["path"]: file["content"] for file in load("cloud-init.yaml")["write_files"]}
    reboot = re.search(r"<<TEXT\n(.*?)^TEXT$", read("azure/install.sh"), re.M | re.S)[1]
    same("cloud-init.yaml", written, {
        "/etc/fwprobe-echo/config.toml": read("config.toml"),
        "/etc/systemd/system/fwprobe-echo.service": read("systemd/fwprobe-echo.service"),
        "/etc/apt/apt.conf.d/52fwprobe-echo": reboot.replace("$at", "02:00"),
    })


def modules():
    """Each module is given what it declares, and secrets stay secrets on the way."""
    main = read("azure/main.bicep")
    for file, given in re.findall(r"^module \w+ '(.+?)' = .*?\n  params: \{\n(.*?)^  \}", main, re.M | re.S):
        module = read(f"azure/{file}")
        declared = re.findall(r"^param (\w+)", module, re.M)
        same(f"parameters of {file}", sorted(re.findall(r"^    (\w+):", given, re.M)), sorted(declared))
        if "installScript" in declared:
            secure = re.search(r"@secure\(\)\nparam installScript string", module)
            same(f"{file}: installScript is secure", bool(secure), True)
    for secret in ("serverUrl", "identityKey", "identityCertificate", "identityClientKeys"):
        same(f"{secret} is secure", f"@secure()\nparam {secret} string" in main, True)
    for file in (DEPLOY / "azure").glob("*.bicep"):
        text = file.read_text()
        outputs = re.findall(r"^output .*(?:[kK]ey|[sS]ecret|[sS]cript|identity).*$", text, re.M)
        same(f"outputs of {file.name} that tell secrets", outputs, [])
        same(f"{file.name}: a custom data", "customData" in text or "userData" in text, False)
        for name in re.findall(r"^(?:param|var) (\w+)", text, re.M):
            uses = len(re.findall(rf"\b{name}\b", re.sub(r"//.*", "", text)))
            same(f"{file.name}: {name} is used", uses > 1, True)


def power_shell():
    """deploy.ps1, which nobody runs here, hands main.bicep what that declares, and refuses what deploy.sh does, in
    the same words. (deploy.sh is run: render.py.)"""
    main = read("azure/main.bicep")
    declared = set(re.findall(r"^param (\w+) ", main, re.M))
    defaults = set(re.findall(r"^param (\w+) \w+ = ", main, re.M))
    table = re.search(r"^\$given = @\{\n(.*?)^\}", read("azure/deploy.ps1"), re.M | re.S)[1]
    # The ports come from a file in parameters/.
    given = {"ports", *re.findall(r"(?:^ +|; )(\w+) = ", table, re.M)}
    same("parameters of deploy.ps1 that main.bicep lacks", given - declared, set())
    same("parameters of main.bicep that deploy.ps1 lacks", declared - defaults - given, set())

    shell, power = unspelt(read("azure/deploy.sh")), unspelt(read("azure/deploy.ps1"))
    for words in ("is left alone", "what is in it for", "[?tags", "is for $, not for $", "or another -identity",
                  "would be deleted", "is deleted", "neither true nor false", "would be made", "it costs nothing"):
        said = re.search(rf'^ *(?:say |mine=)"(.*{re.escape(words)}.*)"$', shell, re.M)
        same(f"deploy.sh says '{words}'", bool(said), True)
        same(f"deploy.ps1 says as deploy.sh: {said and said[1]}", bool(said) and said[1] in power, True)


def unspelt(text):
    """Without what either language spells in its own way: quotes in quotes, values, options."""
    text = re.sub(r'[`\\]"', '"', text)
    text = re.sub(r"\$\{?\w+\}?", "$", text)
    return re.sub(r"(?<![\w-])--?([A-Za-z])", lambda option: f"-{option[1].lower()}", text)


parameter_files()
everywhere_else()
notices()
mounts()
cloud_init()
modules()
power_shell()
for problem in problems:
    print(f"agreement.py: {problem}", file=sys.stderr)
sys.exit(bool(problems))
