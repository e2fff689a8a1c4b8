#!/bin/sh
# Ablations of HD-DUAAS on CIFAR-100 and ImageNet16-120; the comparison that is reported uses CIFAR-10.
# COERNAS_DATA has to name the folder that holds nb201/nb201.npz. Called from the root of the repository.
set -eu
variants=$(sed -n 's/^variant("\([^"]*\)".*/\1/p' results/search-study/variants.py | paste -sd, -)
plugin="plugins=[\"$PWD/results/search-study/variants.py\"]"
for dataset in cifar100 ImageNet16-120; do
  for device in edgegpu pixel3 fpga eyeriss; do
    coernas compare "nb201-$device" --seeds "${SEEDS:-10}" --evaluations 500 --algorithms "hd-duaas,nsga2-sbx,$variants" \
      --set "$plugin" --set "objectives=[\"error:$dataset\",\"latency:$device\"]" \
      --out "results/runs/ablation/$dataset-$device" --json >/dev/null
  done
done
