# One image for each part: docker build --build-arg PART=tracking -t quietzone-tracking .
# Parts: qr, tracking, analytics, gateway. The container's arguments name the role: docker run quietzone-tracking edge
ARG BASE=python:3.11-slim

FROM ${BASE} AS contracts
WORKDIR /build
COPY requirements/contracts.txt .
RUN pip install --no-cache-dir --disable-pip-version-check --root-user-action=ignore --require-hashes -r contracts.txt
COPY proto proto
RUN mkdir -p out \
    && python -m grpc_tools.protoc -Iproto --python_out=out --grpc_python_out=out $(cd proto && find quietzone -name '*.proto') \
    && python proto/generate_topics.py out

FROM ${BASE} AS packages
ARG PART
COPY requirements/${PART}.txt .
RUN pip install --no-cache-dir --disable-pip-version-check --root-user-action=ignore --require-hashes --no-compile --target /packages -r ${PART}.txt \
    && find /packages -name tests -type d -prune -exec rm -r {} + && find /packages -name '*.pyi' -delete

FROM ${BASE} AS code
ARG PART
COPY kit /from/kit
COPY services /from/services
COPY gateway /from/gateway
RUN mkdir /code && cp -r /from/kit/quietzone_kit "$(find /from -type d -name quietzone_${PART})" /code

FROM ${BASE}
ARG PART
LABEL org.opencontainers.image.title="quietzone-${PART}" \
      org.opencontainers.image.description="Dynamic QR codes, counted exactly: the part ${PART}" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=packages /packages /packages
COPY --from=contracts /build/out /quietzone
COPY --from=code /code /quietzone
ENV PYTHONPATH=/quietzone:/packages PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PART=${PART}
RUN install -d -o 10001 -g 10001 /spool # a volume mounted here belongs to who writes to it
USER 10001:10001
WORKDIR /quietzone
ENTRYPOINT ["/bin/sh", "-c", "exec python -m quietzone_$PART \"$@\"", "quietzone"]
