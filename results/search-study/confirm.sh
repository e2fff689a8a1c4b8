#!/bin/sh
# The search that ships against its predecessor and NSGA-II on CIFAR-10, on seeds that no setting was chosen on.
# COERNAS_DATA has to name the folder that holds nb201/nb201.npz. Called from the root of the repository; ten minutes
# on one core. Interrupted, it goes on where it stopped.
set -eu
plugin="plugins=[\"$PWD/results/search-study/variants.py\"]"
runs=results/runs/confirm
parts=uniform-start,without-parts,without-counts,genes-only
for problem in edgegpu pixel3 raspi4 fpga eyeriss mop5; do
  coernas compare "nb201-$problem" --seeds "${SEEDS:-20}" --evaluations 500 --workers "${WORKERS:-1}" \
    --algorithms "hd-duaas,before,nsga2,nsga2-sbx,$parts" --set "$plugin" --out "$runs/$problem" --json >/dev/null
done
coernas summary "$runs"/* --out results/runs/confirm-tables
coernas summary "$runs"/* --relative-to before --algorithms hd-duaas,nsga2,nsga2-sbx
coernas summary "$runs"/* --relative-to hd-duaas --algorithms "$parts"
