# Sourced by test.sh: install Redis, against which the stores of memories are tested, where that needs nobody's word.
# The tests start and stop the servers themselves, and skip what is not there.

install_servers() {
  command -v redis-server >/dev/null && return
  if [[ "$(id -u)" == 0 ]] && command -v apt-get >/dev/null; then
    say "Installing Redis for the tests ..."
    apt-get install -y -q redis-server >/dev/null 2>&1 && return
  fi
  say "redis-server is not installed, so its tests are skipped. On Debian or Ubuntu: sudo apt install redis-server"
}
