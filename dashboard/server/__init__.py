"""What sessions share: limits, networks, uploads, sets, the compute slot, jobs, results."""
