"""The live monitor: `process-hardening-tui`. Importing this package loads nothing else."""
