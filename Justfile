# Everything that CI runs, by the name a person would type.

# Format, lint, document and test.
check: fmt lint doc test

# Check the formatting.
fmt:
    cargo fmt --all --check

# Run clippy with warnings denied.
lint:
    cargo clippy --workspace --all-targets --all-features -- -D warnings

# Build the documentation with warnings denied.
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --all-features

# Run all tests.
test *args:
    cargo test --workspace {{args}}

# Run the tests that take minutes.
test-slow:
    cargo test -p kache-e2e --test it -- --ignored

# Download the sources in C that the tests build; without them those tests are skipped.
fetch:
    cargo run -p kache-e2e -- fetch

# Make every step of the store fail once.
test-faults:
    cargo test -p kache-store --all-features

# Fuzz every parser for a few seconds each.
fuzz seconds="10":
    fuzz/run-all {{seconds}}

# Build a sample project twice and show that the second build came from the cache.
demo *args:
    cargo run --release -p kache-e2e -- demo {{args}}

# Measure against plain cargo, the replay floor and, if it is on PATH, sccache.
bench *args:
    cargo run --release -p kache-e2e -- bench {{args}}

# Measure C and C++ against the bare compiler and, if it is on PATH, ccache.
bench-cc *args:
    cargo run --release -p kache-e2e -- bench-cc {{args}}

# Show how many of the most used build scripts are served in a second checkout.
bench-scripts:
    cargo run --release -p kache-e2e -- bench-scripts

# Check licences, bans and sources of dependencies.
deny:
    cargo deny check licenses bans sources

# Install kache: a static wrapper that starts fast, and the command line tool.
#
# With musl where rustc has or can get the libraries for it: a program with glibc
# first asks the processor for its caches, which takes long in a virtual machine.
install:
    #!/bin/sh
    set -eu
    host=$(rustc -vV | sed -n 's/^host: //p')
    target=$(echo "$host" | sed 's/-linux-gnu$/-linux-musl/')
    if [ "$target" != "$host" ]; then
        rustup target add "$target" || true
        [ -d "$(rustc --print target-libdir --target "$target")" ] || target=$host
    fi
    # BLAKE3 has assembler sources, for which no compiler for musl is needed.
    export "CC_$(echo "$target" | tr - _)=cc"
    RUSTFLAGS="-C target-feature=+crt-static -C relocation-model=static" \
        cargo install --path crates/kache-wrapper --target "$target" --locked
    cargo install --path crates/kache-cli --locked
