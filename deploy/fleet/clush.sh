#!/usr/bin/env bash
# A run of fwprobe on each of NODES over SSH by ClusterShell, and one answer of all. The program, /etc/fwprobe/config.toml
# and the connection file that it names are on each node. With pdsh: `pdsh -w NODES COMMAND`, and for the copy
# `rpdcp -w NODES -r /var/tmp/fwprobe FOLDER`.
#
# usage: clush.sh NODES    (n[001-100], as clush and --expect-nodes write it)
set -euo pipefail
[ $# -eq 1 ] || { sed -n 's/^# usage: /usage: /p' "$0" >&2; exit 2; }
nodes=$1
runs=$(mktemp -d)
trap 'rm -rf "$runs"' EXIT

# Only the newest document stays on a node. A run that finds something ends with 1, and clush says so.
clush -w "$nodes" -f 64 'fwprobe run --config /etc/fwprobe/config.toml --output /var/tmp/fwprobe/ --keep 1 --quiet >/dev/null' || true
# Makes a folder for each node: fwprobe.n001, fwprobe.n002.
clush -w "$nodes" -f 64 --rcopy /var/tmp/fwprobe --dest "$runs"
fwprobe merge "$runs"/* --expect-nodes "$nodes"
