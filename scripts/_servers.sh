# Sourced by test.sh: install Redis, against which the stores of memories are tested, and Chromium, in which the window
# is, where that needs nobody's word.
# The tests start and stop the servers themselves, and skip what is not there.

install_servers() {
  install_package redis-server redis-server
  install_package chromium chromium
}

# install_package PROGRAM PACKAGE
install_package() {
  command -v "$1" >/dev/null && return
  if [[ "$(id -u)" == 0 ]] && command -v apt-get >/dev/null; then
    say "Installing $2 for the tests ..."
    timeout 300 sh -c 'apt-get install -y -q "$1" || { apt-get update -q && apt-get install -y -q "$1"; }' sh "$2" \
      >/dev/null 2>&1 && return
  fi
  say "$1 is not installed, so its tests are skipped. On Debian or Ubuntu: sudo apt install $2"
}
