# SPDX-License-Identifier: MIT
# Pipelines, subshells, jobs and a good deal of string work.
set -u
count() { for ((i = 0; i < $1; i++)); do echo "line $i of $1"; done; }

count 3000 | sort -r | uniq | tr a-z A-Z | sed 's/LINE/row/' | awk '{ n += $2 } END { print n }'
count 500 | while read -r word number rest; do echo "$((number * number))"; done | tail -n 3

total=0
for i in $(seq 1 60); do
  value=$(echo "$i" | { read -r x; echo $((x * 2)); })
  total=$((total + value))
done
echo "total $total"

declare -A table
for i in $(seq 1 2000); do table[key$i]=$(printf '%0*d' $((i % 50)) "$i" 2>&1); done
for key in "${!table[@]}"; do echo "$key=${table[$key]}"; done | sort | cksum

for i in 1 2 3 4; do (count 200 | cksum) & done
wait
text=x
for i in $(seq 1 16); do text=$text$text; done
echo "${#text} $(echo "$text" | md5sum)"
