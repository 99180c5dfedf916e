"""What is built, and which release it is."""

import hashlib
import json
import pathlib
import platform
import shlex
import subprocess

from settings import DROP_IN, ROOT, Refused

BUILT = pathlib.Path(".aws-sam/build")
# Functions do not have them, or they are the release itself.
WITHOUT_EFFECT = {"Release", "Protection"}


def architecture(given, settings):
    """ARCH=, or what the settings say, or else this machine's."""
    machine = {"aarch64": "arm64", "amd64": "x86_64"}.get(platform.machine(), platform.machine())
    return given or (settings.parameters["Architecture"] if "Architecture" in settings.named else machine)


def build(architecture, prefix):
    command = ["make", "--no-print-directory", "build", f"ARCH={architecture}"] + ([f"PATH_PREFIX={prefix}"] if prefix != DROP_IN else [])
    print(shlex.join(command), flush=True)
    if subprocess.run(command, cwd=ROOT, check=False).returncode:
        raise Refused("the build failed. Nothing was deployed")


def fingerprint(parameters, built=None):
    """SHA-256 of the binaries, the template and the parameters. With another one SAM makes a new version of each function: it does not
    see by itself that a parameter has changed, and users behind an alias would keep the old value."""
    built = built or ROOT / BUILT
    digest = hashlib.sha256()
    for path in [built / "template.yaml", *sorted(built.glob("*/bootstrap"))]:
        digest.update(path.relative_to(built).as_posix().encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    digest.update(json.dumps({name: value for name, value in sorted(parameters.items()) if name not in WITHOUT_EFFECT}).encode())
    return digest.hexdigest()


def sam_deploy(settings, parameters):
    """The command. A value in quotes may be empty: SAM takes a parameter that is left out for one that keeps its value."""
    overrides = [f'{name}="{value}"' for name, value in sorted(parameters.items())]
    return [
        "sam", "deploy", "--template-file", str(BUILT / "template.yaml"), "--stack-name", settings.stack, "--region", settings.region,
        "--capabilities", "CAPABILITY_IAM", "--resolve-s3", "--no-confirm-changeset", "--no-fail-on-empty-changeset",
        "--parameter-overrides", *overrides,
    ]


def deploy(settings, parameters):
    command = sam_deploy(settings, parameters)
    if subprocess.run(command, cwd=ROOT, check=False).returncode:
        raise Refused(f"{settings.stack} was not deployed; SAM says why above. What was there before serves on. Mend it and run the same command again")
