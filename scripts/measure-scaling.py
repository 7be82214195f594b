#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# What docs/scaling.md says of more cores, threads and memory than one machine has: counted in a
# trace of every instruction and access (valgrind's lackey), read from the kernel, or calculated.
#
#   python3 scripts/measure-scaling.py [--library PATH] [--write]
#
# Run `swift build -c release` before. --write puts the tables into docs/scaling.md. Needs valgrind,
# gcc and objdump. A shared line is one of 64 bytes that two threads touch in the same rows of the
# table and one of them writes: what has to travel between their cores. Counted are accesses of the
# library's own instructions.
import argparse, collections, os, re, subprocess, sys, tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
GROUPS = [("malloc, hit", "free, hit"), ("malloc, building", "free, dropping"),
          ("free, remote", "malloc, after remote frees"), ("malloc, medium", "free, medium"),
          ("malloc, large, kept", "free, large, kept"), ("malloc, large", "free, large"),
          ("malloc, whale", "free, whale"), ("thread's first malloc", "thread's exit"),
          ("malloc_trim",)]
ONE_THREAD_A_CALL = ("thread's first malloc", "thread's exit")
SLOW_INSTRUCTIONS = 120
# The model's units: a core's ns an instruction, and ns for a line to come from another core, on
# one socket of many cores; of two sockets it is about twice that.
NS_INSTRUCTION, NS_LINE, CORES = 0.4, 100.0, (2, 8, 32, 128)


def locked_instructions(library):
    """Offsets of the instructions that take a lock (compare-exchange) and give it (exchange)."""
    text = subprocess.run(["objdump", "-d", "--no-show-raw-insn", library], check=True,
                          capture_output=True, text=True).stdout
    takes, gives = set(), set()
    for offset, words in re.findall(r"^ +([0-9a-f]+):\t(.*)$", text, re.M):
        if "cmpxchg" in words:
            takes.add(int(offset, 16))
        elif words.startswith("xchg") and "(" in words:
            gives.add(int(offset, 16))
    return takes, gives


class Call:
    def __init__(self, operation, thread):
        self.operation, self.thread = operation, thread
        self.instructions = self.locks = self.held = 0
        self.reads, self.writes, self.under = set(), set(), set()
        self.taken, self.given = {}, []

    def access(self, kind, address, bytes, gives, takes):
        for line in range(address >> 6, (address + bytes - 1 >> 6) + 1):
            (self.reads if kind == "L" else self.writes).add(line)
            for _, lines in self.taken.values():
                lines.add(line)
        if takes and address not in self.taken:
            self.taken[address] = (self.instructions, {address >> 6})
        elif gives and address in self.taken:
            since, lines = self.taken.pop(address)
            self.given.append((address, self.instructions - since, lines))

    def count(self, own):
        """Counts the locks but those at `own`."""
        for address, held, lines in self.given:
            if address not in own:
                self.locks += 1
                self.held += held
                self.under |= lines


def trace(driver, library, log):
    """Every call of the driver's, as it ran. `log` is where the trace may lie meanwhile."""
    takes, gives = locked_instructions(library)
    size = os.path.getsize(library) + (1 << 20)
    process = subprocess.run(
        ["valgrind", "--tool=lackey", "--trace-mem=yes", "--log-file=" + log, driver, "paths"],
        env={**os.environ, "LD_PRELOAD": library}, capture_output=True, text=True, timeout=300)
    if process.returncode != 0:
        sys.exit("measure-scaling.py: valgrind does not run the driver: " + process.stderr)
    head = process.stdout.split("\n")
    base, marks, stacks = (int(text, 16) for text in head[1:4])
    stacks_end, names = stacks + int(head[4]), head[5:-1]
    calls, call, inside, offset, short = [], None, False, 0, 0
    for line in open(log, errors="replace"):
        kind = line[1]
        if line[0] == "I":
            if call:
                offset = int(line[3:line.index(",")], 16) - base
                inside = 0 <= offset < size
                call.instructions += inside
            continue
        if line[0] != " " or kind not in "LSM" or not (call or kind == "S"):
            continue
        address, bytes = line[3:].split(",")
        address = int(address, 16)
        if marks <= address < marks + 4 * len(names):
            operation, thread, is_end = (address - marks) // 4, (address - marks) // 2 % 2, address % 2
            if is_end:
                calls.append(call)
                call = None
            else:
                name = names[operation]
                short += name == ONE_THREAD_A_CALL[0]
                call = Call(name, short if name in ONE_THREAD_A_CALL else thread)
                inside = False
        elif call and inside and not stacks <= address < stacks_end:
            call.access(kind, address, int(bytes), offset in gives, offset in takes)
    # A lock that some call gives back by a plain store is a cache's own (SlabLock.swift): nobody
    # ever waits for its holder.
    own = {address for call in calls for address in call.taken}
    for call in calls:
        call.count(own)
    return calls


