#!/bin/sh
# SPDX-License-Identifier: MIT
#
# What a hit pair (malloc of 24 bytes and its free) costs, by the way of linking: instructions by
# callgrind, without those of the loop, and the least ns of several turns, the loop included.
#
#   sh scripts/measure-linked.sh [TURNS]
#
# Run `swift build -c release` and `sh scripts/build-static.sh --lto` before. mimalloc's object for
# static linking is that of the package of PyPI (scripts/install-peers.sh), or MIMALLOC_OBJECT's.
# Every program is made by the clang and lld of the Swift toolchain, with -O2.
set -eu
cd "$(dirname "$0")/.."
turns=${1:-7}
rounds=20000000
release=$PWD/.build/release
static=.build/static
for file in $release/libhakmem.so $static/libhakmem.a $static/libhakmem-lto.a; do
    [ -e "$file" ] || {
        echo "measure-linked.sh: $file is missing; run swift build -c release, and" \
            "scripts/build-static.sh --lto" >&2
        exit 66
    }
done
tools=$(swiftc -print-target-info | sed -n 's/.*"runtimeResourcePath": "\(.*\)\/lib\/swift",*/\1/p')/bin
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mimalloc=${MIMALLOC_OBJECT:-$(python3 - <<'PYTHON'
import glob, site
folders = ["/usr/local/lib/hakmem-peers", *site.getsitepackages(), site.getusersitepackages()]
found = [path for folder in folders for path in glob.glob(folder + "/cmeel.prefix/lib/mimalloc-*/mimalloc.o")]
print(found[0] if found else "")
PYTHON
)}

make() {
    name=$1
    shift
    "$tools/clang" -O2 -fuse-ld=lld -o "$work/$name" scripts/hit_pair.c "$@" -lpthread
    names="$names $name"
}
names=
make loop -DHIT_PAIR_LOOP_ONLY
make glibc
make hakmem-shared "$release/libhakmem.so" "-Wl,-rpath,$release"
make hakmem-static $static/libhakmem.a
make hakmem-lto -flto $static/libhakmem-lto.a
if [ -n "$mimalloc" ]; then
    make mimalloc-static "$mimalloc"
    make mimalloc-shared "-Wl,-rpath,$(dirname "$mimalloc")/.." "$(dirname "$mimalloc")"/../libmimalloc.so
else
    echo "measure-linked.sh: no mimalloc.o; run scripts/install-peers.sh" >&2
fi

# Instructions of the process that many rounds take.
instructions() {
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$work/$1" "$2" 2>&1 >/dev/null |
        sed -n 's/.*Collected : *//p'
}
for turn in $(seq "$turns"); do
    for name in $names; do "$work/$name" $rounds >>"$work/$name.ns"; done
done
loop=
printf '%-16s %18s %8s\n' '' 'instructions/pair' 'ns min'
for name in $names; do
    few=$(instructions "$name" 1000)
    many=$(instructions "$name" 101000)
    each=$(awk "BEGIN { printf \"%.1f\", ($many - $few) / 100000 }")
    [ -n "$loop" ] || loop=$each
    pair=$(awk "BEGIN { printf \"%.1f\", $each - $loop }")
    printf '%-16s %18s %8s\n' "$name" "$pair" "$(sort -n "$work/$name.ns" | head -n 1)"
done
