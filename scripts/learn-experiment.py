#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# Workloads under each fixed strategy and under learning (docs/adr/0010-learning-in-the-heap.md).
#
#   scripts/learn-experiment.py [--scenarios a,b] [--repetitions N] [--seconds S] [--library PATH]
#
# A strategy is fixed by a profile that names it and HAKMEM_EVO=frozen. What a run cost comes from
# its own windows (HAKMEM_WATCH): slow-path time and page faults a block, bytes held for each that is
# live, in one geometric mean of the weights 40, 30 and 30, against the fixed default.
import argparse, json, math, os, statistics, subprocess, sys, tempfile

NAMES = ("default lean prompt patient hoard large-keeper whale-keeper wide-refill narrow-refill "
         "grower huge-pages by-site").split()
SCENARIOS = "mir,vm,mixed,images-16,tail-100k,grow-8m,calloc-again-1m,phases-mixed,small-100k"


def run(arguments, words, environment, seconds):
    """Runs a workload for so long; gives its windows."""
    with tempfile.TemporaryDirectory() as folder:
        log = os.path.join(folder, "log")
        variables = {**os.environ, "LD_PRELOAD": arguments.library, "HAKMEM_WATCH": log,
                     **environment}
        process = subprocess.Popen([arguments.workloads] + words, env=variables,
                                   stdout=subprocess.DEVNULL)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        text = open(log).read() if os.path.exists(log) else ""
        return [json.loads(line) for line in text.split("\n")[:-1]]


def rates(windows):
    blocks = sum(w["events"] for w in windows)
    held = sum(w["resident_bytes"] for w in windows) / len(windows)
    live = sum(w["live_bytes"] for w in windows) / len(windows)
    return (sum(w["allocator_ns"] for w in windows) / blocks,
            sum(w["page_faults"] for w in windows) / blocks, held / (live + (1 << 20)))


def cost(found, reference):
    parts = zip(found, reference, (1, 0.01, 0.01), (0.4, 0.3, 0.3))
    return math.exp(sum(w * math.log((x + floor) / (r + floor)) for x, r, floor, w in parts))


def main():
    parser = argparse.ArgumentParser()
    here = os.path.dirname(os.path.abspath(__file__))
    build = os.path.join(here, "..", ".build", "release")
    parser.add_argument("--library", default=os.path.join(build, "libhakmem.so"))
    parser.add_argument("--workloads", default=os.path.join(build, "workloads"))
    parser.add_argument("--scenarios", default=SCENARIOS)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.0)
    arguments = parser.parse_args()
    folder = tempfile.mkdtemp()
    profile = os.path.join(folder, "profile")
    run(arguments, ["json", "--iterations", "10"],
        {"HAKMEM_EVO": "frozen", "HAKMEM_PROFILE": profile}, 10)
    program = open(profile).read().split("\n")[1]
    for scenario in arguments.scenarios.split(","):
        words = [scenario, "--iterations", "1000000000", "--warmup", "1"]
        found = {name: [] for name in NAMES}
        for _ in range(arguments.repetitions):
            for name in NAMES:
                with open(profile, "w") as file:
                    file.write(f"hakmem-profile 1\n{program}\nstrategy {name}\ncheck edited\n")
                windows = run(arguments, words,
                              {"HAKMEM_EVO": "frozen", "HAKMEM_PROFILE": profile},
                              arguments.seconds)
                # The first window has the program's start in it.
                if windows:
                    found[name].append(rates(windows[1:] or windows))
        found = {name: runs for name, runs in found.items() if runs}
        if "default" not in found:
            print(f"{scenario}: too few windows")
            continue
        middle = {name: tuple(statistics.median(r[i] for r in runs) for i in range(3))
                  for name, runs in found.items()}
        costs = {name: cost(r, middle["default"]) for name, r in middle.items()}
        spread = max(abs(math.log(cost(r, middle["default"]))) for r in found["default"])
        best = min(costs, key=costs.get)
        learnt = [run(arguments, words, {"HAKMEM_MODE": "learning"}, 6 * arguments.seconds)
                  for _ in range(arguments.repetitions)]
        # What did not end a window in its time has no figure, and is no candidate.
        good = {name for name in costs if costs[name] <= 1.02 * costs[best]}
        print(f"{scenario}: default's spread {100 * spread:.1f} %, best {best} {costs[best]:.3f}, "
              f"within 2 %: {', '.join(sorted(good, key=costs.get))}; "
              + ", ".join(f"{n} {c:.3f}" for n, c in sorted(costs.items(), key=lambda x: x[1])))
        for windows in learnt:
            if len(windows) < 2:
                continue
            final = windows[-1]["next"]
            total = cost(rates(windows[1:]), middle["default"])
            late = windows[len(windows) // 2:]
            needed = next((i for i, w in enumerate(windows) if w["state"] == "FROZEN"), None)
            print(f"    learnt: {final} {costs.get(final, math.nan):.3f} ({100 * (costs.get(final, math.nan) / costs[best] - 1):.1f} % "
                  f"above the best), state {windows[-1]['state']}, {len(windows)} windows, frozen "
                  f"after {needed}; whole run {total:.3f}, second half "
                  f"{cost(rates(late), middle['default']):.3f}")
        sys.stdout.flush()


main()