def rows(calls):
    """One row for the fast and one for the slow calls of each operation."""
    for group in GROUPS:
        own = [call for call in calls if call.operation in group]
        readers, writers = collections.defaultdict(set), collections.defaultdict(set)
        for call in own:
            for line in call.reads | call.writes:
                readers[line].add(call.thread)
            for line in call.writes:
                writers[line].add(call.thread)
        shared = {line for line in writers if len(readers[line]) > 1}
        for name in group:
            named = [call for call in own if call.operation == name]
            slow = [call for call in named if call.instructions > SLOW_INSTRUCTIONS]
            fast = [call for call in named if call.instructions <= SLOW_INSTRUCTIONS]
            for label, some in (("", fast), (", slow way" if fast else "", slow)):
                if some:
                    def mean(figure):
                        return sum(map(figure, some)) / len(some)
                    yield {"name": name + label, "share": len(some) / len(named),
                           "calls": len(some),
                           "instructions": mean(lambda call: call.instructions),
                           "lines": mean(lambda call: len(call.reads | call.writes)),
                           "shared": mean(lambda call: len((call.reads | call.writes) & shared)),
                           "locks": mean(lambda call: call.locks),
                           "held": mean(lambda call: call.held),
                           "under": mean(lambda call: len(call.under & shared))}


def table(titles, lines):
    yield "| " + " | ".join(titles) + " |"
    yield "| --- |" + " ---: |" * (len(titles) - 1)
    for line in lines:
        yield "| " + " | ".join(str(cell) for cell in line) + " |"


def path_table(measured):
    return table(
        ["call", "of its calls", "instructions", "lines", "shared lines", "locks",
         "instructions under locks", "shared lines under locks"],
        [[row["name"], f"{row['share']:.0%}"] + [
            f"{row[key]:.1f}".removesuffix(".0")
            for key in ("instructions", "lines", "shared", "locks", "held", "under")]
         for row in measured])


def throughput(hold, rest, cores):
    """Of so many cores that do nothing else, how many get on (mean value analysis of one queue)."""
    waiting = 0.0
    for count in range(1, cores + 1):
        residence = hold * (1 + waiting)
        rate = count / (residence + rest)
        waiting = rate * residence
    return rate * (hold + rest)


def lock_table(measured):
    lines = []
    for row in measured:
        if row["locks"] < 0.005 or row["calls"] < 8:
            continue
        hold = row["held"] * NS_INSTRUCTION + row["under"] * NS_LINE
        rest = max(row["instructions"] - row["held"], 0) * NS_INSTRUCTION \
            + (row["shared"] - row["under"]) * NS_LINE
        lines.append([row["name"], f"{hold:.0f}"]
                     + [f"{throughput(hold, rest, cores):.1f}" for cores in CORES]
                     + [f"{throughput(hold, rest + 10_000, cores):.1f}" for cores in CORES[1:]])
    return table(["call", "ns under locks"] + [f"{cores} cores" for cores in CORES]
                 + [f"{cores}, working 10 µs" for cores in CORES[1:]], lines)


