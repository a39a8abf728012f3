"""Answers 50 -> 1 questions with RoutingKit's customizable contraction hierarchy (PyPI routingkit-cch).

Started with the graph that dispatch/roads/examples/race_tables.rs writes. Asked a line `QUERIES SEED`, it answers one JSON
line: the time of a question in microseconds, and what was found. Every source is pinned anew for every question, for
drivers move.
"""
import json
import sys
import time

import routingkit_cch as kit

PINNED = 50

with open(sys.argv[1]) as lines:
    states, turns = map(int, next(lines).split())
    where = [tuple(map(float, next(lines).split())) for _ in range(states)]
    arcs = [tuple(map(int, next(lines).split())) for _ in range(turns)]
tail, head, ms = (list(column) for column in zip(*arcs))
order = kit.compute_order_inertial(states, tail, head, [at[0] for at in where], [at[1] for at in where])
cch = kit.CCH(order, tail, head, False)
metric = kit.CCHMetric(cch, ms)
pinned = kit.CCHManyToOne(metric, list(range(PINNED)))


def ask(queries, seed):
    def pick():
        nonlocal seed
        seed = (seed * 1_103_515_245 + 12_345) % (1 << 31)
        return seed % states

    asked = [([pick() for _ in range(PINNED)], pick()) for _ in range(queries)]
    answers = []
    began = time.perf_counter()
    for sources, target in asked:
        pinned.repin_sources(sources)
        answers.append(pinned.distances_to(target))
    each = (time.perf_counter() - began) / queries * 1e6
    found = [ms for answer in answers for ms in answer if ms is not None]
    return {"figure": each, "check": f"{len(found)} ways, {sum(found)} ms in all"}


print("ready", flush=True)
for line in sys.stdin:
    print(json.dumps(ask(*map(int, line.split()))), flush=True)
