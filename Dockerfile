# Builds with nothing but this folder: `docker build -t dintero-notifier .`
# The base image is pinned by version; pin it by digest where you build (`docker buildx imagetools inspect`).
FROM python:3.13.9-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
RUN python -m venv /opt/notifier
COPY requirements/wide.txt requirements/build.txt requirements/
RUN python -m pip install --require-hashes -r requirements/build.txt \
 && /opt/notifier/bin/python -m pip install --require-hashes -r requirements/wide.txt
COPY pyproject.toml README.md LICENSE ./
COPY notifier notifier
RUN python -m pip wheel --no-deps --no-build-isolation --wheel-dir /tmp/wheel . \
 && /opt/notifier/bin/python -m pip install --no-deps /tmp/wheel/*.whl \
 && /opt/notifier/bin/python -m pip uninstall --yes pip \
 && /opt/notifier/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/notifier

FROM python:3.13.9-slim-bookworm
# Everything the program writes is in /data: the root file system may be read-only (`--read-only`).
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin notifier \
 && install -d -o notifier -g notifier /data
COPY --from=build /opt/notifier /opt/notifier
ENV PATH=/opt/notifier/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    NOTIFIER_STORE__URL=sqlite:////data/notifier.db
USER 10001
WORKDIR /data
VOLUME /data
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 CMD ["notifier", "status", "--health"]
ENTRYPOINT ["notifier"]
CMD ["run"]
