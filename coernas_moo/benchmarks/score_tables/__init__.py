"""The published tables of the score on NAS-Bench-201: raw proxy values first, the tables from these."""
