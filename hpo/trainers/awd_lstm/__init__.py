"""The trainer of fastai's AWD-LSTM: its learner, schedule, checkpoints, language models.

The network itself is in `network`, trained language models to start from are in `encoders`.
"""

__all__ = ["adaptation", "encoders", "language_model", "network"]
