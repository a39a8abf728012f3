"""Solves assignments from files with lap.lapmod, the Jonker-Volgenant solver for sparse tables (PyPI lap).

Asked a line `REPEATS FILE`, it answers one JSON line: the median time of a solver's call in milliseconds, and what was
found. The file is what tests/examples/assign.rs draws: `ROWS COLUMNS PRICE`, then `ROW COLUMN COST` a line.

lapmod wants a square table in which everybody gets a partner. So each rider has a column of its own for staying out, and
each taxi a row of its own for staying empty, which takes either its own taxi or the spare column of a rider who may get
that taxi: then every choice of pairs is a full table of the same cost. Making that table is not timed.
"""
import json
import statistics
import sys
import time

import lap
import numpy as np


def square(file):
    with open(file) as lines:
        riders, taxis, price = map(int, next(lines).split())
        rider, taxi, cost = np.loadtxt(lines, dtype=np.int64, ndmin=2).T
    spare = np.arange(riders)
    empty = np.arange(taxis)
    row = np.concatenate([rider, spare, riders + empty, riders + taxi])
    column = np.concatenate([taxi, taxis + spare, empty, taxis + rider])
    value = np.concatenate([cost, np.full(riders, price), np.zeros(taxis + len(taxi), dtype=np.int64)])
    order = np.lexsort((column, row))
    starts = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=riders + taxis))])
    return riders, taxis, value[order].astype(float), starts.astype(np.int32), column[order].astype(np.int32)


print("ready", flush=True)
for line in sys.stdin:
    repeats, file = line.split(maxsplit=1)
    riders, taxis, value, starts, columns = square(file.strip())
    took = []
    for _ in range(int(repeats)):
        began = time.perf_counter()
        cost, chosen, _ = lap.lapmod(riders + taxis, value, starts, columns)
        took.append(time.perf_counter() - began)
    out = int((np.asarray(chosen)[:riders] >= taxis).sum())
    found = f"cost {round(cost)}, {out} left out"
    print(json.dumps({"figure": statistics.median(took) * 1e3, "check": found}), flush=True)
