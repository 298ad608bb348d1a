# syntax=docker/dockerfile:1

# Both stages are of the same Debian, so that the program finds the C library that it was linked with. A test holds the
# version of Rust against rust-toolchain.toml.
FROM rust:1.95.0-slim-trixie AS build
WORKDIR /src
COPY . .
# Cargo's downloads and its target directory stay in caches, so that a build after a change compiles what changed.
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/src/target,sharing=locked \
    cargo build --release --locked --bin discovery \
    && install -D target/release/discovery /image/discovery \
    && install -d /image/data

# The C library, libgcc and a user without rights; no shell, no package manager.
FROM gcr.io/distroless/cc-debian13:nonroot
LABEL org.opencontainers.image.title="Discovery" \
      org.opencontainers.image.description="A workflow orchestrator that people can watch." \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /image/discovery /usr/local/bin/discovery
COPY --from=build --chown=65532:65532 /image/data /data
# The base image's user `nonroot`, as a number, so that a cluster can see that it is not root.
USER 65532:65532
WORKDIR /data
ENV DATABASE_URL=sqlite:///data/discovery.db?mode=rwc \
    DISCOVERY_HOST=0.0.0.0 \
    DISCOVERY_PORT=8080
VOLUME /data
EXPOSE 8080
# An orderly stop waits up to 30 s for open calls: give it more than Docker's 10 s (`docker stop --time 40`).
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --start-interval=1s --retries=3 CMD ["discovery", "health"]
ENTRYPOINT ["discovery"]
CMD ["serve"]
