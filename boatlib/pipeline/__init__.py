"""The chain: starting Snakemake, running one notebook, and what each depends on."""
