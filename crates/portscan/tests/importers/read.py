"""Reads the reports in a folder with programs that others wrote, and prints the open ports of each.

Usage: read.py FOLDER SCHEMA, with scan.json, scan.jsonl and scan.xml in the folder.
Needs the packages of requirements.txt.
"""

import json
import pathlib
import sys

import nmap
from jsonschema import Draft202012Validator
from libnmap.parser import NmapParser


def by_schema(folder: pathlib.Path, schema: dict) -> list:
    report = json.loads((folder / "scan.json").read_text())
    Draft202012Validator(schema).validate(report)
    return [(host["address"], port["port"]) for host in report["hosts"] for port in host["ports"]
            if port["state"] == "open"]


def lines_by_schema(folder: pathlib.Path, schema: dict) -> list:
    found = []
    for line in (folder / "scan.jsonl").read_text().splitlines():
        entry = json.loads(line)
        of_line = {**schema, "$ref": f"#/$defs/{entry['type']}Line"}
        for key in ["type", "required", "properties", "additionalProperties"]:
            del of_line[key]
        Draft202012Validator(of_line).validate(entry)
        if entry["type"] == "port" and entry["state"] == "open":
            found.append((entry["address"], entry["port"]))
    return found


def by_libnmap(folder: pathlib.Path) -> list:
    report = NmapParser.parse_fromfile(str(folder / "scan.xml"))
    return [(host.address, port) for host in report.hosts for port, _ in host.get_open_ports()]


def by_python_nmap(folder: pathlib.Path) -> list:
    # Its constructor looks for nmap itself, which reading does not need.
    scanner = object.__new__(nmap.PortScanner)
    result = scanner.analyse_nmap_xml_scan((folder / "scan.xml").read_text())["scan"]
    return [(address, port) for address, host in result.items() for port, entry in host.get("tcp", {}).items()
            if entry["state"] == "open"]


def main() -> None:
    folder, schema = pathlib.Path(sys.argv[1]), json.loads(pathlib.Path(sys.argv[2]).read_text())
    Draft202012Validator.check_schema(schema)
    for name, found in [
        ("json", by_schema(folder, schema)),
        ("jsonl", lines_by_schema(folder, schema)),
        ("libnmap", by_libnmap(folder)),
        ("python-nmap", by_python_nmap(folder)),
    ]:
        print(name, *sorted(f"{address}:{port}" for address, port in found))


if __name__ == "__main__":
    main()
