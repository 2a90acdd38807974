"""What hpo costs beside what one would write or install instead: measured side by side, told as ratios.

`make bench` runs what takes ten minutes, `make bench-full` the rest, too. Whether a thing is right is for the tests.
"""
