#!/usr/bin/env bash
# Makes this checkout ready to run: system libraries, virtual environment, pinned packages.
# Idempotent: a second call ends in well under a second.
set -euo pipefail
cd "$(dirname "$0")/.."

with_tests=0
[ "${1:-}" = "--with-tests" ] && with_tests=1

# What Qt needs to draw, with and without a screen, on Debian 12 and its kin.
run_libraries="libglib2.0-0 libegl1 libgl1 libx11-6 libdbus-1-3 libfontconfig1 libfreetype6 libxkbcommon0
  libx11-xcb1 libxcb-cursor0 libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-randr0 libxcb-render-util0
  libxcb-render0 libxcb-shape0 libxcb-shm0 libxcb-sync1 libxcb-util1 libxcb-xfixes0 libxcb-xkb1
  libxkbcommon-x11-0 libgomp1 python3 python3-venv"
# What the tests drive the program with: a serial line pair, a PDF reader, a screen, a bundle, a
# database server of their own.
test_libraries="socat poppler-utils xvfb binutils postgresql"
# Spark runs on it in the tests; a Debian without it has a newer one, which does as well.
java="openjdk-17-jre-headless"

# The bundle takes the interpreter's shared library along; Debian ships its own apart.
python_library="libpython3-dev"

say() { printf '%s\n' "$*" >&2; }

with_java_of_this_debian() {
  if apt-cache show "$java" >/dev/null 2>&1; then
    echo "$1"
  else
    echo "${1/$java/default-jre-headless}"
  fi
}

python_is_of_debian() {
  case "$(command -v python3.11 || command -v python3)" in
    "" | /usr/bin/*) return 0 ;;
    *) return 1 ;;
  esac
}

install_system_libraries() {
  command -v dpkg-query >/dev/null 2>&1 || return 0  # not Debian: the person knows their system
  local wanted="$run_libraries" missing="" package
  [ "$with_tests" = 1 ] && wanted="$wanted $test_libraries"
  [ "$with_tests" = 1 ] && python_is_of_debian && wanted="$wanted $python_library"
  for package in $wanted; do
    # Debian 13 renamed some libraries with a t64 suffix.
    { dpkg-query -W -f='${Status}\n' "$package" "${package}t64" 2>/dev/null || true; } \
      | grep -q 'install ok installed' || missing="$missing $package"
  done
  if [ "$with_tests" = 1 ] && ! command -v java >/dev/null 2>&1; then
    missing="$missing $java"
  fi
  [ -n "$missing" ] || return 0
  local as_root=""
  if [ "$(id -u)" != 0 ]; then
    if sudo -n true 2>/dev/null; then
      as_root="sudo -n"
    else
      say "System libraries are missing and this user may not install them. Run this once, then again:"
      say "  sudo apt-get update && sudo apt-get install -y --no-install-recommends$missing"
      exit 3
    fi
  fi
  say "Installing system libraries:$missing"
  if ! { $as_root apt-get update -qq \
    && missing=$(with_java_of_this_debian "$missing") \
    && $as_root env DEBIAN_FRONTEND=noninteractive \
      apt-get install -y -qq --no-install-recommends $missing >/dev/null; }; then
    say "apt could not install them. Run this where packages can be reached, then run make again:"
    say "  sudo apt-get update && sudo apt-get install -y --no-install-recommends$missing"
    exit 3
  fi
}

find_python() {
  local candidate
  for candidate in python3.11 python3.12 python3.13 python3; do
    if command -v "$candidate" >/dev/null 2>&1 \
      && "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      echo "$candidate"
      return 0
    fi
  done
  say "Python 3.11 or newer with venv is needed and was not found."
  say "Install it (Debian: apt-get install python3 python3-venv) and run this again."
  exit 3
}

install_packages() {
  local python locks stamp wanted
  locks="requirements.lock"
  [ "$with_tests" = 1 ] && locks="$locks requirements-dev.lock"
  # A virtual environment knows its own place: one that was moved here is made anew.
  if [ -d .venv ] && ! .venv/bin/python -c 'import sys' 2>/dev/null; then
    rm -rf .venv
  fi
  stamp=".venv/.installed-$([ "$with_tests" = 1 ] && echo dev || echo run)"
  wanted=$(cat $locks pyproject.toml | sha256sum | cut -d' ' -f1)
  if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then
    return 0
  fi
  python=$(find_python)
  [ -d .venv ] || "$python" -m venv .venv
  say "Installing the pinned packages (a few minutes the first time)"
  local requirements=()
  for lock in $locks; do requirements+=(-r "$lock"); done
  .venv/bin/python -m pip install --quiet --disable-pip-version-check "${requirements[@]}" 2> >(grep -v '^WARNING: Location' >&2)
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e . 2> >(grep -v '^WARNING: Location' >&2)
  echo "$wanted" > "$stamp"
}

install_system_libraries
install_packages
