#!/bin/sh
# SPDX-License-Identifier: MIT
#
# What an operation costs in live sets of several counts, by simulation (callgrind): instructions,
# misses of a first cache of 32 KiB and of a last one of 2 MiB; for each library given, and for the
# workload's own accesses without any allocator. Each figure is the difference of two runs, of
# OPERATIONS and twice as many.
#
#   OPERATIONS=100000 sh scripts/count-misses.sh WORKLOAD COUNTS LIBRARY…
#   sh scripts/count-misses.sh scale-64 "1000 100000" .build/release/libhakmem.so
#
# Run `swift build -c release` before.
set -eu
workloads=$(cd "$(dirname "$0")/.." && pwd)/.build/release/workloads
[ $# -ge 3 ] || {
    echo "count-misses.sh: give a workload, counts of live blocks, and libraries" >&2
    exit 64
}
[ -x "$workloads" ] || {
    echo "count-misses.sh: $workloads is missing; run swift build -c release" >&2
    exit 66
}
workload=$1
counts=$2
shift 2
operations=${OPERATIONS:-100000}

# collect OPERATIONS LIVE LIBRARY [OPTION]: instructions, misses of the first and the last cache.
collect() {
    iterations=$1
    live=$2
    library=$3
    shift 3
    LD_PRELOAD=$library valgrind --tool=callgrind --callgrind-out-file=/dev/null \
        --cache-sim=yes --D1=32768,8,64 --LL=2097152,16,64 \
        "$workloads" "$workload" --iterations "$iterations" --live "$live" "$@" 2>&1 >/dev/null |
        awk '/Collected/ { print $4, $8 + $9, $11 + $12 }'
}

# line NAME LIVE LIBRARY [OPTION]
line() {
    name=$1
    shift
    { collect "$operations" "$@"; collect $((operations * 2)) "$@"; } |
        awk -v name="$name" -v live="$1" -v operations="$operations" '
            NR == 1 { split($0, once) }
            NR == 2 { printf "%-28s %9d %14.1f %13.2f %12.2f\n", name, live,
                ($1 - once[1]) / operations, ($2 - once[2]) / operations,
                ($3 - once[3]) / operations }'
}

printf '%-28s %9s %14s %13s %12s\n' "$workload" "live" "instructions" "first misses" "last misses"
for live in $counts; do
    for library in "$@"; do line "$(basename "$library")" "$live" "$library"; done
    line "touch" "$live" "" --touch
done
