# Sourced by the scripts in tests/ and .ci/, in the root of the repository: where builds are, the programs under test, and
# virtual environments. The first run installs Python packages, so it needs an index that pip can reach.
#
# LXCA_BINARY and LXCA_APPLIANCE name programs that are built already, PYTHON another Python than python3,
# CARGO_TARGET_DIR another folder than target/.
# shellcheck shell=sh

root="$PWD"
mkdir -p "${CARGO_TARGET_DIR:-target}"
target="$(cd "${CARGO_TARGET_DIR:-target}" && pwd)"
python="${PYTHON:-python3}"
# The tests of the simulated appliance start it from Python; the other tests do it the same way.
simulator="$root/tests/third_party"
PATH="$target/tools/bin:$PATH"

fail() { echo "${0#"$root"/}: $*" >&2; exit 1; }

# Shows what happens next and how long the script has run.
step() { printf '\n== %s (%s)\n' "$*" "$(elapsed)"; }
elapsed() { printf '%d:%02d' $((($(date +%s) - started) / 60)) $((($(date +%s) - started) % 60)); }
: "${started:=$(date +%s)}"
export started

# Builds a program with these options of cargo and prints its path, which depends on the host and on cargo's settings.
built() {
    cargo build --locked --quiet --message-format=json-render-diagnostics "$@" |
        sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | grep . || fail "cargo build $* failed."
}

# The release binary as LXCA_BINARY, the simulated appliance as LXCA_APPLIANCE.
programs() {
    [ -n "${LXCA_BINARY:-}" ] || LXCA_BINARY="$(built --release --package lxca)"
    [ -n "${LXCA_APPLIANCE:-}" ] || LXCA_APPLIANCE="$(built --package lxca-appliance)"
    export LXCA_BINARY LXCA_APPLIANCE
}

# Sets `release`, such as 3.11, and fails unless the Python is between these two.
python_between() {
    command -v "$python" >/dev/null || fail "$python is missing; PYTHON can name another one."
    release="$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')"
    "$python" -c "import sys; sys.exit(not ($1 <= sys.version_info[:2] <= $2))" ||
        fail "needs Python $(echo "$1 to $2" | tr -d '()' | sed 's/, /./g'), and $python is $release; PYTHON can name another one."
}

# Makes the virtual environment target/$1 from the requirements in file $2, unless it was made there from the same: its
# scripts hold its path, so a copied one runs another folder's Python. $3 is a command that adds to it.
environment() {
    { cat "$2" && echo "# $("$python" --version) in $target/$1"; } >"$target/wanted.$$"
    if ! cmp -s "$target/wanted.$$" "$target/$1/requirements.txt"; then
        step "installing $1 for Python"
        "$python" -m venv --clear "$target/$1" || fail "$python cannot make a virtual environment (Debian: python3-venv)."
        "$target/$1/bin/pip" install --quiet --disable-pip-version-check -r "$2" ||
            fail "pip cannot install the packages in $2: is its index reachable, and does $python fit?"
        [ $# -eq 2 ] || "$3" "$target/$1"
        # The copy comes last: it says that the environment is complete.
        mv "$target/wanted.$$" "$target/$1/requirements.txt"
    fi
    rm -f "$target/wanted.$$"
}

# Installs a program of cargo's in target/tools unless it is there or on PATH. It runs for a minute: not worth minutes of
# optimizing.
cargo_tool() {
    command -v "$1" >/dev/null || CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_LTO=off \
        CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 cargo install --locked --quiet --root "$target/tools" --target-dir "$target/tools/build" "$@"
}

# What .ci/release needs of cargo's programs.
release_tools() {
    cargo_tool cargo-about --features=cli
    cargo_tool cargo-cyclonedx
}

# Looks for the programs that the arguments name as PROGRAM:PACKAGE, and installs Debian's packages where that is possible.
commands() {
    packages=""
    for pair; do
        case "${pair%%:*}" in
            venv) "$python" -c 'import ensurepip, venv' 2>/dev/null ;;
            *) command -v "${pair%%:*}" >/dev/null ;;
        esac || packages="$packages ${pair#*:}"
    done
    [ -n "$packages" ] || return 0
    command -v apt-get >/dev/null || fail "install what Debian calls$packages."
    [ "$(id -u)" -eq 0 ] || fail "missing packages; install them with: sudo apt-get install --yes$packages"
    step "installing$packages"
    apt-get update -qq
    # shellcheck disable=SC2086 # a list of packages
    apt-get install -y -qq --no-install-recommends $packages
}
