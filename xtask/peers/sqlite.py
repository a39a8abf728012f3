"""Writes bookings into SQLite as durably as an edge does, one row a commit, with nothing around it.

Started with a file, which is made anew. Asked a line `SECONDS`, it answers one JSON line: commits in a second. The row is
about as long as an entry of a journal; WAL, synchronous FULL.
"""
import json
import os
import sqlite3
import sys
import time

for ending in ("", "-wal", "-shm"):
    if os.path.exists(sys.argv[1] + ending):
        os.remove(sys.argv[1] + ending)
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("PRAGMA journal_mode = WAL")
db.execute("PRAGMA synchronous = FULL")
db.execute("CREATE TABLE journal (seq INTEGER PRIMARY KEY, at_ms INTEGER, kind INTEGER, body TEXT)")
BODY = json.dumps({"booking": "6f1c9bd2-6a52-4c5e-8d27-0c4a4e5f1a11", "lat": 37.5, "lon": 127.0, "rider": "x" * 120})

print("ready", flush=True)
for line in sys.stdin:
    time_s, commits = float(line), 0
    began = time.perf_counter()
    while time.perf_counter() - began < time_s:
        db.execute("BEGIN IMMEDIATE")
        db.execute("INSERT INTO journal (at_ms, kind, body) VALUES (?, ?, ?)", (1700000000000 + commits, 1, BODY))
        db.execute("COMMIT")
        commits += 1
    print(json.dumps({"figure": commits / (time.perf_counter() - began)}), flush=True)
