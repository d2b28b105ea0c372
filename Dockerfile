# One image for the slow server and for every approach: Python and packages, and on them the lab's own code.
#
#   docker build --build-arg BASE_IMAGE=python:3.13-slim .             another Python, or a digest
#   docker build --secret id=ca_bundle,src=/path/to/bundle.pem .       behind a proxy that re-signs TLS
ARG BASE_IMAGE=python:3.14-slim
# The stage below; or that stage as an image, which was built or loaded before. On that, nothing needs a network.
ARG ENVIRONMENT=environment

FROM ${BASE_IMAGE} AS packages
# pip lives in an environment of its own and stays behind in this stage.
RUN python -m venv /pip && python -m venv --without-pip /venv
COPY labkit/setup/wheels.py requirements/image.txt ./
# With a value, packages that have no wheel for this Python are left out; without, the first of them fails the build.
ARG LEAVE_OUT
# Compiled here, because nothing can be written when the containers run. Compiled files that do not hold their source's
# time are the same in every build; nobody edits a package in an image, so they need no check at run time either.
# All of them (-f): pip has imported some already (its rich takes attrs where it is), and what that leaves holds times.
RUN --mount=type=cache,target=/pip-cache --mount=type=secret,id=ca_bundle \
    if [ -s /run/secrets/ca_bundle ]; then export PIP_CERT=/run/secrets/ca_bundle; fi \
    && python wheels.py ${LEAVE_OUT:+--leave-out} --no-compile image.txt /venv/labkit-packages.json \
       /pip/bin/pip --python /venv/bin/python --cache-dir /pip-cache --disable-pip-version-check --no-input \
    && PYTHONHASHSEED=0 python -m compileall -q -f --invalidation-mode unchecked-hash /venv

FROM ${BASE_IMAGE} AS environment
# The official image comes without compiled modules of the standard library; each start would compile them again.
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
# These check the source's hash: somebody may mount a file of their own over one of them.
RUN PYTHONHASHSEED=0 python -m compileall -q --invalidation-mode checked-hash .
USER 10001:10001
ARG SOURCE_HASH
LABEL org.opencontainers.image.title="concurrency-lab" \
      org.opencontainers.image.description="A slow gunicorn server, and many ways to make requests to it" \
      concurrency-lab.source="${SOURCE_HASH}"
