#!/usr/bin/env python3
"""The figures of the primitives: `make bench-primitives` (GROUP=json: only that one).

    primitives.py FOLDER [GROUP...]

A group is a program FOLDER/primitives_GROUP that prints a line of JSON a figure, ours and a peer's
measured in turn. Writes FOLDER/primitives.jsonl and, of the groups that ran, bench/results/primitives-GROUP.md.
ratio > 1 always means that we are better; a figure that misses its aim is printed like the others.
"""
import datetime
import json
import os
import platform
import subprocess
import sys

# What a group is about, and id -> the least that was asked for.
GROUPS = {
    "json": ("JSON text to a document, gigabytes of text a second of processor time", {
        "json.parse.objects": 0.5, "json.parse.pretty": 0.5, "json.parse.floats": 0.5,
        "json.parse.prose": 0.5, "json.parse.scripts": 0.5,
    }),
    "history": ("History: ms, and what is left of the throughput where provenance is recorded", {
        "history.diff": 5, "history.replay": 50, "provenance": 0.85,
    }),
    "json_set": ("One path of a JSON document of 10 KB, set and read, buffered", {
        "json.set.path": 10,
    }),
    "events": ("Events appended, a chain of hashes, buffered", {
        "event.append": 7, "event.append.limit": 0.7,
    }),
    "fork": ("Forks of a run of 10^6 keys of a kilobyte, and reads through them", {
        "fork.time": 1, "fork.time.past": 1, "fork.bytes": 1, "get.as_of": 0.33,
    }),
    "index": ("A document found by what is at a path, among a million with an index on it", {
        "index.lookup": 1,
    }),
}


def machine():
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo", encoding="utf-8")
                  if line.startswith("model name")), platform.machine())
    return f"{os.cpu_count()} cores of {model}, Linux {platform.release()}"


def measure(folder, group):
    done = subprocess.run([f"{folder}/primitives_{group}", f"{folder}/primitives"], stdout=subprocess.PIPE, check=True)
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


def write_markdown(group, lines):
    what, aims = GROUPS[group]
    with open(f"bench/results/primitives-{group}.md", "w", encoding="utf-8") as out:
        out.write(f"# {what}\n\n`make bench-primitives GROUP={group}`, {datetime.date.today()}, {machine()}. "
                  "Medians of rounds in which each engine has its turn.\n\n"
                  "| id | ours | unit | asked | peer | theirs | ratio |\n|---|---:|---|---:|---|---:|---:|\n")
        for line in lines:
            asked = f"≥ {aims[line['id']]}" if line["id"] in aims else ""
            out.write(f"| {line['id']} | {line['ours']:.3g} | {line['unit']} | {asked} | {line.get('peer', '')} | "
                      f"{line.get('theirs', 0):.3g} | {line.get('ratio', 0):.3g} |\n")


def main():
    folder, groups = sys.argv[1], sys.argv[2:] or list(GROUPS)
    with open(f"{folder}/primitives.jsonl", "w", encoding="utf-8") as file:
        for group in groups:
            lines = measure(folder, group)
            for line in lines:
                print(json.dumps(line))
                file.write(json.dumps(line) + "\n")
            write_markdown(group, lines)


if __name__ == "__main__":
    main()
