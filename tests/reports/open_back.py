"""Loads the nftables rules that fwprobe proposes beside one that rejects, and connects. Needs root; a network namespace of
its own is made for each rule. Usage, inside such a namespace: open_back.py SOURCE DESTINATION PORT HOOK < RULE"""

import ipaddress
import re
import socket
import subprocess
import sys
from pathlib import Path

FLOW = re.compile(r"ip6? saddr (\S+) ip6? daddr (\S+) tcp dport (\d+) ")
FILLED = {"<FAMILY>": "inet", "<TABLE>": "office", "<CHAIN>": "guard"}


def filled(rule: str) -> str:
    """Returns the rule with its places filled in."""
    version = 6 if " ip6 " in rule else 4
    sample = {4: "192.0.2.", 6: "2001:db8::"}[version]
    places = FILLED | {
        "<SOURCE-ADDRESS>": f"{sample}9",
        "<SOURCE-ADDRESS-AFTER-NAT>": f"{sample}9",
        "<ADDRESS-OF-SERVER-HOST>": f"{sample}7",
    }
    for place, value in places.items():
        rule = rule.replace(place, value)
    return rule


def checked(rules: dict[str, set[str]]) -> int:
    """Checks the rules by the hook that they are for, each distinct flow once, and returns how many there were."""
    count = 0
    for hook, of_hook in rules.items():
        for rule in sorted(of_hook):
            rule = filled(rule)
            source, destination, port = FLOW.search(rule).groups()
            command = ["unshare", "--net", sys.executable, str(Path(__file__).resolve())]
            command += [source, destination, port, hook]
            subprocess.run(command, input=rule, text=True, check=True)
            count += 1
    return count


def inside(source: str, destination: str, port: str, hook: str, rule: str) -> None:
    for address in {source, destination}:
        if not ipaddress.ip_address(address).is_loopback:
            length = 32 if ipaddress.ip_address(address).version == 4 else 128
            run("ip", "address", "add", f"{address}/{length}", "dev", "lo", "nodad" if length == 128 else "noprefixroute")
    run("ip", "link", "set", "lo", "up")
    family = socket.AF_INET6 if ":" in destination else socket.AF_INET
    with socket.socket(family) as server:
        server.bind((destination, int(port)))
        server.listen()
        assert connects(family, source, destination, port), "the namespace itself does not work"
        for ending in (f"tcp dport {port} reject", "meta l4proto tcp reject"):
            nft("flush ruleset")
            nft(f"add table inet office\nadd chain inet office guard {{ type filter hook {hook} priority 0; }}")
            # The answers come in over the same interface here.
            nft(f"add rule inet office guard ct state established accept\nadd rule inet office guard {ending}")
            assert not connects(family, source, destination, port), f"`{ending}` rejects nothing"
            nft(rule)
            assert connects(family, source, destination, port), f"beside `{ending}` this opens nothing: {rule}"


def connects(family: int, source: str, destination: str, port: str) -> bool:
    with socket.socket(family) as client:
        client.bind((source, 0))
        client.settimeout(30)
        try:
            client.connect((destination, int(port)))
        except OSError:
            return False
        return True


def nft(text: str) -> None:
    subprocess.run(["nft", "--file", "-"], input=text, text=True, check=True)


def run(*command: str) -> None:
    subprocess.run(command, check=True)


if __name__ == "__main__":
    inside(*sys.argv[1:], rule=sys.stdin.read())
