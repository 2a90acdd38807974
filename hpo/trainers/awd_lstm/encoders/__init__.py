"""Language models that trials start from: which are needed, which there are, how they are trained.

Their weights are laid into a network by `network.weights`.
"""

__all__ = ["needed", "record", "training"]
