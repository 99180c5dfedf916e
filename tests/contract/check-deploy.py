"""Tries what README.md and docs/deployment.md say of a deployment as a new user would, as far as it goes without AWS.

In a copy of what the commands need: unedited, `make deploy` says what to write where; with the README's settings pasted and their
examples replaced, each documented `make` line comes as far as to look for credentials. SAM's own parser reads the parameters."""

import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

from samcli.cli.types import CfnParameterOverridesType

import sam_template

sys.path.append("deploy")
import release
import settings

NO_CREDENTIALS = "Unable to locate credentials"
NEEDED = ["Makefile", "requirements.txt", "samconfig.toml", "template.yaml", "edge.yaml", "deploy", "bench", "events", "tests/contract"]
# What a user writes instead of the examples.
OWN = {
    "example.com": "lion.kr", "Z0123456789ABCDEFGHIJ": "Z9", "1234567": "7654321",
    "0123456789abcdef0123456789abcdef": "fedcba9876543210fedcba9876543210",
}
PAGES = ["README.md", "docs/deployment.md", "docs/updating.md", "docs/ko/deployment.md"]
COMMANDS = {"deploy", "smoke", "destroy", "measure"}


def blocks(page, language):
    return re.findall(rf"^ *```{language}\n(.*?)^ *```", pathlib.Path(page).read_text(), re.MULTILINE | re.DOTALL)


def own(text):
    for example, value in OWN.items():
        text = re.sub(rf'(?<![0-9a-f]){example}(?![0-9a-f])', value, text)
    return text


def shell(line, folder):
    """Runs a line without credentials and without questions."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MAKE", "MFLAGS"))}
    environment |= {"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    ran = subprocess.run(["bash", "-c", line], cwd=folder, input="", capture_output=True, text=True, check=False, env=environment)
    return ran.returncode, ran.stdout + ran.stderr


def copy(folder):
    for name in NEEDED:
        source, target = pathlib.Path(name), folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "src", "target"))
        else:
            shutil.copy2(source, target)
    (folder / ".venv").symlink_to(pathlib.Path(".venv").absolute())
    (folder / "dist").mkdir()
    (folder / "dist/index.html").write_text("page")


def make_lines():
    """The commands of the pages, once each."""
    found = {}
    for page in PAGES:
        for line in "".join(blocks(page, "sh")).splitlines():
            words = shlex.split(line, comments=True)
            if words[:1] == ["make"] and words[1] in COMMANDS:
                found[" ".join(words)] = page
    return found


def refused_unedited(folder):
    """Each example is named, and where it stands."""
    for env, section in {"prod": "prod", "staging": "staging", "pr-12": "preview"}.items():
        status, said = shell(f"make deploy ENV={env}", folder)
        if status == 0 or NO_CREDENTIALS in said:
            yield f"{env} is deployed with the examples of samconfig.toml:\n{said}"
        for name in ("AllowedOrigins", "RedirectUris", "Issuer", "KakaoAppId", "KakaoRestApiKey"):
            if f"[{section}.deploy.parameters.parameter_overrides] {name} " not in said:
                yield f"{env}: {name} is not named:\n{said}"
        for name in ("Domain", "HostedZoneId"):
            if f"[{section}.edge.parameters.parameter_overrides] {name} " not in said:
                yield f"{env}: {name} is not named:\n{said}"
    for line, reason in {
        "make deploy ENV=production": "no section production, only prod, staging",
        "make deploy ENV=preview": "a preview has a number: ENV=pr-12",
        "make deploy SITE=nowhere": "prod cannot be deployed",
    }.items():
        if reason not in (said := shell(line, folder)[1]):
            yield f"{line}:\n{said}"


def refusal(env):
    try:
        settings.read(env)
    except settings.Refused as refused:
        return str(refused)
    return "it is not refused"


def mistakes(folder):
    """Settings that are wrong in some way, and what is said of them before the first call to AWS."""
    shipped = own((folder / "samconfig.toml").read_text())
    for change, reason in {
        ('Issuer = "https://www.lion.kr"\n', ""): "parameter_overrides] Issuer is missing",
        ('"https://www.lion.kr"', '"https://www.lion.kr/"'): "AllowedOrigins must be https origins",
        ('AllowedOrigins = "https://www.lion.kr"', 'AllowedOrigins = "https://m.lion.kr"'): "and https://www.lion.kr to AllowedOrigins",
        ('Issuer = ', 'Isuer = "x"\nIssuer = '): "there is no parameter Isuer",
        ('Issuer = ', 'Release = "x"\nIssuer = '): "nothing of Release, which make deploy sets",
        ('Domain = "www.lion.kr"\nHostedZoneId = "Z9"', 'Domain = "www.lion.kr"'): "Domain needs CertificateArn or HostedZoneId",
        ('Domain = "www.lion.kr"\n', ""): "Domain, the host of the front end",
        ('stack_name = "kakao-login-staging"', 'stack_name = "kakao-login"'): "prod and staging have the same stack_name",
        ('stack_name = "kakao-login-{env}"', 'stack_name = "kakao-preview"'): None,
        ("version = 0.1", "version = "): "samconfig.toml:",
    }.items():
        if change[0] not in shipped:
            yield f"samconfig.toml has no {change[0]}"
        (folder / "samconfig.toml").write_text(shipped.replace(*change, 1) if reason else shipped.replace(*change))
        said = refusal("prod" if reason else "pr-12")
        if (reason or "must contain {env}") not in said:
            yield f"{change}: {said}"
    (folder / "samconfig.toml").write_text(shipped)


def parameters():
    """SAM takes every value as it was meant, and the template accepts it."""
    given = settings.overrides(settings.of(settings.section(settings.sections(), "prod"), "deploy")["parameter_overrides"])
    if "," not in given.get("RedirectUris", ""):
        yield f"README.md: RedirectUris is one: {given.get('RedirectUris')}. A list of one would show nothing of a comma"
    read = settings.read("prod")
    command = release.sam_deploy(read, read.parameters)
    words = command[command.index("--parameter-overrides") + 1 :]
    taken = CfnParameterOverridesType().convert(tuple(words), None, None)
    if taken != read.parameters:
        yield f"SAM takes {dict(taken.items() - read.parameters.items())} for {dict(read.parameters.items() - taken.items())}"
    yield from sam_template.refusals(sam_template.load(), taken)


def main():
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        copy(folder)
        settings.FOLDER = folder
        found = [*refused_unedited(folder), *mistakes(folder)]
        (pasted,) = blocks("README.md", "toml")
        (folder / "samconfig.local.toml").write_text(own(pasted))
        found += parameters()
        lines = make_lines()
        if not {words.split()[1] for words in lines} == COMMANDS:
            found.append(f"the pages show {sorted(lines)}")
        for line, page in lines.items():
            # A smoke test of an address asks AWS nothing.
            if "URL=" not in line:
                status, said = shell(line, folder)
                if status == 0 or NO_CREDENTIALS not in said:
                    found.append(f"{page}: {line} does not come as far as to AWS:\n{said}")
        return found


if __name__ == "__main__":
    problems = main()
    for problem in problems:
        print(f"deployment: {problem}", file=sys.stderr)
    sys.exit(1 if problems else 0)
