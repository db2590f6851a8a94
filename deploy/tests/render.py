#!/usr/bin/env python3
"""What main.bicep makes of the parameters: the script that the extension runs on the machine.

No Bicep compiler comes in a package registry. So this evaluates the few expressions that main.bicep
builds the script of, and stops at any other.

usage: render.py main.bicep parameters.json...
"""

import base64
import json
import pathlib
import re
import sys


def values(files):
    """All parameters; a later file wins, as with `az --parameters`."""
    merged = {}
    for file in files:
        merged.update(json.loads(pathlib.Path(file).read_text())["parameters"])
    return {name: parameter["value"] for name, parameter in merged.items()}


def literal(text):
    """A Bicep string without its interpolations."""
    return text.replace("\\n", "\n").replace("\\'", "'")


def main(template, *files):
    path = pathlib.Path(template)
    source = path.read_text()
    known = dict(re.findall(r"^param (\w+) string = '([^']*)'$", source, re.M)) | values(files)
    declared = set(re.findall(r"^param (\w+) ", source, re.M))
    if unknown := set(known) - declared:
        sys.exit(f"render.py: {path} has no parameter {', '.join(sorted(unknown))}")
    defaults = set(re.findall(r"^param (\w+) \w+ = ", source, re.M))
    if missing := declared - defaults - set(known):
        sys.exit(f"render.py: {path} wants {', '.join(sorted(missing))}")

    def value(expression):
        if inner := re.fullmatch(r"base64\((.+)\)", expression):
            return base64.b64encode(value(inner[1]).encode()).decode()
        if inner := re.fullmatch(r"loadTextContent\('(.+)'\)", expression):
            return (path.parent / inner[1]).read_text()
        if expression == "join(portTexts, ', ')":
            return ", ".join(str(port) for port in known["ports"])
        if expression == "join(settings, '\\n')":
            return "\n".join(settings)
        if choice := re.fullmatch(r"(\w+) == '(.*)' \? '(.*)' : '(.*)'", variables.get(expression, "")):
            return choice[3] if known[choice[1]] == choice[2] else choice[4]
        if expression in variables:
            return variables[expression]
        if expression == "configuration":
            return configuration
        if expression in known:
            return known[expression]
        sys.exit(f"render.py: cannot evaluate {expression}")

    def string(text):
        parts = re.split(r"\$\{((?:[^{}'\"]|'[^']*')+)\}", text)
        return "".join(value(p) if i % 2 else literal(p) for i, p in enumerate(parts))

    simple = r"^var (\w+) = (\d+|\w+ == '.*' \? '.*' : '.*')$"
    variables = dict(re.findall(simple, source, re.M))
    configuration = string(re.search(r"^var configuration = '(.*)'$", source, re.M)[1])
    listed = re.search(r"^var settings = \[\n(.*?)^\]", source, re.M | re.S)[1]
    settings = [string(line.strip()[1:-1]) for line in listed.splitlines()]
    script = re.search(r"^var installScript = base64\('(.*)'\)$", source, re.M)[1]
    print(string(script), end="")


if __name__ == "__main__":
    main(*sys.argv[1:])