def thread_table(driver, library):
    def figures(count, allocates, preload):
        text = subprocess.run([driver, "threads", str(count), str(allocates)], text=True,
                              capture_output=True, check=True,
                              env={**os.environ, "LD_PRELOAD": preload}).stdout
        return {name: int(value) for name, value in re.findall(r"(\w+):\s+(\d+)", text)}
    lines = []
    for count in (100, 1000, 4000, 10_000):
        for name, preload in (("hakmem", library), ("glibc", "")):
            try:
                none, some = (figures(count, allocates, preload) for allocates in (0, 1))
            except subprocess.CalledProcessError:
                lines.append([f"{count:,}", name] + ["refused"] * 5)
                continue
            each = {key: (some[key] - none[key]) / count for key in some}
            lines.append([f"{count:,}", name, f"{each['VmRSS']:.1f}", f"{each['VmPTE']:.1f}",
                          f"{each['VmSize'] / 1024:.1f}", f"{each['Maps']:.1f}",
                          f"{some['Maps']:,}"])
    return table(["threads", "", "resident KiB each", "page tables KiB each", "virtual MiB each",
                  "mappings each", "mappings in all"], lines)


def constant(file, name):
    text = open(os.path.join(ROOT, "Sources/HakmemCore", file)).read()
    return int(re.search(name + r"(?:: \w+)? = (\d+)", text).group(1))


def memory_table():
    """Records for a full heap, in GiB, by the constants of the sources."""
    granule, line = 1 << constant("Base/Units.swift", "granuleShift"), 1 << constant(
        "Base/Units.swift", "lineShift")
    header = constant("Heap/Span.swift", "headerBytes")
    lines = []
    for heap in (1 << 30, 1 << 36, 1 << 40):
        granules = heap // granule
        block_map = granules * (16 + granule // line * 8)
        cells = [f"{heap >> 30:,} GiB", block_map, granules * header // 4, granules * header]
        for threads in (1, 128):
            # A page of an own map serves 2048 granules. At worst slabs of four lie at random.
            pages = granules * 2 / 4096
            share = 1 - (1 - 1 / threads) ** (2048 / 4)
            cells.append(int(threads * max(pages * share, 1) * 4096))
        worst = cells[1] + cells[3] + cells[-1]
        lines.append([cells[0]] + [f"{cell / (1 << 20):,.1f}" for cell in cells[1:]]
                     + [f"{worst / heap:.2%}"])
    return table(["heap in slabs", "block map MiB", "headers, slabs of 4 granules",
                  "headers, slabs of one", "own map, 1 thread", "own maps, 128 threads",
                  "the most"], lines)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--library", default=os.path.join(ROOT, ".build/release/libhakmem.so"))
    parser.add_argument("--write", action="store_true", help="put the tables into docs/scaling.md")
    arguments = parser.parse_args()
    library = os.path.realpath(arguments.library)
    if not os.path.exists(library):
        sys.exit(f"measure-scaling.py: there is no {library}; run swift build -c release")
    with tempfile.TemporaryDirectory() as folder:
        driver = os.path.join(folder, "scaling")
        subprocess.run(["gcc", "-O2", "-fno-builtin", "-o", driver,
                        os.path.join(ROOT, "scripts/scaling.c"), "-lpthread"], check=True)
        measured = list(rows(trace(driver, library, os.path.join(folder, "log"))))
        tables = {"paths": path_table(measured), "locks": lock_table(measured),
                  "threads": thread_table(driver, library), "memory": memory_table()}
        tables = {name: "\n".join(lines) for name, lines in tables.items()}
    if not arguments.write:
        print("\n\n".join(tables.values()))
        return
    path = os.path.join(ROOT, "docs/scaling.md")
    text = open(path).read()
    for name, lines in tables.items():
        text = re.sub(f"(<!-- {name} -->\n).*?(<!-- /{name} -->)",
                      lambda match: f"{match[1]}\n{lines}\n\n{match[2]}", text, flags=re.S)
    open(path, "w").write(text)


main()
