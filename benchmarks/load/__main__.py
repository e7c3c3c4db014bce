"""`python -m benchmarks.load`: the table of all results; with `--calls` one run by hand."""

import argparse
import json
from pathlib import Path

from benchmarks.load import SECONDS
from benchmarks.load.run import run
from benchmarks.load.table import header, printed, results, table

RESULTS = Path(__file__).parents[1] / "results"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("--calls", type=int, help="so many at once")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="how long they play (%(default)s)")
    parser.add_argument("--json", type=Path, help="a file for the figures")
    arguments = parser.parse_args()
    if arguments.calls is None:
        print(*table(results(RESULTS)), sep="\n")
        return
    row = run(arguments.calls, arguments.seconds)
    print(json.dumps({name: value for name, value in row.items() if name != "history"}, indent=2, ensure_ascii=False))
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(row, indent=2, ensure_ascii=False) + "\n", "utf-8")
    print(header(), printed([row]), sep="\n")


if __name__ == "__main__":
    main()
