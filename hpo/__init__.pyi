"""What `hpo/__init__.py` offers, for editors and type checkers: there it is imported when it is first asked for."""

from hpo.api.comparisons import Comparison as Comparison
from hpo.api.comparisons import Report as Report
from hpo.api.comparisons import compare as compare
from hpo.api.comparisons import report as report
from hpo.api.composing import Refused as Refused
from hpo.api.functions import Stop as Stop
from hpo.api.functions import fastai_callback as fastai_callback
from hpo.api.models import Model as Model
from hpo.api.models import load_model as load_model
from hpo.api.running import open_study as open_study
from hpo.api.running import run as run
from hpo.api.running import search as search
from hpo.api.spaces import Categorical as Categorical
from hpo.api.spaces import Float as Float
from hpo.api.spaces import Int as Int
from hpo.api.study import Study as Study

__version__: str
