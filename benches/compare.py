#!/usr/bin/env python3
"""Measures whole processes against each other on the same logs, and prints a Markdown table.

usage: compare.py [--runs N] [--fbwin PROGRAM] [--ways fbwin,duckdb,polars,script] [--memory SIZE] LOG...

A way may also be NAME='PROGRAM WORDS', which gets the log as its last argument. The ways take turns, N times over (A B C A B C ...), so that what else the machine does meets all of them; the best wall
time of each counts, with the processor time of that run, and the highest peak of memory. fbwin writes its whole report to a
file. Every log is read once before, so that it lies in the page cache if it fits. The ratio is to the first way's best.
For logs in other orders or sizes see the column of ns an event: that one compares between logs.
"""
import argparse
import os
import shlex
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))


def command(way, log, arguments, report):
    if way == "fbwin":
        memory = ["--memory", arguments.memory] if arguments.memory else []
        return [arguments.fbwin, "audit", log, "--complete", "--format", "jsonl", "--output", report, *memory]
    if way in ("duckdb", "polars", "script"):
        return [sys.executable, os.path.join(HERE, "peers.py"), way, log]
    name, _, program = way.partition("=")  # NAME=WORDS: a program that takes the log behind its words
    return [*shlex.split(program), log]


def run(words):
    """Wall and processor seconds and peak MiB of one process, and what it printed. A child of a child: peaks do not mix."""
    begun = time.perf_counter()
    with tempfile.TemporaryFile() as out:
        child = subprocess.Popen(words, stdout=out, stderr=subprocess.PIPE)
        complaints = child.stderr.read()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - begun
        if child.returncode not in (0, 1):
            sys.exit(f"{' '.join(words)} ended with {child.returncode}: {complaints.decode(errors='replace')[-500:]}")
        out.seek(0)
        return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, out.read().decode()


def count_events(log):
    """Records of a log without line breaks in its values; of a compressed one, nothing is known."""
    if log.endswith((".gz", ".zst")):
        return None
    with open(log, "rb") as lines:
        blocks = iter(lambda: lines.read(1 << 24), b"")
        return sum(block.count(b"\n") for block in blocks) - log.endswith(".csv")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--fbwin", default=os.path.join(HERE, "..", "target", "release", "fbwin"))
    parser.add_argument("--ways", default="fbwin,duckdb,polars,script")
    parser.add_argument("--memory", help="fbwin's --memory")
    parser.add_argument("--events", type=int, help="of every log; counted otherwise")
    parser.add_argument("logs", nargs="+", metavar="LOG")
    arguments = parser.parse_args()
    ways = arguments.ways.split(",")
    runs = {(log, way): [] for log in arguments.logs for way in ways}
    events = {log: arguments.events or count_events(log) for log in arguments.logs}
    with tempfile.TemporaryDirectory() as folder:
        report = os.path.join(folder, "findings.jsonl")
        for _ in range(arguments.runs):
            for log, way in runs:
                runs[log, way].append(run(command(way, log, arguments, report)))
    print("| log | way | wall s | ratio | user+sys s | peak MiB | ns an event |")
    print("|---|---|---|---|---|---|---|")
    for log in arguments.logs:
        first = None
        for way in ways:
            of_way = runs[log, way]
            wall, processor, _, _ = min(of_way)
            first = first or wall
            peak = max(peak for _, _, peak, _ in of_way)
            each = f"{wall / events[log] * 1e9:.0f}" if events[log] else ""
            name = way.partition("=")[0]
            print(f"| {os.path.basename(log)} | {name} | {wall:.3f} | {wall / first:.2f} | {processor:.2f} | {peak:.0f} | {each} |")


if __name__ == "__main__":
    main()
