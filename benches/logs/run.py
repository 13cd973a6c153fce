#!/usr/bin/env python3
"""What decoding a log costs, against DuckDB reading the same columns, in one run on one machine.

    cargo build --release -p tollgate-benches --bins
    . .ci/install
    "$TOLLGATE_PYTHON" benches/logs/run.py access.jsonl access.jsonl.zst access.jsonl.gz [--rounds 3]

The files are JSON lines with the keys below, such as a REST API logs with them in its format. Each tool
has one thread and a process of its own, and reads the columns of the full report: tollgate by `decode`,
DuckDB by `read_json` with their types, every column counted. Rounds take turns; the table shows each
one's best round, in CPU seconds (user and system) for 10^9 bytes of unpacked log, and the most memory
that was resident. Both must find as many rows.
"""

import argparse
import gzip
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DECODE = ROOT / "target/release/decode"

# The keys of the report's columns: `report()` in benches/src/log.rs.
COLUMNS = {
    "requestTimeEpoch": "BIGINT", "stage": "VARCHAR", "httpMethod": "VARCHAR", "resourcePath": "VARCHAR",
    "path": "VARCHAR", "status": "VARCHAR", "responseLatency": "VARCHAR", "integrationLatency": "VARCHAR",
    "integrationStatus": "VARCHAR", "userArn": "VARCHAR", "ip": "VARCHAR", "userAgent": "VARCHAR",
    "errorMessage": "VARCHAR", "errorType": "VARCHAR", "upstream": "VARCHAR", "rlLimit": "VARCHAR",
    "rlRemaining": "VARCHAR", "rlReset": "VARCHAR", "retryAfter": "VARCHAR",
}
NUMBERS = ["status", "responseLatency", "integrationLatency", "integrationStatus", "rlLimit", "rlRemaining",
           "rlReset", "retryAfter"]

DUCKDB = """
import duckdb, sys
connection = duckdb.connect()
connection.execute("SET threads = 1")
print(connection.execute(sys.argv[1]).fetchone()[0], "rows")
"""


def query(file):
    columns = ", ".join(f"{name}: '{kind}'" for name, kind in COLUMNS.items())
    # `-` stands for no value, as in `decode`.
    values = [f"try_cast({name} AS BIGINT)" if name in NUMBERS else name for name in COLUMNS]
    counts = ", ".join(f"count({value})" for value in values)
    return (f"SELECT count(*), {counts} FROM read_json('{file}', format = 'newline_delimited', "
            f"columns = {{{columns}}})")


def measure(command):
    """Runs a command. Returns its rows, its CPU seconds and its resident memory in MB."""
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(command, stdout=out)
        _, status, usage = os.wait4(process.pid, 0)
        if status != 0:
            sys.exit(f"{command[0]} failed")
        out.seek(0)
        rows = int(re.search(rb"(\d+) rows", out.read())[1])
    return rows, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def unpacked_bytes(file):
    """The size of a file without its container."""
    if file.suffix == ".gz":
        with gzip.open(file) as packed:
            return sum(len(part) for part in iter(lambda: packed.read(1 << 20), b""))
    if file.suffix == ".zst":
        listing = subprocess.check_output(["zstd", "-lv", str(file)], text=True, stderr=subprocess.DEVNULL)
        return int(re.search(r"Decompressed Size:.*\((\d+) B\)", listing)[1])
    return file.stat().st_size


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--decode", type=Path, default=DECODE, help="the binary to measure")
    arguments = parser.parse_args()
    print(f"{'file':<24} {'tool':<10} {'CPU-s/GB':>9} {'MB':>6}")
    for file in arguments.files:
        commands = {
            "tollgate": [str(arguments.decode), "--threads", "1", str(file)],
            "DuckDB": [sys.executable, "-c", DUCKDB, query(file)],
        }
        found = {tool: [] for tool in commands}
        for _ in range(arguments.rounds):
            for tool, command in commands.items():
                found[tool].append(measure(command))
        if len({rows for runs in found.values() for rows, _, _ in runs}) != 1:
            sys.exit(f"{file}: the tools do not find as many rows: {found}")
        gigabytes = unpacked_bytes(file) / 1e9
        for tool, runs in found.items():
            seconds = min(seconds for _, seconds, _ in runs) / gigabytes
            memory = max(memory for _, _, memory in runs)
            print(f"{file.name:<24} {tool:<10} {seconds:>9.2f} {memory:>6.0f}")


main()
