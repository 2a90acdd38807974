# The images of docker-compose.yml: `servers` (MLflow and optuna-dashboard), `store` (S3), `study` (hpo).
FROM python:3.11.15-slim-bookworm@sha256:b18992999dbe963a45a8a4da40ac2b1975be1a776d939d098c647482bcad5cba AS python
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore \
    PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
RUN groupadd --gid 10001 hpo && useradd --uid 10001 --gid 10001 --create-home hpo
WORKDIR /opt/hpo
COPY pyproject.toml constraints.txt docker/requirements.py ./

FROM python AS servers
RUN python requirements.py server > requirements.txt && pip install -c constraints.txt -r requirements.txt
# A new volume takes its owner from the folder it is mounted over.
RUN install --directory --owner=hpo --group=hpo /artifacts
USER 10001:10001
WORKDIR /artifacts
ENV HOME=/tmp

FROM rclone/rclone:1.75.1@sha256:45401ad7410db1d67ffdb58e19059ad20b0d8e0285a60e38bbec55cc1019c7a5 AS store
# A bucket is a folder.
RUN mkdir -p /data/mlflow && chown -R 10001:10001 /data
USER 10001:10001
ENV HOME=/tmp XDG_CONFIG_HOME=/tmp XDG_CACHE_HOME=/tmp

FROM python AS study
# Options with which pip finds PyTorch without CUDA; without them, the usual one is taken, 5 GB more.
ARG TORCH_OPTIONS=
RUN if [ -n "$TORCH_OPTIONS" ]; then \
        pip install --no-deps $TORCH_OPTIONS -c constraints.txt torch torchvision; \
    fi
RUN python requirements.py postgres --with-project > requirements.txt && \
    pip install -c constraints.txt -r requirements.txt
COPY README.md LICENSE ./
COPY hpo hpo
COPY conf conf
RUN pip install --no-deps --editable .
RUN install --directory --owner=hpo --group=hpo /work /home/hpo/.cache
USER 10001:10001
WORKDIR /work
ENV HOME=/home/hpo FASTAI_HOME=/home/hpo/.cache/fastai MPLCONFIGDIR=/home/hpo/.cache/matplotlib
ENTRYPOINT ["hpo"]
