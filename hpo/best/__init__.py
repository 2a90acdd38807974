"""The ladder of `hpo best`: which families of models are tried for how long, and which model it ends with.

Each step is an ordinary study, driven by `study.session`; what is typed is `commands.best`'s business.
"""

__all__ = ["ladder", "running"]
