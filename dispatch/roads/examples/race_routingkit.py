#!/usr/bin/env python3
"""Asks ours and RoutingKit's CCH (PyPI routingkit-cch) the same 50 -> 1 questions in turns.

race_routingkit.py EXECUTABLE MAP [ROUNDS] [QUERIES]: EXECUTABLE is the built example race_tables. Every source is
pinned anew for every question, for drivers move. Prints each round, whether the sums agree, and the median ratio.
"""
import statistics
import subprocess
import sys
import tempfile
import time

import routingkit_cch as kit

executable, osm = sys.argv[1], sys.argv[2]
rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 7
queries = int(sys.argv[4]) if len(sys.argv) > 4 else 2000
PINNED = 50

graph = tempfile.NamedTemporaryFile("r", suffix=".graph")
ours = subprocess.Popen([executable, osm, graph.name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
while (line := ours.stdout.readline()).strip() != "ready":
    if not line:
        sys.exit("the executable ended early")
    print(line.strip())
lines = iter(graph)
states, turns = map(int, next(lines).split())
where = [tuple(map(float, next(lines).split())) for _ in range(states)]
arcs = [tuple(map(int, next(lines).split())) for _ in range(turns)]
tail, head, ms = (list(column) for column in zip(*arcs))
order = kit.compute_order_inertial(states, tail, head, [at[0] for at in where], [at[1] for at in where])
cch = kit.CCH(order, tail, head, False)
metric = kit.CCHMetric(cch, ms)
pinned = kit.CCHManyToOne(metric, list(range(PINNED)))


def theirs(seed):
    def pick():
        nonlocal seed
        seed = (seed * 1_103_515_245 + 12_345) % (1 << 31)
        return seed % states

    asked = [([pick() for _ in range(PINNED)], pick()) for _ in range(queries)]
    total = 0
    started = time.perf_counter()
    for sources, target in asked:
        pinned.repin_sources(sources)
        total += sum(ms for ms in pinned.distances_to(target) if ms is not None)
    return (time.perf_counter() - started) / queries * 1e6, total


ratios = []
for round_number in range(rounds):
    their_us, their_sum = theirs(round_number + 1)
    ours.stdin.write(f"{queries} {round_number + 1}\n")
    ours.stdin.flush()
    our_us, our_sum = ours.stdout.readline().split()
    same = "equal sums" if int(our_sum) == their_sum else f"SUMS DIFFER: {our_sum} and {their_sum}"
    ratios.append(float(our_us) / their_us)
    print(f"RoutingKit {their_us:.1f} us, ours {our_us} us, ratio {ratios[-1]:.2f}, {same}")
print(f"median ratio {statistics.median(ratios):.2f}")
