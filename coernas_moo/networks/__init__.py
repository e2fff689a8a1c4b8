"""The torch modules and their plans: layers, conv units, pools, cells, whole networks, their initialisation."""
