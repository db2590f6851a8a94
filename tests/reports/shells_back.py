"""Gives rules that are written for a shell to shells: none runs a program before its places are filled in."""

import os
import re
import stat
import subprocess
import tempfile
from pathlib import Path

import tree_sitter
import tree_sitter_powershell

PLACE = re.compile(r"<[A-Z0-9-]+>")
SHELLS = ("/usr/bin/bash", "/usr/bin/dash")
POWERSHELL = tree_sitter.Language(tree_sitter_powershell.language())


def posix(program: str, rules: list[str]) -> None:
    """A shell refuses the rules as they are, and calls the program for those that are filled in."""
    for rule in sorted(set(rules)):
        for shell in SHELLS:
            code, called, others = given(shell, program, rule)
            assert code != 0 and not called and not others, f"{shell} runs {rule}: {called}, {others}"
            filled = PLACE.sub("310", rule)
            code, called, others = given(shell, program, filled)
            words = filled.replace('"', "").replace("'", "").split()
            assert code == 0 and called == words and not others, f"{shell}: {filled}: {called}, {others}"
    print(f"  {program}: {len(set(rules))} rules not run by {len(SHELLS)} shells as they are, and run filled in")


def given(shell: str, program: str, text: str) -> tuple[int, list[str], list[str]]:
    """Runs the text where `program` is a stub. Returns the exit code, the words of the call, and the files it made."""
    with tempfile.TemporaryDirectory() as folder:
        programs, here = Path(folder, "programs"), Path(folder, "here")
        programs.mkdir()
        here.mkdir()
        calls = Path(folder, "calls")
        stub = programs / program
        stub.write_text(f'#!/bin/sh\nprintf "%s\\n" {program} "$@" >>"{calls}"\n')
        stub.chmod(stub.stat().st_mode | stat.S_IXUSR)
        environment = {**os.environ, "PATH": str(programs)}
        finished = subprocess.run([shell, "-c", text], cwd=here, env=environment, capture_output=True, check=False)
        called = calls.read_text().splitlines() if calls.exists() else []
        return finished.returncode, called, [file.name for file in here.iterdir()]


def powershell(rules: list[str]) -> None:
    """A filled rule parses. tree-sitter's grammar takes `<` for a letter. PowerShell itself reserves a `<` that begins a
    word, so this looks for one."""
    parser = tree_sitter.Parser(POWERSHELL)
    for rule in set(rules):
        assert PLACE.search(rule), rule
        assert not re.search(r"\S<", rule), f"PowerShell takes a place for text: {rule}"
        filled = PLACE.sub("Domain", rule)
        assert not parser.parse(filled.encode()).root_node.has_error, f"PowerShell refuses {filled}"
    print(f"  PowerShell: {len(set(rules))} rules with places that begin words, and accepted filled in")


def cmd(rules: list[str]) -> None:
    """To cmd.exe, a `>` that ends a line is an error of syntax: it lacks the name of a file."""
    for rule in set(rules):
        assert rule.endswith(">") and "\n" not in rule, f"cmd.exe may run {rule}"
    print(f"  cmd.exe: {len(set(rules))} rules end in `>`")
