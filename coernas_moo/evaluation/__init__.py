"""From genotypes to records: closed-form costs, the journal, worker processes, tables of measured networks."""
