"""Whether MLflow is there, for those who want to know before a study: asked, with nothing created.

A study itself never waits for the answer: see `mirror`.
"""

from __future__ import annotations

from hpo.tracking.client import check_tables, is_server, open_client, resolve_uri, sqlite_path
from hpo.tracking.errors import explain


class Away(Exception):
    """MLflow cannot be used now; the words say why, as the end of a sentence that begins with "MLflow"."""


def reach(given: str) -> str:
    """Returns how MLflow is at `tracking.uri`, in a few words.

    Raises:
        Away: if it does not answer.
        ModuleNotFoundError: if MLflow is not installed.
        ValueError: if MLflow cannot keep runs there, or would break the record there.
    """
    uri = resolve_uri(given)
    path = sqlite_path(uri)
    if path is not None and not path.exists():
        return "the first study makes it"
    try:
        if is_server(uri):
            open_client(uri).search_experiments(max_results=1)
        else:  # MLflow itself would make its tables there
            check_tables(uri, given)
    except (ModuleNotFoundError, ValueError):
        raise
    except Exception as error:  # whatever MLflow and the drivers of databases raise
        raise Away(explain(error, uri)) from error
    return "it answers" if is_server(uri) else "it is there"
