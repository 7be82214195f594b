#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Records traces of real programs for `hak replay`: those of python3, g++, git, sqlite3 and redis
# that are installed.
#
#   sh scripts/record-traces.sh FOLDER
#
# Run `swift build -c release` before.
set -eu
project=$(cd "$(dirname "$0")/.." && pwd)
hak=$project/.build/release/hak
folder=${1:-}
[ -n "$folder" ] || {
    echo "record-traces.sh: give the folder for the traces" >&2
    exit 64
}
[ -x "$hak" ] || {
    echo "record-traces.sh: $hak is missing; run swift build -c release" >&2
    exit 66
}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# record NAME PROGRAM WORD…: the last words are the command, where the program is installed.
record() {
    name=$1
    program=$2
    shift 2
    if command -v "$program" >/dev/null; then
        "$hak" trace --output "$folder/$name.trace" -- "$@" >/dev/null
    else
        echo "record-traces.sh: $program is not installed" >&2
    fi
}

record python python3 env PYTHONMALLOC=malloc python3 -c '
import json, re
rows = [{"id": i, "name": "name %d" % i, "tags": [str(i % 7), str(i % 11)]} for i in range(30000)]
text = json.dumps(rows)
words = {}
for row in json.loads(text):
    words.setdefault(row["tags"][0], []).append(re.sub("name", "row", row["name"]))
print(len(text), sum(map(len, words.values())))
'
record gxx g++ g++ -std=c++17 -O2 -c "$project/Tests/BlackBoxTests/programs/shapes.cpp" -o shapes.o
record sqlite sqlite3 sqlite3 :memory: '
create table t(a integer primary key, b text);
with recursive c(x) as (select 1 union all select x + 1 from c where x < 100000)
  insert into t select x, hex(x * 7919 % 100003) || x from c;
create index i on t(b);
select count(*), max(b) from (select b from t where b > "5" order by b);'
cat >git.sh <<'GIT'
git init -q . && git config user.name nobody && git config user.email nobody@localhost
for commit in $(seq 12); do
    for file in $(seq 40); do seq "$commit" $((file * 50)) >"$file.txt"; done
    git add . && git commit -q -m "commit $commit"
done
git log --stat --patch && git repack -a -d -q
GIT
record git git sh git.sh
cat >redis.sh <<'REDIS'
redis-server --port 7999 --save '' &
until redis-cli -p 7999 ping; do sleep 0.1; done
redis-benchmark -p 7999 -n 20000 -q -t set,get,lpush,hset -r 10000 -d 100
redis-cli -p 7999 shutdown nosave
wait
REDIS
record redis redis-server sh redis.sh
