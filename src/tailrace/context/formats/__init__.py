"""Floor 2: what stands in files that are no plain text; one module for each family of formats."""
