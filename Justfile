# Everything that CI runs, by the name a person would type.

host := `rustc -vV | sed -n 's/^host: //p'`
static := "-C target-feature=+crt-static -C relocation-model=static"

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
install:
    RUSTFLAGS="{{static}}" cargo install --path crates/kache-wrapper --target {{host}} --locked
    cargo install --path crates/kache-cli --locked
