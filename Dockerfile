# A small image of the program: one binary on glibc, no shell, not as root.
#   docker build --build-arg COMMIT=$(git rev-parse HEAD) -t rollsim .
#   docker run --rm -v "$PWD:/data:ro" rollsim run web.yaml
FROM rust:1.95-slim-bookworm AS build
WORKDIR /rollsim
COPY . .
ARG COMMIT=unknown
RUN ROLLSIM_COMMIT=$COMMIT cargo build --locked --profile dist --bin rollsim

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /rollsim/target/dist/rollsim /usr/local/bin/rollsim
COPY LICENSE-MIT LICENSE-APACHE /usr/share/doc/rollsim/
WORKDIR /data
ENTRYPOINT ["/usr/local/bin/rollsim"]
