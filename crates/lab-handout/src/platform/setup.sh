#!/usr/bin/env bash
# Gradescope runs this once, as root, while it builds the autograder's image: what every submission needs is
# installed and built here, so that a submission itself is judged in seconds and without the network.
set -euo pipefail
root=${AUTOGRADER_ROOT:-/autograder}

missing=()
command -v python3 >/dev/null || missing+=(python3)
command -v cc >/dev/null || missing+=(gcc libc6-dev)
if [ ! -x /usr/local/cargo/bin/cargo ] && ! command -v cargo >/dev/null; then
  missing+=(curl ca-certificates)
fi
if [ ${#missing[@]} -gt 0 ]; then
  apt-get update
  DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "${missing[@]}"
fi

if ! command -v cargo >/dev/null; then
  # Next to the system's programs: a submission may run with another home.
  export RUSTUP_HOME=/usr/local/rustup CARGO_HOME=/usr/local/cargo PATH="/usr/local/cargo/bin:$PATH"
  if [ ! -x /usr/local/cargo/bin/cargo ]; then
    curl --proto '=https' --tlsv1.2 --silent --show-error --fail https://sh.rustup.rs |
      sh -s -- -y --no-modify-path --profile minimal --default-toolchain stable
  fi
fi

cd "$root/source"
cargo build --locked --package lab-check
cargo build --locked --workspace
