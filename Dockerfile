# One image for the slow server and every approach: Python, the packages, and the lab's own code.
#
#   docker build --build-arg BASE_IMAGE=python:3.13-slim .             another Python, or a digest
#   docker build --secret id=ca_bundle,src=/path/to/bundle.pem .       behind a proxy that re-signs TLS
ARG BASE_IMAGE=python:3.14-slim
# The stage below, or an image of that stage that was built or loaded earlier: then no step needs a network.
ARG ENVIRONMENT=environment

FROM ${BASE_IMAGE} AS packages
# pip has its own environment, which is not copied out of this stage.
RUN python -m venv /pip && python -m venv --without-pip /venv
COPY labkit/setup/wheels.py requirements/image.txt ./
# If set, packages without a wheel for this Python are left out. If empty, the first such package fails the build.
ARG LEAVE_OUT
# Compile here, because containers have a read-only file system. `unchecked-hash` files contain no timestamps, so every
# build produces the same files, and Python does not check them at run time: packages in an image do not change.
# `-f` also replaces the files, with timestamps, that pip left for the modules that it imported (such as attrs).
RUN --mount=type=cache,target=/pip-cache --mount=type=secret,id=ca_bundle \
    if [ -s /run/secrets/ca_bundle ]; then export PIP_CERT=/run/secrets/ca_bundle; fi \
    && python wheels.py ${LEAVE_OUT:+--leave-out} --no-compile image.txt /venv/labkit-packages.json \
       /pip/bin/pip --python /venv/bin/python --cache-dir /pip-cache --disable-pip-version-check --no-input \
    && PYTHONHASHSEED=0 python -m compileall -q -f --invalidation-mode unchecked-hash /venv

FROM ${BASE_IMAGE} AS environment
# The official image has no compiled standard library. Without this step, each start would compile it again.
RUN echo 'lab:x:10001:10001::/tmp:/usr/sbin/nologin' >> /etc/passwd && echo 'lab:x:10001:' >> /etc/group \
    && PYTHONHASHSEED=0 python -m compileall -q --invalidation-mode unchecked-hash \
       -x '/(test|idlelib|tkinter|turtledemo|ensurepip|pydoc_data|site-packages|dist-packages)/' \
       "$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"
ENV PATH=/venv/bin:$PATH HOME=/tmp PYTHONDONTWRITEBYTECODE=1
COPY --from=packages /venv /venv

FROM ${ENVIRONMENT} AS lab
WORKDIR /lab
COPY --chmod=755 server server
COPY --chmod=755 clients clients
COPY --chmod=755 loadtest loadtest
# `checked-hash`: a user may mount a changed file over one of these.
RUN PYTHONHASHSEED=0 python -m compileall -q --invalidation-mode checked-hash .
USER 10001:10001
ARG SOURCE_HASH
LABEL org.opencontainers.image.title="concurrency-lab" \
      org.opencontainers.image.description="A slow gunicorn server, and many ways to call it" \
      concurrency-lab.source="${SOURCE_HASH}"
