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

# Run end-to-end tests with kache as it is released: optimised, and static with musl.
test-released *filters:
    KACHE_E2E_RELEASED=1 cargo test -p kache-e2e --test it -- {{filters}}

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

# Measure what being observed costs a compiler of C++ and one of Rust.
bench-observation runs="40":
    #!/bin/sh
    set -eu
    dir=$(mktemp -d)
    trap 'rm -rf "$dir"' EXIT
    printf '#include <%s>\n' algorithm functional iostream map memory regex string > "$dir/a.cpp"
    echo 'pub fn sum(of: &[u32]) -> u32 { of.iter().map(|it| it * 2).sum() }' > "$dir/a.rs"
    observed() {
        echo "$*"
        cargo run --quiet --release -p kache-observe --example overhead -- --runs {{runs}} "$@"
    }
    observed c++ -O2 -c "$dir/a.cpp" -o "$dir/a.o"
    observed rustc --crate-type lib --out-dir "$dir" "$dir/a.rs"

# Check licences, bans and sources of dependencies.
deny:
    cargo deny check licenses bans sources

# Install kache: a static wrapper that starts fast, and the command line tool.
install:
    #!/bin/sh
    set -eu
    # With musl where rustc has or can get the libraries for it: a program with glibc first
    # asks the processor for its caches, which takes long in a virtual machine.
    target=$(rustc -vV | sed -n 's/^host: //p')
    flags=
    case $target in *-linux-*)
        flags="-C target-feature=+crt-static -C relocation-model=static"
        musl=$(echo "$target" | sed 's/-gnu$/-musl/')
        command -v rustup >/dev/null && rustup target add "$musl" || true
        if [ -d "$(rustc --print target-libdir --target "$musl")" ]; then
            target=$musl
            # For BLAKE3's assembler sources any compiler does, where the `cc` crate would
            # look for one that is made for musl.
            compiler=CC_$(echo "$musl" | tr - _)
            [ -n "$(printenv "$compiler")" ] || export "$compiler=cc"
        fi
    esac
    RUSTFLAGS=$flags cargo install --path crates/kache-wrapper --target "$target" --locked
    cargo install --path crates/kache-cli --locked
