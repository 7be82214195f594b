#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# What learning does on the real heap, against fixed strategies, as tables in Markdown
# (docs/adr/0019-what-a-strategy-costs.md). Everything takes about fifteen minutes:
#
#   scripts/learn-experiment.py [--parts a,b] [--loads a,b] [--repetitions N] [--scale F]
#
# A strategy is fixed by a profile that names it and HAKMEM_EVO=frozen. A run costs, over all of it
# and not only its windows: CPU time a block (of the kernel's account: time in slow paths is shown,
# but has the time in it that other programs took), page faults a block (of the workload's own
# count), and the mean resident set (sampled every 4 ms), in one geometric mean with the weights 40,
# 30 and 30 against the fixed default. Runs are interleaved; of repetitions each figure's least
# counts, because disturbances only add. `spread` is that of the default's cost.
import argparse, json, math, os, subprocess, tempfile, time

NAMES = ("default lean prompt patient hoard large-keeper whale-keeper wide-refill narrow-refill "
         "grower huge-pages by-site").split()
# Operations of a fixed run and of one that learns.
STATIONARY = {
    "learn-large": (3_000_000, 30_000_000), "learn-whales": (200_000, 6_000_000),
    "learn-herd": (400_000, 12_000_000), "learn-growth": (2_000_000, 20_000_000),
    "learn-build": (60_000_000, 800_000_000), "learn-bursts": (2_000_000, 40_000_000),
    "learn-spikes": (60_000_000, 300_000_000), "mir": (1_000_000, 20_000_000)}
FIGURES = ("cpu", "faults", "memory", "total")
FLOORS = {"total": 1, "faults": 0.01, "memory": 0}
WEIGHTS = {"total": 0.4, "faults": 0.3, "memory": 0.3}


