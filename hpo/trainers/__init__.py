"""What turns the params of one trial into metrics: a room or a module for each trainer.

Where a trainer runs is decided by `executors`; it knows nothing of Optuna, MLflow or Hydra.
"""

__all__ = ["awd_lstm", "evaluation", "function", "linear", "replay"]
