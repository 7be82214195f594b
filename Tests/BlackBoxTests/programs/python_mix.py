# SPDX-License-Identifier: MIT
"""Threads, processes, a database, JSON and a lot of objects. The output is always the same."""
import collections
import hashlib
import json
import multiprocessing
import re
import sqlite3
import threading
import zlib


def work(seed):
    """A mix of objects that grows, shrinks and is summed up."""
    table = collections.defaultdict(list)
    for i in range(20000):
        table[(i * seed) % 997].append(f"{seed}:{i}" * (i % 7))
        if i % 3 == 0:
            table.pop((i * 7) % 997, None)
    text = json.dumps(table, sort_keys=True)
    assert json.loads(text) == {str(key): value for key, value in table.items()}
    packed = zlib.compress(text.encode())
    assert zlib.decompress(packed).decode() == text
    return hashlib.sha256(text.encode()).hexdigest()


def threads():
    results = {}

    def run(seed):
        results[seed] = work(seed)

    running = [threading.Thread(target=run, args=(seed,)) for seed in range(1, 7)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return [results[seed] for seed in sorted(results)]


def database():
    with sqlite3.connect(":memory:") as connection:
        connection.execute("create table item (id integer primary key, name text, size real)")
        connection.executemany(
            "insert into item values (?, ?, ?)",
            ((i, f"item {i * 7919 % 10007}", i / 3) for i in range(20000)))
        connection.execute("create index by_name on item (name)")
        return connection.execute(
            "select count(*), sum(size), min(name) from item where name like 'item 1%'").fetchone()


def main():
    print(threads())
    for method in ("fork", "spawn"):
        with multiprocessing.get_context(method).Pool(2) as pool:
            print(method, pool.map(work, range(1, 5)))
    print(database())
    buffer = bytearray()
    for i in range(2000):
        buffer += bytes([i % 256]) * (i % 1500)
    print(hashlib.md5(buffer).hexdigest())
    print(len(re.findall(r"(\w+)\s+\1", "the the cat cat sat " * 5000)))
    grown = [list(range(n)) for n in range(1500)]
    print(sum(map(len, grown)))


if __name__ == "__main__":
    main()