class Runner:
    def __init__(self, arguments):
        self.arguments = arguments
        self.folder = tempfile.mkdtemp()
        self.profile = os.path.join(self.folder, "profile")
        self.run(["json", "--iterations", "10"],
                 {"HAKMEM_EVO": "frozen", "HAKMEM_PROFILE": self.profile})
        self.program = open(self.profile).read().split("\n")[1]

    def write_profile(self, strategy, rules=()):
        lines = ["hakmem-profile 1", self.program, f"strategy {strategy}", *rules, "check edited"]
        with open(self.profile, "w") as file:
            file.write("\n".join(lines) + "\n")

    def run(self, words, environment, times=True, watched=False):
        """Runs a workload to its end; gives its figures, and its windows when it is watched."""
        log = os.path.join(self.folder, "log")
        if os.path.exists(log):
            os.remove(log)
        variables = {**os.environ, "LD_PRELOAD": self.arguments.library, **environment}
        if times:
            variables["HAKMEM_TIMING"] = "json"
        if watched:
            variables["HAKMEM_WATCH"] = log
        process = subprocess.Popen([self.arguments.workloads, *words], env=variables,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        resident = []
        with open(f"/proc/{process.pid}/statm") as statm:
            while process.poll() is None:
                try:
                    statm.seek(0)
                    resident.append(int(statm.read().split()[1]) * 4 / 1024)
                except (IndexError, OSError, ValueError):
                    break
                time.sleep(0.004)
        out, err = process.communicate()
        report = json.loads(out.split(b"\n")[0])
        operations = report["operations"]
        found = {"faults": report["minor_faults"] / operations, "wall": report["wall_ns"] / 1e9,
                 "total": report["cpu_ns"] / operations, "peak": report["peak_kib"] / 1024,
                 "memory": sum(resident) / max(len(resident), 1)}
        for line in err.split(b"\n"):
            if b"hakmem_timing" in line:
                sections = json.loads(line)["sections"]
                found["cpu"] = sum(s["total_ns"] for s in sections
                                   if s["name"].endswith("slow path")) / operations
        if watched:
            text = open(log).read() if os.path.exists(log) else ""
            found["windows"] = [json.loads(line) for line in text.split("\n")[:-1]]
        return found

    def fixed(self, words, strategy, **options):
        self.write_profile(strategy)
        return self.run(words, {"HAKMEM_EVO": "frozen", "HAKMEM_PROFILE": self.profile}, **options)

    def learnt(self, words, **options):
        return self.run(words, {"HAKMEM_MODE": "learning"}, watched=True, **options)


def cost(found, reference):
    return math.exp(sum(weight * math.log((found[name] + FLOORS[name])
                                          / (reference[name] + FLOORS[name]))
                        for name, weight in WEIGHTS.items()))


def least(runs):
    return {name: min(run[name] for run in runs) for name in FIGURES if name in runs[0]}


def figures(found):
    return (f"{found['cpu']:.1f} | {found['total']:.1f} | {found['faults']:.4f} | "
            f"{found['memory']:.1f}")


def words(name, operations, scale=1.0):
    return [name, "--iterations", str(max(1, int(operations * scale)))]


def stationary(runner, arguments):
    print("\n### Stationary loads\n\nCosts against the fixed default of the same load. «as good» "
          "are the fixed strategies within 2 % of the best. «learnt» is what ran at the end, and "
          "what it costs fixed. «whole run» has the trials in it.\n")
    print("| load | spread | best fixed | cost | as good | worst | learnt | its cost fixed | "
          "windows | whole run | its slow ns, CPU ns, faults a block, MiB | default's |")
    print("|---|---:|---|---:|---|---|---|---:|---:|---:|---|---|", flush=True)
    for name, (operations, longer) in STATIONARY.items():
        if name not in arguments.loads.split(","):
            continue
        runs = {strategy: [] for strategy in NAMES}
        learnt = []
        for _ in range(arguments.repetitions):
            for strategy in NAMES:
                few = operations / (8 if strategy in ("prompt", "lean") else 1)
                runs[strategy].append(runner.fixed(words(name, few, arguments.scale), strategy))
            learnt.append(runner.learnt(words(name, longer, arguments.scale)))
        found = {strategy: least(those) for strategy, those in runs.items()}
        reference = found["default"]
        costs = {strategy: cost(f, reference) for strategy, f in found.items()}
        order = sorted(costs, key=costs.get)
        best, worst = order[0], order[-1]
        good = [s for s in order[1:] if costs[s] <= 1.02 * costs[best]]
        spread = max(cost(run, reference) for run in runs["default"]) - 1
        ends = [run["windows"][-1]["next"] if run["windows"] else "-" for run in learnt]
        needed = [settled(run["windows"], {best, *good}) for run in learnt]
        print(f"| {name} | {100 * spread:.0f} % | {best} | {costs[best]:.3f} | "
              f"{', '.join(good) or 'none'} | {worst} {costs[worst]:.2f} | {', '.join(ends)} | "
              f"{', '.join(f'{costs.get(e, math.nan):.3f}' for e in ends)} | "
              f"{', '.join(needed)} | "
              f"{', '.join(f'{cost(run, reference):.3f}' for run in learnt)} | "
              f"{figures(least(learnt)).replace(' |', ',')} | "
              f"{figures(reference).replace(' |', ',')} |", flush=True)


def settled(windows, good):
    """Windows until learning froze; of how many."""
    first = next((i for i, w in enumerate(windows) if w["state"] == "FROZEN"), None)
    return f"{'-' if first is None else first} of {len(windows)}"


def phases(runner, arguments):
    name, rounds = "learn-phases", max(1, int(6 * arguments.scale))
    command = [name, "--iterations", str(rounds)]
    print(f"\n### Phases: {rounds} rounds of large buffers, small blocks, growth, threads, rests\n")
    print("| strategy | cost | slow ns a block | CPU ns | faults | mean MiB |")
    print("|---|---:|---:|---:|---:|---:|", flush=True)
    found = {strategy: runner.fixed(command, strategy)
             for strategy in NAMES if strategy != "prompt"}
    learnt = runner.learnt(command)
    reference = found["default"]
    for strategy in sorted(found, key=lambda s: cost(found[s], reference)):
        print(f"| {strategy} | {cost(found[strategy], reference):.3f} | "
              f"{figures(found[strategy])} |")
    print(f"| **learnt** | {cost(learnt, reference):.3f} | {figures(learnt)} |", flush=True)


def safety(runner, arguments):
    print("\n### Safety\n\n| case | against FROZEN at the default | slow ns | CPU ns | faults | "
          "mean MiB |\n|---|---:|---:|---:|---:|---:|", flush=True)
    for live in (10, 25, 50, 100, 250):
        flips = max(4, int(arguments.scale * 1500 / live))
        command = ["learn-flips", "--iterations", str(flips), "--live", str(live)]
        base = runner.fixed(command, "default")
        learnt = runner.learnt(command)
        print(f"| flips after {live} rounds of 2 ms | {cost(learnt, base):.3f} | "
              f"{figures(learnt)} |", flush=True)
    # A bad champion, loaded as the profile of an earlier run: learning has to find out.
    runner.write_profile("prompt")
    base = runner.fixed(words("mir", 2_000_000, arguments.scale), "default")
    runner.write_profile("prompt")
    bad = runner.run(words("mir", 2_000_000, arguments.scale),
                     {"HAKMEM_MODE": "learning", "HAKMEM_PROFILE": runner.profile}, watched=True)
    ends = bad["windows"][-1]["next"] if bad["windows"] else "-"
    print(f"| mir from a profile that says prompt, ends as {ends} | {cost(bad, base):.3f} | "
          f"{figures(bad)} |", flush=True)


def canary(runner, arguments):
    """A profile that praises a ruinous strategy, so that it is the challenger of every canary."""
    print("\n### A bad canary on the heap: mir, with a profile that rates prompt best\n\n"
          "| canaries | ended as | windows of it | page faults of it | of all | whole run's cost |\n"
          "|---:|---|---|---:|---:|---:|", flush=True)
    command = words("mir", 24_000_000, arguments.scale)
    base = runner.fixed(words("mir", 2_000_000, arguments.scale), "default")
    runner.write_profile("default", ["rating prompt 2000 16", "rating default 1500 16"])
    found = runner.run(command, {"HAKMEM_EVO": "auto", "HAKMEM_MODE": "learning",
                                 "HAKMEM_PROFILE": runner.profile}, watched=True)
    windows = found["windows"]
    begun = [w for w in windows if w["reason"] == "a challenger has a window"]
    trials = [w for w in windows if w["strategy"] == "prompt"]
    spans = [w["end_ms"] - windows[windows.index(w) - 1]["end_ms"] for w in trials]
    print(f"| {len(begun)} | {'; '.join(sorted({w['reason'] for w in trials})) or '-'} | "
          f"{len(trials)}, {sum(spans)} of {windows[-1]['end_ms'] - windows[0]['end_ms']} ms | "
          f"{sum(w['page_faults'] for w in trials)} | {sum(w['page_faults'] for w in windows)} | "
          f"{cost(found, base):.3f} |", flush=True)


def restart(runner, arguments):
    print("\n### Restart with a profile: the first half second of spikes\n\n"
          "| run | slow ns | CPU ns | faults | mean MiB |\n|---|---:|---:|---:|---:|")
    command = words("learn-spikes", 20_000_000, arguments.scale)
    print(f"| default | {figures(runner.fixed(command, 'default'))} |")
    print(f"| learning from nothing | {figures(runner.learnt(command))} |")
    runner.write_profile("default")
    os.remove(runner.profile)
    keep = {"HAKMEM_PROFILE": runner.profile}
    longer = words("learn-spikes", 300_000_000, arguments.scale)
    runner.run(longer, {"HAKMEM_MODE": "learning", **keep})
    print(f"| with the profile of a longer run | {figures(runner.run(command, keep))} |",
          flush=True)


def overhead(runner, arguments):
    print("\n### CPU time of all of a program, nothing timed by request, ns a block\n\n"
          "| load | off | balanced | learning | learning, frozen by profile |")
    print("|---|---:|---:|---:|---:|", flush=True)
    for name in ("learn-large", "learn-build", "learn-spikes", "mir"):
        command = words(name, STATIONARY[name][1] / 2, arguments.scale)
        ways = {"off": {"HAKMEM_EVO": "off"}, "balanced": {}, "learning":
                {"HAKMEM_MODE": "learning"}, "frozen":
                {"HAKMEM_EVO": "frozen", "HAKMEM_PROFILE": runner.profile}}
        runner.write_profile("default")
        found = {way: [] for way in ways}
        for _ in range(arguments.repetitions + 1):
            for way, environment in ways.items():
                found[way].append(runner.run(command, environment, times=False)["total"])
                if way == "frozen":
                    runner.write_profile("default")
        print(f"| {name} | " + " | ".join(f"{min(found[way]):.1f}" for way in ways) + " |",
              flush=True)


def rules(runner):
    """The lines of the profile that are rules of call sites."""
    with open(runner.profile) as file:
        return [line for line in file.read().split("\n") if line.startswith("rule ")]


def sites(runner, arguments):
    print("\n### Call sites: Site Rules against routing by size alone, nothing timed\n\n"
          "«by rule» has the default strategy and a profile with the rules of the run before it, "
          "which learnt them for the default's purge delay.\n\n| run | cost | CPU ns | faults | mean MiB |\n|---|---:|---:|---:|---:|",
          flush=True)
    command = words("learn-sites", 6_000, arguments.scale)
    for _ in range(arguments.repetitions):
        base = runner.run(command, {"HAKMEM_EVO": "off"}, times=False)
        if os.path.exists(runner.profile):
            os.remove(runner.profile)
        keep = {"HAKMEM_PROFILE": runner.profile, "HAKMEM_PURGE_DELAY_MS": "100"}
        learnt = runner.run(command, {"HAKMEM_MODE": "learning", **keep}, times=False)
        known = rules(runner)
        runner.write_profile("default", known)
        ruled = runner.run(command, {"HAKMEM_EVO": "frozen", **keep}, times=False)
        for name, found in (("by size alone", base), ("learning", learnt), ("by rule", ruled)):
            print(f"| {name} | {cost(found, base):.3f} | {found['total']:.0f} | "
                  f"{found['faults']:.3f} | {found['memory']:.1f} |")
        print("| " + "; ".join(known) + " | | | | |", flush=True)
    print("\n| load | large blocks from caches | whales from the cache |\n|---|---:|---:|")
    for name, count in (("vm", 20_000), ("learn-sites", 10_000)):
        stats = os.path.join(runner.folder, "stats")
        if os.path.exists(stats):
            os.remove(stats)
        runner.run(words(name, count, arguments.scale),
                   {"HAKMEM_STATS": "json", "HAKMEM_STATS_FILE": stats})
        found = json.loads(open(stats).read())
        rates = []
        for kind in ("large", "whale"):
            hits, misses = found[kind + "_cache_hits"], found[kind + "_cache_misses"]
            rates.append(f"{100 * hits / (hits + misses):.2f} % of {hits + misses}"
                         if hits + misses else "none")
        print(f"| {name} | {' | '.join(rates)} |", flush=True)


def main():
    parser = argparse.ArgumentParser()
    here = os.path.dirname(os.path.abspath(__file__))
    build = os.path.join(here, "..", ".build", "release")
    parts = {"stationary": stationary, "phases": phases, "safety": safety, "canary": canary,
             "restart": restart,
             "overhead": overhead, "sites": sites}
    parser.add_argument("--library", default=os.path.join(build, "libhakmem.so"))
    parser.add_argument("--workloads", default=os.path.join(build, "workloads"))
    parser.add_argument("--parts", default=",".join(parts))
    parser.add_argument("--loads", default=",".join(STATIONARY), help="of the stationary ones")
    parser.add_argument("--repetitions", type=int, default=2)
    parser.add_argument("--scale", type=float, default=1.0, help="of all run lengths")
    arguments = parser.parse_args()
    runner = Runner(arguments)
    start = time.time()
    for part in arguments.parts.split(","):
        parts[part](runner, arguments)
    print(f"\n{time.time() - start:.0f} s")


main()
