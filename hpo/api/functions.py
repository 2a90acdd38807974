"""For training functions: what they raise, and what libraries that call back report by.

Calling functions is the business of `trainers.function`.
"""

from hpo.trainers.function.call import Stop as Stop
