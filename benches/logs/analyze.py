#!/usr/bin/env python3
"""What analyzing a log costs, beside DuckDB doing the counting part alone, in one run on one machine.

    cargo build --release -p tollgate -p tollgate-benches --bins
    . .ci/install && "$TOLLGATE_PYTHON" benches/logs/analyze.py [--gigabytes 1] [--rounds 3] [--log FILE --account FILE]

Needs DuckDB (PyPI) and the programs gzip and zstd. The log is that of `benches/src/traffic.rs` unless
another is given; it is read as it is, and packed with zstd and gzip, by

- `decode`: the columns of the full report, and nothing done with them,
- `tollgate analyze`: the full report,
- `tollgate analyze --account`: every call decided again, too,
- DuckDB: requests by caller, method, route and status with three percentiles of the latency, which is
  less than the report's tables of callers and routes alone.

The table has the CPU seconds (user and system) of each one's best round and its largest resident memory.
Rounds take turns, so that what else the machine does falls on all of them.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RELEASE = ROOT / "target/release"

COUNTING = """
import sys, duckdb
connection = duckdb.connect()
connection.execute(f"set threads = {sys.argv[2]}")
columns = {name: "VARCHAR" for name in ("userArn", "httpMethod", "resourcePath", "status", "responseLatency")}
rows = connection.execute(f'''
    select "userArn", "httpMethod", "resourcePath", status, count(*),
           approx_quantile(try_cast("responseLatency" as bigint), [0.5, 0.95, 0.99])
    from read_json(?, format = 'newline_delimited', columns = {columns}, ignore_errors = true)
    group by all''', [sys.argv[1]]).fetchall()
print(sum(row[4] for row in rows))
"""


def measured(command: list[str]) -> tuple[float, int]:
    """The CPU seconds and the largest resident memory in MB of a command."""
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        sys.exit(f"{command} ended with {child.returncode}")
    return used.ru_utime + used.ru_stime, used.ru_maxrss // 1024


def packed(log: Path, folder: Path) -> dict[str, Path]:
    files = {"plain": log}
    for name, ending, command in (("zstd", "zst", ["zstd", "-3"]), ("gzip", "gz", ["gzip", "-6"])):
        files[name] = folder / f"access.jsonl.{ending}"
        with log.open("rb") as plain, files[name].open("wb") as out:
            subprocess.run([*command, "-c"], stdin=plain, stdout=out, check=True)
    return files


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gigabytes", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--log", type=Path, help="a log instead of the generated one")
    parser.add_argument("--account", type=Path, help="the manifest that belongs to it")
    arguments = parser.parse_args()
    if (arguments.log is None) != (arguments.account is None):
        parser.error("--log and --account belong together")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        log, account = arguments.log, arguments.account
        if log is None:
            size = str(int(arguments.gigabytes * 1e9))
            subprocess.run([RELEASE / "traffic", folder, size], check=True)
            log, account = folder / "access.jsonl", folder / "account/tollgate.toml"
        files = packed(log, folder)
        analyze = [str(RELEASE / "tollgate"), "analyze", "--format", "json"]
        commands = {
            "decode": lambda file: [str(RELEASE / "decode"), file],
            "analyze": lambda file: [*analyze, file],
            "analyze --account": lambda file: [*analyze, "--account", str(account), file],
            "DuckDB, counting": lambda file: [sys.executable, "-c", COUNTING, file, str(os.cpu_count())],
        }
        best: dict[tuple[str, str], tuple[float, int]] = {}
        for _ in range(arguments.rounds):
            for packing, file in files.items():
                for what, command in commands.items():
                    seconds, memory = measured(command(str(file)))
                    known = best.get((what, packing), (seconds, 0))
                    best[what, packing] = (min(seconds, known[0]), max(memory, known[1]))
        gigabytes = log.stat().st_size / 1e9
        print(f"{gigabytes:.2f} GB, {os.cpu_count()} cores; CPU-s/GB, resident MB")
        print(f"| | {' | '.join(files)} |\n|---|{'---|' * len(files)}")
        for what in commands:
            cells = (best[what, packing] for packing in files)
            row = (f"{seconds / gigabytes:.2f}, {memory}" for seconds, memory in cells)
            print(f"| {what} | {' | '.join(row)} |")


if __name__ == "__main__":
    main()
