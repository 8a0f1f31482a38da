#!/usr/bin/env bash
# How fast a GPU trains, beside one core of the same machine, and whether it computes what ONNX does.
#
#   benchmarks/gpu.sh pack [PYTHON_VERSION]    with a network: wheels and records into .cache/gpu
#   benchmarks/gpu.sh                          on a machine with a GPU, Python and JAX, without a network
#
# The second takes this project's folder with .cache/gpu in it, at most 64 MiB, and nothing else; it
# ends within four minutes. JAX and its GPU part, numpy and scipy are those of the machine; so are the
# other packages where it has them.
set -euo pipefail
cd "$(dirname "$0")/.."
brought=.cache/gpu
most=$((64 * 1024 * 1024))
lock=files/kepler_lens/requirements-train.txt

# What training needs beside JAX. Each in the version that the lock file has.
packages=(absl-py google-crc32c h5py keras markdown-it-py mdurl ml-dtypes namex onnxruntime optree packaging protobuf pygments rich typing-extensions)

pack() { # version of Python
  rm -rf "$brought"
  mkdir -p "$brought/wheels"
  awk -v wanted=" ${packages[*]} " '/^[a-z]/ {split($1, name, "=="); take = index(wanted, " " name[1] " ")} take' "$lock" \
    >"$brought/requirements.txt"
  local platforms=()
  for glibc in 28 27 26 24 17; do platforms+=(--platform "manylinux_2_${glibc}_x86_64"); done
  python3 -m pip download --quiet --no-deps --only-binary=:all: --require-hashes --python-version "$1" \
    --implementation cp "${platforms[@]}" --platform manylinux2014_x86_64 -d "$brought/wheels" -r "$brought/requirements.txt"
  local data=${HELLOEXOWORLD_DATA:-../shared/data}/astronet
  [ -d "$data" ] || { echo "The records of AstroNet are not at $data: set HELLOEXOWORLD_DATA." >&2; exit 1; }
  tar --create --xz --file "$brought/astronet.tar.xz" --directory "$data" .
  local size
  size=$(du --bytes --summarize "$brought" | cut -f 1)
  [ "$size" -le "$most" ] || { echo "$brought has $size bytes, more than $most." >&2; exit 1; }
  echo "$brought: $((size / 1024 / 1024)) MiB, for Python $1. Take this folder to the machine with the GPU, and run benchmarks/gpu.sh there."
}

if [ "${1:-}" = pack ]; then
  pack "${2:-3.12}"
  exit
fi
[ -f "$brought/astronet.tar.xz" ] || { echo "$brought is not here: run 'benchmarks/gpu.sh pack' on a machine with a network, and bring it." >&2; exit 1; }
python3 -c 'import jax' 2>/dev/null || { echo "Python has no JAX here: install it for this machine's GPU first." >&2; exit 1; }
site=$(mktemp -d)
trap 'rm -rf "$site"' EXIT
# What the machine has fits its GPU, and stays.
missing=()
for wheel in "$brought"/wheels/*.whl; do
  name=$(basename "$wheel")
  python3 -c 'import importlib.metadata, sys; importlib.metadata.version(sys.argv[1])' "${name%%-*}" 2>/dev/null || missing+=("$wheel")
done
[ ${#missing[@]} = 0 ] || python3 -m pip install --quiet --no-index --no-deps --no-compile --target "$site" "${missing[@]}"
python3 -m tarfile --extract "$brought/astronet.tar.xz" "$site/astronet"
export PYTHONPATH=$PWD/files/kepler_lens:$site GPU_RECORDS=$site/astronet KERAS_BACKEND=jax
# Products in single precision, not in the GPU's shorter formats: else scores differ in the third decimal.
export JAX_DEFAULT_MATMUL_PRECISION=highest
# Memory is taken as it is needed, so that its peak means something.
export XLA_PYTHON_CLIENT_PREALLOCATE=false
# Not by exec: the folder is removed afterwards.
timeout --kill-after 5 240 python3 benchmarks/gpu.py
