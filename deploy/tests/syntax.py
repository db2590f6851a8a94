#!/usr/bin/env python3
"""Parses Bicep and PowerShell with tree-sitter's grammars and names each line that does not parse.

Neither the Bicep compiler nor PowerShell comes in a package registry of Debian, PyPI or npm: this finds
what is misspelt, not what is mistyped.

usage: syntax.py FILE...
"""

import pathlib
import sys

import tree_sitter_bicep
import tree_sitter_powershell
from tree_sitter import Language, Parser

GRAMMARS = {".bicep": tree_sitter_bicep, ".ps1": tree_sitter_powershell}


def broken(node):
    """The innermost nodes that do not parse."""
    if node.is_error or node.is_missing:
        yield node
    elif node.has_error:
        for child in node.children:
            yield from broken(child)


def main(files):
    failed = False
    for file in map(pathlib.Path, files):
        parser = Parser(Language(GRAMMARS[file.suffix].language()))
        for node in broken(parser.parse(file.read_bytes()).root_node):
            failed = True
            print(f"{file}:{node.start_point[0] + 1}: does not parse", file=sys.stderr)
    sys.exit(failed)


if __name__ == "__main__":
    main(sys.argv[1:])
