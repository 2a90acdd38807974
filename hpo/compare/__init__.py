"""Several strategies with paired seeds as studies of one experiment: its variants, its design card, its screen.

What can be said of the results is the business of `report`.
"""

__all__ = ["comparison", "display", "planning", "running", "variants"]
