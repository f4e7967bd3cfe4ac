# Two stages: the first installs what deno.lock names and builds, the second holds only what serving needs.
FROM denoland/deno:2.9.6 AS build
WORKDIR /app
ENV DENO_DIR=/deno-dir
COPY . .
RUN deno install --frozen --entrypoint dev.ts \
  && deno run --frozen --no-prompt --allow-env --allow-read --allow-write --allow-run dev.ts build \
  && rm -rf "$DENO_DIR"/* \
  && deno install --frozen --entrypoint serve.ts main.ts _fresh/server.js

FROM denoland/deno:2.9.6
WORKDIR /app
ENV DENO_DIR=/deno-dir DENO_NO_UPDATE_CHECK=1 DATA_DIR=/data HOST=0.0.0.0 PORT=8000
COPY --from=build /deno-dir /deno-dir
COPY --from=build /app /app
RUN mkdir /data && chown deno:deno /data
USER deno
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s \
  CMD ["deno", "run", "--no-prompt", "--cached-only", "--allow-env=PORT", "--allow-net=127.0.0.1", "healthcheck.ts"]
STOPSIGNAL SIGTERM
CMD ["deno", "run", "--frozen", "--cached-only", "--no-prompt", "--v8-flags=--max-semi-space-size=4", "--allow-net", "--allow-env", "--allow-sys=hostname,osRelease,systemMemoryInfo", "--allow-read=/app,/data,/sys/fs/cgroup", "--allow-write=/data", "serve.ts"]
