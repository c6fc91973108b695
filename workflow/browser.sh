# shellcheck shell=bash
# Sourced by run_tests.sh, with PYTHON set. The tests open pages in a real browser: where there is none, the system's package is
# installed (as root), or Playwright's own browser. Where neither can be had, those tests are skipped, and say so; in CI they fail.
has_browser() { "$PYTHON" tests/chromium.py; }

if ! has_browser; then
  echo "The tests open pages in a real browser, and none was found. Getting one, once ..."
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    { apt-get update -qq && apt-get install -y -qq chromium; } >/dev/null 2>&1 || true
  fi
  has_browser || "$PYTHON" -m playwright install chromium >/dev/null 2>&1 || true
  has_browser || echo "None could be had: tests that need one are skipped. Install Chromium, or name one in BOATLIB_BROWSER."
fi
