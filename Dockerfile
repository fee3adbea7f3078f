# syntax=docker/dockerfile:1
# Mynah in a container: `docker build --target cpu .` (the default) or `--target gpu`. Both end in the same user, folders
# and command; they differ in where PyTorch comes from.

FROM python:3.11-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1
RUN python -m venv /opt/mynah
WORKDIR /src
COPY constraints.txt ./

FROM build AS wheel
COPY pyproject.toml README.md LICENSE ./
COPY bot bot
COPY mynah mynah
COPY playground playground
COPY storage storage
COPY trainer trainer
RUN /opt/mynah/bin/pip wheel --no-deps --wheel-dir /wheel .

# PyTorch first and by itself: it is most of the image, and changes seldom.
FROM build AS build-cpu
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
RUN /opt/mynah/bin/pip install --constraint constraints.txt --index-url "$TORCH_INDEX" torch
COPY --from=wheel /wheel /wheel
RUN /opt/mynah/bin/pip install --constraint constraints.txt "$(echo /wheel/mynah-*.whl)[postgres]"

FROM build AS build-gpu
RUN /opt/mynah/bin/pip install --constraint constraints.txt torch
COPY --from=wheel /wheel /wheel
RUN /opt/mynah/bin/pip install --constraint constraints.txt "$(echo /wheel/mynah-*.whl)[postgres]"

FROM python:3.11-slim-bookworm AS base
# For `mynah backup` of PostgreSQL. Debian's version of the day, since security updates must not wait for us.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends postgresql-client \
    && rm -rf /var/lib/apt/lists/*
# A user that owns nothing but its data, so that the rest of the file system can be read-only.
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /data mynah \
    && install --directory --owner mynah --group mynah --mode 0700 /data /backups
ENV PATH=/opt/mynah/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    MYNAH_HOME=/data \
    HF_HOME=/data/hub \
    MPLCONFIGDIR=/tmp/matplotlib
WORKDIR /data
VOLUME ["/data"]
USER 10001:10001
STOPSIGNAL SIGTERM
# The database answers and a model is there. The bot has none of its own to ask before it has connected.
HEALTHCHECK --interval=60s --timeout=30s --start-period=120s --retries=3 CMD ["mynah", "--json", "status"]
ENTRYPOINT ["mynah"]
CMD ["run"]

FROM base AS gpu
COPY --from=build-gpu /opt/mynah /opt/mynah

FROM base AS cpu
COPY --from=build-cpu /opt/mynah /opt/mynah
