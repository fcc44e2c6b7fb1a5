# One image for each part: docker build --build-arg PART=tracking -t quietzone-tracking . (`make images` builds them all)
# Parts: qr, tracking, analytics, storage, notification, gateway, cli. The container's arguments name the role: docker run quietzone-tracking edge
# Of the clouds' interfaces that botocore describes, those stay that we ask, and those by which it signs in: 27 MB less.
# Nothing in it depends on the processor: with --platform linux/arm64 it is an image for that one.
ARG BASE=python:3.11-slim

FROM ${BASE} AS contracts
WORKDIR /build
COPY requirements/contracts.txt .
RUN pip install --no-cache-dir --disable-pip-version-check --root-user-action=ignore --require-hashes -r contracts.txt
COPY proto proto
RUN mkdir -p out \
    && python -m grpc_tools.protoc -Iproto --python_out=out --grpc_python_out=out $(cd proto && find quietzone -name '*.proto') \
    && python proto/generate_topics.py out \
    && python -m compileall -q -s out -p /quietzone out

FROM ${BASE} AS packages
ARG PART
COPY requirements/${PART}.txt .
RUN pip install --no-cache-dir --disable-pip-version-check --root-user-action=ignore --require-hashes --no-compile --target /packages -r ${PART}.txt \
    && find /packages -name tests -type d -prune -exec rm -r {} + && find /packages -name '*.pyi' -delete \
    && if [ -d /packages/botocore/data ]; then find /packages/botocore/data -mindepth 1 -maxdepth 1 -type d \
        ! -name s3 ! -name cloudfront ! -name sts ! -name 'sso*' -exec rm -r {} +; fi \
    && python -m compileall -q /packages # a process can't keep what it compiles, since its file system is read-only

FROM ${BASE} AS code
ARG PART
ARG VERSION
COPY pyproject.toml /from/
COPY kit /from/kit
COPY services /from/services
COPY gateway /from/gateway
COPY cli /from/cli
COPY clients /from/clients
COPY standalone /from/standalone
COPY examples /from/examples
# The command works on what all parts store, and so has the code of all, and asks the API by the client; its tour reads the examples.
RUN mkdir /code \
    && if [ "$PART" = cli ]; then cp -r /from/*/quietzone_* /from/services/*/quietzone_* /from/clients/python/quietzone_client /from/examples /code; \
    else cp -r /from/kit/quietzone_kit "$(find /from -type d -name quietzone_${PART})" /code; fi \
    && python -m compileall -q -s /code -p /quietzone /code
RUN version="${VERSION:-$(sed -n 's/^version = "\(.*\)"$/\1/p' /from/pyproject.toml)}" && mkdir "/code/quietzone-$version.dist-info" \
    && printf 'Metadata-Version: 2.1\nName: quietzone\nVersion: %s\n' "$version" > "/code/quietzone-$version.dist-info/METADATA"

FROM ${BASE}
ARG PART
ARG VERSION
LABEL org.opencontainers.image.title="quietzone-${PART}" \
      org.opencontainers.image.description="Dynamic QR codes, counted exactly: the part ${PART}" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.licenses="Apache-2.0 AND Bitstream-Vera"
COPY --from=packages /packages /packages
COPY --from=contracts /build/out /quietzone
COPY --from=code /code /quietzone
ENV PYTHONPATH=/quietzone:/packages PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PART=${PART}
RUN install -d -o 10001 -g 10001 /spool # a volume mounted here belongs to who writes to it
USER 10001:10001
WORKDIR /quietzone
ENTRYPOINT ["/bin/sh", "-c", "exec python -m quietzone_$PART \"$@\"", "quietzone"]
