"""Language models that trials start from: which are wanted, which there are, how they are trained.

Their weights are laid into a network by `network.weights`.
"""

__all__ = ["catalogue", "pretraining", "record"]
