"""`make env`: writes .env, the settings and random passwords that docker-compose.yml starts with.

python docker/environment.py [PATH] [--s3]
"""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path

TEXT = """\
# Read by `docker compose` in this folder. Written by `make env`; nobody but you should be able to read it.
# A password is taken over when its volume is new: later ones need `docker compose down --volumes`, which deletes all.

# The store of MLflow's artifacts: a volume (/artifacts), or a bucket. Profile s3 starts a store with s3://mlflow in it;
# for another one leave the profile out and give its S3_ENDPOINT=https://…, S3_REGION=… and keys.
ARTIFACTS={artifacts}
COMPOSE_PROFILES={profiles}
S3_ACCESS_KEY={s3_access_key}
S3_SECRET_KEY={s3_secret_key}

POSTGRES_PASSWORD={postgres_password}
MLFLOW_DB_PASSWORD={mlflow_db_password}
HPO_DB_PASSWORD={hpo_db_password}
DASHBOARD_DB_PASSWORD={dashboard_db_password}

# The options of pip for PyTorch without CUDA that its installation page names: an image 5 GB smaller.
TORCH_OPTIONS=

# Ports of 127.0.0.1, and what a study may take of the memory.
POSTGRES_PORT=5432
MLFLOW_PORT=5000
DASHBOARD_PORT=8080
HPO_MEMORY=8g
"""
DATABASE_PASSWORDS = ("postgres_password", "mlflow_db_password", "hpo_db_password", "dashboard_db_password")
SECRETS = ("s3_access_key", "s3_secret_key", *DATABASE_PASSWORDS)


def main(words: list[str]) -> int:
    """Writes the file and returns the exit code."""
    has_s3 = "--s3" in words
    path = Path(next((word for word in words if not word.startswith("--")), ".env"))
    text = TEXT.format(
        artifacts="s3://mlflow" if has_s3 else "/artifacts",
        profiles="s3" if has_s3 else "",
        **{name: secrets.token_hex(24) for name in SECRETS},  # hexadecimal: nothing to quote anywhere
    )
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        print(
            f"{path} is there already and holds the passwords of what was started with it; it stays as it is. "
            "Delete it to have another one.",
            file=sys.stderr,
        )
        return 2
    except OSError as error:
        print(f"{path} cannot be written ({error.strerror}).", file=sys.stderr)
        return 2
    print(f"{path} is written; `make up` starts the servers.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
