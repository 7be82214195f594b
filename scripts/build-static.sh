#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Builds hakmem for linking into executables (docs/linking.md):
#
#   FOLDER/libhakmem.a      machine code; only the names of exports.ld are global
#   FOLDER/libhakmem-lto.a  LLVM bitcode, with --lto: for clang -flto and lld
#
#   sh scripts/build-static.sh [--lto] [FOLDER]      FOLDER is .build/static by default
#
# The compiler gets the flags that Package.swift gives the library, in one module, so that the
# hidden variables of the C header exist once. Needs the Swift toolchain, GNU ld and python3.
set -eu
cd "$(dirname "$0")/.."

with_lto=
if [ "${1:-}" = --lto ]; then
    with_lto=yes
    shift
fi
case ${1:-} in -*)
    echo "build-static.sh: there is no option '$1'; use --lto, or a folder" >&2
    exit 64
    ;;
esac
folder=${1:-.build/static}
core=Sources/HakmemCore

tools=$(dirname "$(swiftc -print-target-info | sed -n 's/.*"runtimeResourcePath": "\(.*\)",*/\1/p')")
tools=$(dirname "$tools")/bin
for tool in ld.bfd python3 "$tools/ld.lld" "$tools/clang" "$tools/llvm-ar" "$tools/llvm-objcopy"; do
    command -v "$tool" >/dev/null || {
        echo "build-static.sh: $tool is missing; install it (binutils, python3, Swift)" >&2
        exit 69
    }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$folder"

# Words with newlines between them, as none of ours has a space.
flags=$(swift package --scratch-path "$work/manifest" dump-package | python3 -c '
import json, sys
targets = json.load(sys.stdin)["targets"]
core = next(target for target in targets if target["name"] == "HakmemCore")
for setting in core["settings"]:
    if setting["tool"] == "swift":
        for kind, value in setting["kind"].items():
            if kind == "enableExperimentalFeature":
                print("-enable-experimental-feature", value["_0"], sep="\n")
            elif kind == "unsafeFlags":
                print(*value["_0"], sep="\n")
            elif kind == "define":
                # All traits are on by default.
                print("-D", value["_0"], sep="\n")
            else:
                sys.exit("build-static.sh: Package.swift has a setting that is not known: " + kind)
')
for map in Sources/*/module.modulemap; do
    flags="$flags -Xcc -fmodule-map-file=$map"
done
compile() {
    # shellcheck disable=SC2046,SC2086  # lists of words
    swiftc $flags -swift-version 6 -module-name HakmemCore -package-name hakmem \
        -parse-as-library -whole-module-optimization -module-cache-path "$work/modules" \
        $(find $core -name '*.swift' | sort) "$@"
}
public=$(sed -n '/global:/,/local:/p' $core/exports.ld | grep -oE '[A-Za-z_][A-Za-z0-9_]*;' | tr -d ';')
alias_lines() { sed -nE 's/^([A-Za-z0-9_]+) = ([a-z_]+);.*/\1 \2/p' $core/aliases.ld; }

# 1. What the public names need, and no more: Embedded Swift's runtime goes, as far as unused.
compile -c -o "$work/whole.o"
roots=$(alias_lines | cut -d' ' -f2; echo "$public" | grep '^hak_' | grep -vxF "$(alias_lines | cut -d' ' -f1)")
# shellcheck disable=SC2046,SC2086
ld.bfd -r --gc-sections $(printf -- '-u %s ' $roots) -o "$work/needed.o" "$work/whole.o"
# 2. The standard names, visible as any function's: lld makes them so, GNU ld would not.
"$tools/ld.lld" -r -o "$work/named.o" "$work/needed.o" $core/aliases.ld
# 3. All other names become local.
echo "$public" >"$work/public"
"$tools/llvm-objcopy" --strip-debug --strip-unneeded --keep-global-symbols="$work/public" \
    "$work/named.o" "$work/hakmem.o"
rm -f "$folder/libhakmem.a"
"$tools/llvm-ar" rcs "$folder/libhakmem.a" "$work/hakmem.o"
echo "$folder/libhakmem.a"

[ -n "$with_lto" ] || exit 0
# The standard names as aliases in LLVM's own language, so that they can be inlined. The compiler
# takes every function of ours for one that throws nothing, and would drop the handlers around an
# operator new: so those that may throw are jumps in machine code, behind which it cannot see.
throwing='^_Zn[^ ]* (hak_new|hak_new_aligned)$'
compile -emit-ir -o "$work/hakmem.ll"
alias_lines | grep -vE "$throwing" |
    sed -E 's/^(.*) (.*)$/@\1 = alias i8, ptr @\2/' >>"$work/hakmem.ll"
case $(uname -m) in x86_64) jump=jmp ;; *) jump=b ;; esac
{
    alias_lines | grep -E "$throwing" |
        sed -E "s/^(.*) (.*)\$/.globl \1\n.type \1, %function\n\1: $jump \2\n.size \1, .-\1/"
    echo '.section .note.GNU-stack, "", %progbits'
} >"$work/operators.s"
"$tools/clang" -c -O2 -flto -Wno-override-module -x ir "$work/hakmem.ll" -o "$work/hakmem-lto.o"
"$tools/clang" -c "$work/operators.s" -o "$work/operators.o"
rm -f "$folder/libhakmem-lto.a"
"$tools/llvm-ar" rcs "$folder/libhakmem-lto.a" "$work/hakmem-lto.o" "$work/operators.o"
echo "$folder/libhakmem-lto.a"
