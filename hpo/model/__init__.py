"""What a study ends with: a model that can be kept, moved, shown and asked.

`description` says what belongs to it, `folder` writes and checks it, `classifier` answers questions.
"""
