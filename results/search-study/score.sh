#!/bin/sh
# The score predicted proxy by proxy, as ships, against the score predicted as a whole, where a score is searched.
# COERNAS_DATA has to name the folder that holds nb201/nb201.npz, XSDD the class folders of X-SDD. Called from the root
# of the repository; eight minutes on two cores. Interrupted, it goes on where it stopped.
set -eu
: "${XSDD:?set it to the folder of the class folders of X-SDD}"
plugin="plugins=[\"$PWD/results/search-study/variants.py\"]"
runs=results/runs/score
run() {
  problem=$1 evaluations=$2
  shift 2
  coernas compare "$problem" --seeds "${SEEDS:-20}" --evaluations "$evaluations" --set "$plugin" \
    --algorithms hd-duaas,score-as-a-whole,nsga2-sbx --out "$runs/$problem" --json "$@" >/dev/null
}
scored=
for device in edgegpu pixel3 raspi4 fpga eyeriss mop5; do
  problem=nb201-$device-free
  run "$problem" 500 ${scored:+--scores-of "$scored"}
  scored=$runs/$problem
  # The same searches, judged by what they searched, in a folder beside it.
  run "$problem" 500 --as-searched
done
run digits 300
run xsdd 300 --data "$XSDD"
table() {
  name=$1
  shift
  coernas summary "$@"
  coernas summary "$@" --relative-to hd-duaas --out "results/runs/$name-tables"
  cp "results/runs/$name-tables/summary.csv" "results/search-study/$name.csv"
}
table score "$runs"/*-as-searched
table score-separable "$runs"/digits "$runs"/xsdd
