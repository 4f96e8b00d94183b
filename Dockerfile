# OnQueue's images, one for each process:
#   docker build --target api -t onqueue-api .
#   docker build --target worker -t onqueue-worker .
#   docker build --target webhooks -t onqueue-webhooks .
# No RUN --mount and no heredocs: the classic builder has to get through this file as well as BuildKit.
ARG NODE_IMAGE=node:24-bookworm-slim

FROM ${NODE_IMAGE} AS base
ENV NODE_ENV=production
WORKDIR /app

# npm ci checks the lock file against all that the manifests ask for, also against what it is told to leave out: so
# every workspace's is here, and the development tools are struck out, whose binaries for other systems aren't locked.
FROM base AS manifests
COPY package.json package-lock.json .npmrc ./
COPY packages/shared/package.json packages/shared/
COPY apps/api/package.json apps/api/
COPY apps/worker/package.json apps/worker/
COPY apps/webhooks/package.json apps/webhooks/
RUN npm pkg delete devDependencies

# Nothing that runs in production needs its install script.
FROM manifests AS api-packages
RUN npm ci --omit=dev --ignore-scripts --workspace=packages/shared --workspace=apps/api

# The files belong to root and the process runs as `node`: it can't change its own code, only what is in data and storage.
# The health check is of liveness alone: what acts on it restarts the container, and that mends no Redis that is away.
FROM base AS api
COPY --from=api-packages /app ./
COPY LICENSE ./
COPY packages/shared packages/shared
COPY apps/api apps/api
# docker compose exec api node scripts/keys.ts create NAME
COPY scripts/keys.ts scripts/
COPY scripts/bootstrap/make-folder.mjs scripts/bootstrap/
# Every module is loaded once (it ends for a setting that is wrong), so that the compile cache keeps its types stripped: that
# saves the process 35 MB and its start 0.3 s. The options are part of what the cache goes by.
ENV NODE_COMPILE_CACHE=/app/.cache/compile
# As in scripts/start/apps.ts.
ENV MALLOC_ARENA_MAX=1 MALLOC_TRIM_THRESHOLD_=131072
RUN LOG_LEVEL=none node --max-semi-space-size=16 --max-old-space-size=128 apps/api/src/main.ts >/dev/null 2>&1 || true
# In a volume of its own, which workers share.
RUN mkdir data storage && chown node:node data storage
USER node
ENV ONQUEUE_STORAGE=/app/storage
ENV ONQUEUE_HOST=0.0.0.0 PORT=8080 ONQUEUE_API_HEALTH_HOST=0.0.0.0 ONQUEUE_API_HEALTH_PORT=8081
EXPOSE 8080 8081
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=10s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.ONQUEUE_API_HEALTH_PORT}/livez`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "--max-semi-space-size=16", "--max-old-space-size=128", "apps/api/src/main.ts"]

FROM manifests AS worker-packages
# `true` downloads ONNX Runtime's GPU libraries: docs/gpu.md
ARG ONNXRUNTIME_NODE_INSTALL=skip
# onnxruntime-node carries its library for five platforms, 290 MB, of which one is used.
RUN npm ci --omit=dev --ignore-scripts --workspace=packages/shared --workspace=apps/worker \
 && ONNXRUNTIME_NODE_INSTALL=${ONNXRUNTIME_NODE_INSTALL} node node_modules/onnxruntime-node/script/install.js \
 && find node_modules/onnxruntime-node/bin/napi-v6 -mindepth 2 -maxdepth 2 \
      ! -path "*/linux/$(node -p process.arch)" -exec rm -r {} +

FROM base AS worker
COPY --from=worker-packages /app ./
COPY LICENSE ./
COPY packages/shared packages/shared
COPY apps/worker apps/worker
# As for the API; the second line is for the executors.
ENV NODE_COMPILE_CACHE=/app/.cache/compile MALLOC_ARENA_MAX=1 MALLOC_TRIM_THRESHOLD_=131072
RUN LOG_LEVEL=none node --max-semi-space-size=8 --max-old-space-size=192 apps/worker/src/main.ts >/dev/null 2>&1 || true
RUN node --max-semi-space-size=1 apps/worker/src/executor/executor-process.ts >/dev/null 2>&1 || true
RUN mkdir storage && chown node:node storage
USER node
ENV ONQUEUE_STORAGE=/app/storage
ENV ONQUEUE_WORKER_HEALTH_HOST=0.0.0.0 ONQUEUE_WORKER_HEALTH_PORT=8082
EXPOSE 8082
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=10s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.ONQUEUE_WORKER_HEALTH_PORT}/livez`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "--max-semi-space-size=8", "--max-old-space-size=192", "apps/worker/src/main.ts"]

FROM manifests AS webhooks-packages
RUN npm ci --omit=dev --ignore-scripts --workspace=packages/shared --workspace=apps/webhooks

FROM base AS webhooks
COPY --from=webhooks-packages /app ./
COPY LICENSE ./
COPY packages/shared packages/shared
COPY apps/webhooks apps/webhooks
# As for the API; the threads are for DNS look-ups, as in scripts/start/apps.ts.
ENV NODE_COMPILE_CACHE=/app/.cache/compile MALLOC_ARENA_MAX=1 MALLOC_TRIM_THRESHOLD_=131072 UV_THREADPOOL_SIZE=64
RUN LOG_LEVEL=none node --max-semi-space-size=2 --max-old-space-size=128 apps/webhooks/src/main.ts >/dev/null 2>&1 || true
USER node
ENV ONQUEUE_WEBHOOKS_HEALTH_HOST=0.0.0.0 ONQUEUE_WEBHOOKS_HEALTH_PORT=8083
EXPOSE 8083
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=10s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.ONQUEUE_WEBHOOKS_HEALTH_PORT}/livez`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "--max-semi-space-size=2", "--max-old-space-size=128", "apps/webhooks/src/main.ts"]
