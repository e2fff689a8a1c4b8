#!/bin/sh
# The comparisons of results/comparison.md; called from the root of the repository.
# COERNAS_DATA has to name the folder that holds nb201/nb201.npz, XSDD the class folders of X-SDD.
# Interrupted, it goes on where it stopped; seconds are those of this call.
set -eu
seeds=${SEEDS:-20}
began=$(date +%s)
keep() {
  mkdir -p "results/comparison/$1"
  cp "results/runs/compare-$1"/comparison.* "results/runs/compare-$1"/*.png "results/comparison/$1/"
}
run() {
  problem=$1 evaluations=$2 algorithms=$3
  shift 3
  out=results/runs/compare-$problem
  started=$(date +%s)
  coernas compare "$problem" --algorithms "$algorithms" --seeds "$seeds" --evaluations "$evaluations" --out "$out" "$@"
  keep "$problem"
  echo "$problem: $(($(date +%s) - started)) s"
}
all=hd-duaas,hd-duaas-plain,nsga2,nsga2-sbx,random,regularized-evolution,sms-emoa,moead,mixed-ga
for problem in nb201-edgegpu nb201-pixel3 nb201-raspi4 nb201-fpga nb201-eyeriss nb201-mop5; do
  run "$problem" 500 "$all"
done
echo "tables: $(($(date +%s) - began)) s"
# Fewer rivals, where all would take long.
few=hd-duaas,hd-duaas-plain,nsga2,nsga2-sbx,random
free="nb201-edgegpu-free nb201-pixel3-free nb201-raspi4-free nb201-fpga-free nb201-eyeriss-free nb201-mop5-free"
# The same searches, by what they searched: scores instead of true errors.
as_searched() {
  coernas compare "$1" --algorithms "$2" --seeds "$seeds" --evaluations 500 --out "results/runs/compare-$1" \
    --as-searched >/dev/null
  keep "$1-as-searched"
}
# They differ in their costs only: what one has scored, the next need not. One is judged while the next begins.
scored= judging=
trap '[ -z "$judging" ] || wait "$judging" || :' EXIT
for problem in $free; do
  algorithms=$all
  # MOEA/D goes on proposing there what it has had: twenty seconds a search.
  [ "$problem" != nb201-mop5-free ] || algorithms=$few,regularized-evolution,sms-emoa,mixed-ga
  run "$problem" 500 "$algorithms" ${scored:+--scores-of "$scored"}
  scored=results/runs/compare-$problem
  [ -z "$judging" ] || wait "$judging"
  as_searched "$problem" "$algorithms" &
  judging=$!
done
wait "$judging"
judging=
# Where thousands of networks are built: fewer evaluations as well.
run digits 300 "$few"
if [ -n "${XSDD:-}" ]; then
  run xsdd 300 "$few" --data "$XSDD"
else
  echo "xsdd: left out, set XSDD to the folder of its class folders"
fi
echo "all: $(($(date +%s) - began)) s"
# Not a search: what the score could find at best.
coernas bench limit $free --out results/comparison/limit
