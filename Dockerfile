# The operator's image: Python, the locked dependencies, trimtab. No torch, no shell needed.
#
#     docker build -t trimtab:0.1.0 .
#
# Any image with Python 3.11 or newer serves as the base; both stages must have the same one, since
# a virtual environment points to its interpreter.
ARG BASE_IMAGE=python:3.11-slim-bookworm

FROM ${BASE_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
# Dependencies come before the sources: they change less often. What builds the wheel has an
# environment of its own, which stays behind.
COPY requirements/operator.txt requirements/build.txt requirements/
RUN python3 -m venv /opt/trimtab && \
    /opt/trimtab/bin/pip install --no-compile --require-hashes --only-binary :all: -r requirements/operator.txt
RUN python3 -m venv /opt/build && \
    /opt/build/bin/pip install --require-hashes --only-binary :all: -r requirements/build.txt
COPY pyproject.toml README.md LICENSE ./
COPY operator/ operator/
# Byte code by the hash of its source: by the time of its file no two builds would be the same.
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /dist . && \
    /opt/trimtab/bin/pip install --no-compile --no-deps /dist/*.whl && \
    /opt/trimtab/bin/python -m compileall -q -f --invalidation-mode unchecked-hash /opt/trimtab/lib && \
    /opt/trimtab/bin/pip uninstall --yes pip setuptools

FROM ${BASE_IMAGE}
COPY --from=build /opt/trimtab /opt/trimtab
# The root file system is read-only in the cluster: nothing may want to write byte code.
ENV PATH=/opt/trimtab/bin:${PATH} PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
LABEL org.opencontainers.image.title=trimtab \
      org.opencontainers.image.licenses=Apache-2.0
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["trimtab"]
CMD ["run"]
