#!/bin/sh
# Ablations of HD-DUAAS on CIFAR-100 and ImageNet16-120; the comparison that is reported uses CIFAR-10.
# COERNAS_DATA has to name the folder that holds nb201/nb201.npz. Called from the root of the repository.
# Interrupted, it goes on where it stopped; VARIANTS chooses, WORKERS says how many processes.
set -eu
listed=$(sed -n 's/^variant("\([^"]*\)".*/\1/p' results/search-study/variants.py | paste -sd, -)
plugin="plugins=[\"$PWD/results/search-study/variants.py\"]"
for dataset in cifar100 ImageNet16-120; do
  for device in edgegpu pixel3 fpga eyeriss; do
    coernas compare "nb201-$device" --seeds "${SEEDS:-5}" --evaluations 500 --workers "${WORKERS:-1}" \
      --algorithms "hd-duaas,hd-duaas-plain,nsga2-sbx,${VARIANTS:-$listed}" \
      --set "$plugin" --set "objectives=[\"error:$dataset\",\"latency:$device\"]" \
      --out "results/runs/ablation/$dataset-$device" --json >/dev/null
  done
done
