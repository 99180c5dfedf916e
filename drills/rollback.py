"""`make drill-rollback ENV=staging`: deploys the release before with the same settings, asks it what a stranger may ask, and deploys this
one again. TO names another commit. prod only with PROD=yes."""

import os
import shutil
import subprocess
import sys
import tempfile

sys.path[:0] = ["drills", "deploy", "tests/contract"]
import there
from deploy import as_command
from settings import FILES, ROOT, Refused


def at(commit, path):
    return subprocess.run(["git", "cat-file", "-e", f"{commit}:{path}"], cwd=ROOT, capture_output=True, check=False).returncode == 0


def main(words):
    if len(words) != 1:
        raise Refused("make drill-rollback ENV=… names the environment")
    (env,) = words
    there.settings_of(env)
    before = os.environ.get("TO") or "HEAD~1"
    if not at(before, "deploy/deploy.py"):
        raise Refused(f"{before} has no make deploy. TO=… names another commit")
    with tempfile.TemporaryDirectory() as folder:
        there.run("git", "worktree", "add", "--detach", folder, before)
        try:
            for name in FILES:
                if (ROOT / name).exists():
                    shutil.copy(ROOT / name, folder)
            there.run("make", "deploy", f"ENV={env}", folder=folder)
        finally:
            there.run("git", "worktree", "remove", "--force", folder)
    there.run("make", "smoke", f"ENV={env}")
    there.run("make", "deploy", f"ENV={env}")
    print(f"passed: {env} went back to {before} and on again")
    return 0


if __name__ == "__main__":
    sys.exit(as_command(main))
