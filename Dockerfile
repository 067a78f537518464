# The image of Tidegate. deploy/build_image.sh builds it with what the machine has; `make image` also tries it.
# BASE: an image of Debian with Python 3.11 or newer, its venv module and pip; the interpreter may be anywhere.
ARG BASE=python:3.13-slim


# The dependencies, and the code, each in a folder that becomes a layer of its own: a new release with the same lock costs
# those who pull it only the code. The secrets are optional, and nothing of them stays: a bundle of certificates and a
# pip.conf, for those who reach packages through a proxy or a mirror.
FROM ${BASE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ONLY_BINARY=:all: PIP_ROOT_USER_ACTION=ignore
WORKDIR /source
# With the compiler comes binutils: what is compiled has symbols for debuggers, two thirds of what wheels weigh.
COPY deploy/compiler.sh deploy/
RUN sh deploy/compiler.sh python3
COPY requirements/run.txt requirements/compile.txt requirements/
RUN --mount=type=secret,id=ca --mount=type=secret,id=pip \
    if [ -f /run/secrets/ca ]; then export PIP_CERT=/run/secrets/ca; fi && \
    if [ -f /run/secrets/pip ]; then export PIP_CONFIG_FILE=/run/secrets/pip; fi && \
    python3 -m venv --without-pip /opt/tidegate && \
    python3 -m venv --without-pip /opt/build && \
    python3 -m pip --python /opt/tidegate install --quiet --no-compile --require-hashes -r requirements/run.txt && \
    python3 -m pip --python /opt/build install --quiet --require-hashes -r requirements/compile.txt
COPY deploy/slim.py deploy/
RUN python3 deploy/slim.py packages /opt/tidegate && \
    find /opt/tidegate -name '*.so' -exec strip --strip-unneeded {} + && \
    python3 -m compileall -q --invalidation-mode unchecked-hash /opt/tidegate/lib
COPY pyproject.toml README.md LICENSE ./
COPY deploy/compile_wire.py deploy/
COPY app app
RUN HATCH_BUILD_HOOKS_ENABLE=1 /opt/build/bin/hatchling build -t wheel && \
    python3 -m pip --python /opt/tidegate install --quiet --no-compile --no-deps --no-index --root /code --no-warn-script-location dist/*.whl && \
    find /code -name '*.so' -exec strip --strip-unneeded {} + && \
    python3 -m compileall -q --invalidation-mode unchecked-hash -s /code /code/opt/tidegate/lib


# The base without what only a build needs. The standard library is compiled here, since nothing can be written later.
FROM ${BASE} AS base
COPY deploy/slim.py /tmp/slim.py
RUN python3 /tmp/slim.py base / && \
    rm /tmp/slim.py && \
    python3 -m compileall -q --invalidation-mode unchecked-hash "$(python3 -c 'import os; print(os.path.dirname(os.__file__))')"


# Not FROM ${BASE}: what a layer on top of it removes would still be pulled.
FROM scratch
# hadolint ignore=DL3067
COPY --from=base / /
COPY --from=build /opt/tidegate /opt/tidegate
COPY --from=build /code /

ENV PATH=/opt/tidegate/bin:/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8 PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
WORKDIR /
USER 65532:65532
EXPOSE 8000 9000
STOPSIGNAL SIGTERM
ENTRYPOINT ["tidegate"]
CMD ["run"]

# No HEALTHCHECK: Kubernetes and the OCI format know none, and each one would start an interpreter inside the container's
# memory limit. /livez and /readyz are there for whoever asks.

ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Tidegate" \
      org.opencontainers.image.description="TCP stream proxy for long-lived connections: WebSocket, Socket.IO, Redis, Postgres, MQTT, gRPC" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
