#!/bin/sh
# Ablations of HD-DUAAS on CIFAR-100 and ImageNet16-120; the comparison that is reported uses CIFAR-10.
# COERNAS_DATA has to name the folder that holds nb201/nb201.npz. Called from the root of the repository; ten minutes
# on one core. Interrupted, it goes on where it stopped. Prints tables like those of results/search-study.md.
set -eu
variants=$(sed -n 's/^variant("\([^"]*\)".*/\1/p' results/search-study/variants.py | grep -v score-as-a-whole | paste -sd, -)
plugin="plugins=[\"$PWD/results/search-study/variants.py\"]"
runs=results/runs/ablation
for dataset in cifar100 ImageNet16-120; do
  for device in edgegpu pixel3 fpga eyeriss; do
    coernas compare "nb201-$device" --seeds "${SEEDS:-5}" --evaluations 500 --workers "${WORKERS:-1}" \
      --algorithms "hd-duaas,hd-duaas-plain,nsga2-sbx,$variants" \
      --set "$plugin" --set "objectives=[\"error:$dataset\",\"latency:$device\"]" \
      --out "$runs/$dataset-$device" --json >/dev/null
  done
done
coernas summary "$runs"/*-* --relative-to hd-duaas --out results/runs/ablation-tables >/dev/null
cp results/runs/ablation-tables/ratios.csv results/search-study/ratios.csv
cp results/runs/ablation-tables/summary.csv results/search-study/ablation.csv
table() {
  echo
  echo "$1"
  echo
  coernas summary "$runs"/*-* --relative-to "$2" --algorithms "$3" | tail -n +4
}
table "Screening" hd-duaas "hd-duaas-plain,nsga2-sbx,costs-unknown,plain-codes,without-counts,genes-only,refitted,\
no-optimism,less-optimism,more-optimism,bounded,without-parts,before,reference-0.1,reference-1.2,candidates-12,candidates-72,\
no-uniform,half-uniform"
table "Batches" hd-duaas one-batch,ten-batches,ahead,ten-batches-ahead,stalling-ahead
table "Operators, with screening" hd-duaas "fixed-mutation,stalling,rate-of-conv,no-crossover,uniform-start,archive-parents"
plain=plain-fixed-mutation,plain-stalling,plain-rate-of-conv,plain-no-crossover,plain-forgetful,plain-uniform-start,nsga2-sbx
table "Operators, without screening" hd-duaas-plain "$plain"
coernas summary "$runs"/*-* --relative-to hd-duaas-plain --algorithms "$plain" --out results/runs/ablation-plain >/dev/null
cp results/runs/ablation-plain/ratios.csv results/search-study/ratios-plain.csv
