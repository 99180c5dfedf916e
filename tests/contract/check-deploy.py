"""Runs the README's lines for a deployment without questions as far as they go without AWS.

The shell takes them apart as it does for a person; SAM's own parser reads the parameters, which the template must accept; then SAM
itself runs them, up to where it needs credentials.
"""

import json
import os
import pathlib
import re
import subprocess
import sys

from samcli.cli.types import CfnParameterOverridesType

import sam_template

# What takes the place of a command, and says what it was called with.
SAY = "import json, sys; print(json.dumps(sys.argv[1:]))"
NO_CREDENTIALS = "Unable to locate credentials"


def shell(lines, commands):
    """Runs them with these commands of the shell's instead."""
    functions = "".join(f"{name}() {{ {body}; }}\n" for name, body in commands.items())
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment |= {"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    script = ["bash", "-c", f"set -e\n{functions}{lines}"]
    return subprocess.run(script, capture_output=True, text=True, check=False, env=environment)


def main():
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```", pathlib.Path("README.md").read_text(), re.MULTILINE | re.DOTALL)
    blocks = [block for block in blocks if "sam deploy --no-confirm-changeset" in block]
    if len(blocks) != 1:
        return [f"{len(blocks)} blocks of shell have sam deploy --no-confirm-changeset"]
    (lines,) = blocks
    said = shell(lines, {"make": ":", "sam": f"'{sys.executable}' -c '{SAY}' \"$@\""})
    if said.returncode != 0:
        return [said.stderr]
    arguments = json.loads(said.stdout)
    overrides = arguments[arguments.index("--parameter-overrides") + 1 :]
    overrides = overrides[: next((at for at, word in enumerate(overrides) if word.startswith("--")), len(overrides))]
    given = CfnParameterOverridesType().convert(tuple(overrides), None, None)
    problems = sam_template.refusals(sam_template.load(), given)
    # A list of one would show nothing of what the shell and SAM make of a comma.
    if "," not in given.get("RedirectUris", ""):
        problems.append(f"RedirectUris is one: {given.get('RedirectUris')}")
    ran = shell(lines, {"make": ":"})
    if ran.returncode == 0 or NO_CREDENTIALS not in ran.stdout + ran.stderr:
        problems.append(f"SAM does not come as far as to AWS:\n{ran.stdout}{ran.stderr}")
    return problems


if __name__ == "__main__":
    found = main()
    for problem in found:
        print(f"README.md, deploy: {problem}", file=sys.stderr)
    sys.exit(1 if found else 0)
