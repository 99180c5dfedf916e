#!/usr/bin/env bash
# Looks for the programs that `make run`, `make check` or `make test` needs. As root on Debian it installs what is missing;
# elsewhere it prints the line that does.
set -euo pipefail

case ${1:-} in
  run) wanted=(cargo cc) ;;
  check) wanted=(cargo cc python3) ;;
  test) wanted=(cargo cc c++ make git curl python3 venv node npm valgrind strace openssl chromium firefox-esr WebKitWebDriver Xvfb java okhttp) ;;
  *)
    echo "usage: $0 run|check|test" >&2
    exit 2
    ;;
esac

has() {
  case $1 in
    venv) python3 -c 'import venv, ensurepip' 2>/dev/null ;;
    node) node -e 'process.exit(process.versions.node.split(".")[0] >= 20 ? 0 : 1)' 2>/dev/null ;;
    chromium) [[ -n ${CHROMIUM:-} ]] || command -v chromium >/dev/null ;;
    firefox-esr) [[ -n ${FIREFOX:-} ]] || command -v firefox-esr >/dev/null ;;
    # Debian's Python, which may not be the first one in the path, starts the browser that this drives.
    WebKitWebDriver) command -v WebKitWebDriver >/dev/null && /usr/bin/python3 -c 'import gi; gi.require_version("WebKit2", "4.1")' 2>/dev/null ;;
    # OkHttp 3 and org.json, for the recipe in Kotlin.
    okhttp) [[ -e /usr/share/java/okhttp.jar && -e /usr/share/java/okio.jar && -e /usr/share/java/json-android.jar ]] ;;
    *) command -v "$1" >/dev/null ;;
  esac
}

# The Debian package of a program.
package() {
  case $1 in
    cc | c++) echo build-essential ;;
    venv) echo python3-venv ;;
    node) echo nodejs ;;
    chromium) echo chromium fonts-noto-cjk ;;
    WebKitWebDriver) echo webkit2gtk-driver python3-gi gir1.2-webkit2-4.1 ;;
    Xvfb) echo xvfb ;;
    java) echo default-jre-headless ;;
    okhttp) echo libokhttp-java libokio-java libandroid-json-org-java ;;
    *) echo "$1" ;;
  esac
}

missing=() packages=()
look() {
  missing=() packages=()
  for program in "${wanted[@]}"; do
    has "$program" || missing+=("$program")
  done
  for program in "${missing[@]}"; do
    [[ $program == cargo ]] || packages+=($(package "$program"))
  done
  install="apt-get install -y --no-install-recommends $(printf '%s\n' "${packages[@]}" | sort -u | xargs)"
}

look
if ((${#packages[@]})) && [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
  apt-get update -qq
  $install -qq
  look
fi

if ((${#missing[@]})); then
  echo "Missing: ${missing[*]}." >&2
  if ((${#packages[@]})); then
    echo "On Debian or Ubuntu: sudo $install" >&2
    [[ ${missing[*]} != *node* ]] || echo "Node has to be version 20 or later." >&2
    [[ ${missing[*]} != *chromium* ]] || echo "Or name another Chromium: CHROMIUM=/where/it/is" >&2
    [[ ${missing[*]} != *firefox* ]] || echo "Or name another Firefox: FIREFOX=/where/it/is" >&2
  fi
  if ! has cargo; then
    echo "Rust: https://www.rust-lang.org/tools/install" >&2
  fi
  exit 1
fi
