"""`make drill-rotate`: all keys and the origin secret are rotated while twenty browsers refresh. Nobody is logged out, and no request is
refused. With ENV=staging on AWS, and without on this machine."""

import base64
import contextlib
import json
import sys
import threading
import time

sys.path[:0] = ["drills", "deploy", "admin/tests", "tests/contract"]
import plan
from browser import Browser

BROWSERS = 20
# Seconds between two refreshes of a browser: beyond 120 a minute a session gets 429.
PAUSE = 0.6
# A token of a rotating session is replaced after this, functions read their keys again, and a new key signs.
WINDOW, CACHE, PUBLISHED = 31, 601, 3 * 3_600


class Crowd:
    """Browsers that refresh and ask for the profile, each by itself. Every other one has a linked session."""

    def __init__(self, browsers):
        self.browsers, self.refused, self.is_over = browsers, [], False
        self.rounds = [0] * len(browsers)
        self.is_still, self.busy = False, 0
        self.moved = threading.Condition()
        self.threads = [threading.Thread(target=self.live, args=(at,), daemon=True) for at in range(len(browsers))]

    def live(self, at):
        browser = self.browsers[at]
        while not self.is_over:
            with self.moved:
                self.moved.wait_for(lambda: not self.is_still)
                self.busy += 1
            found = self.ask(browser)
            with self.moved:
                self.refused += [f"browser {at}: {what} {status}" for what, status in found.items() if status != 200]
                self.busy -= 1
                self.rounds[at] += 1
                self.moved.notify_all()
            time.sleep(PAUSE)

    def ask(self, browser):
        try:
            return {"refresh": browser.refresh(), "profile": browser.profile()}
        except OSError as error:
            return {"connection": error}

    @contextlib.contextmanager
    def holding_still(self):
        """No request is under way."""
        with self.moved:
            self.is_still = True
            assert self.moved.wait_for(lambda: self.busy == 0, timeout=60), "a request does not end"
            try:
                yield
            finally:
                self.is_still = False
                self.moved.notify_all()

    def go_round(self, times=2):
        """Until each browser has done everything so often from now on."""
        with self.moved:
            until = [rounds + times for rounds in self.rounds]
            done = lambda: self.refused or all(rounds >= least for rounds, least in zip(self.rounds, until))
            assert self.moved.wait_for(done, timeout=120), f"browsers get nowhere: {self.rounds}"
        assert not self.refused, self.refused

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.is_over = True
        for thread in self.threads:
            thread.join()


def signing_keys(crowd):
    """Those that the browsers' access tokens name."""
    headers = [browser.access.split(".")[0] for browser in crowd.browsers]
    return {json.loads(base64.urlsafe_b64decode(header + "=="))["kid"] for header in headers}


def rotate_keys(site, crowd):
    """A scheduled rotation: the new keys are published, and in use when everybody can know them."""
    before = signing_keys(crowd)
    site.admin("replace-keys", "schedule")
    for seconds in [WINDOW, CACHE, PUBLISHED, WINDOW]:
        crowd.go_round()
        with crowd.holding_still():
            site.pass_time(seconds)
    crowd.go_round()
    after = signing_keys(crowd)
    assert len(after) == 1 and not after & before, f"the key that signs was not rotated: {before}, then {after}"


def rotate_origin(site, crowd):
    """As `make deploy ROTATE_ORIGIN=1` does, step by step."""
    run, site.canary = plan.Run(rotates=True), crowd.go_round
    steps = []
    while step := plan.plan(site.view(), run):
        run = site.perform(step, run)
        crowd.go_round()
        steps.append(step[0])
    assert steps == ["make", "regional", "edge", "regional"], steps


def drill_here():
    import behind_edge

    with behind_edge.started() as site:
        browsers = [Browser(site.api, site.origin) for _ in range(BROWSERS)]
        for at, browser in enumerate(browsers):
            status, found = browser.log_in(site.credential(at), is_linked=at % 2 == 0)
            assert status == 200, f"browser {at} cannot log in: {status} {found}"
        with Crowd(browsers) as crowd:
            rotate_keys(site, crowd)
            old = site.secret
            rotate_origin(site, crowd)
            # New functions have read the keys of a rotation that old ones have not.
            site.admin("replace-keys", "schedule")
            rotate_origin(site, crowd)
            assert site.status_with(old) == 403 and site.status_with(site.secret) == 401, "the old secret is good, or the new one is not"
            rotate_keys(site, crowd)
        assert not crowd.refused, crowd.refused
    print(f"passed: keys and the origin secret are rotated, and {sum(crowd.rounds)} refreshes and profiles of {BROWSERS} browsers succeed")


def main(words):
    if not words:
        drill_here()
        return 0
    import there

    there.rotate(words[0], Crowd)
    return 0


if __name__ == "__main__":
    from deploy import as_command

    sys.exit(as_command(main))
