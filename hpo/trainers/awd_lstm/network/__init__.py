"""The AWD-LSTM itself: encoder, classifier, batches, optimizer, and what comes out of it.

Nothing here knows of trials.
"""

__all__ = ["classifier", "encoder", "outputs", "weights"]
