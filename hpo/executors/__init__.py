"""What executes trials: in this process, in several, on Ray, on Slurm, in simulated time; and their workers.

When a trial is handed to one is decided by `study`.
"""

__all__ = ["options", "torch_probe"]
