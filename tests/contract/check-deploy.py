"""Follows the README's and docs/deployment.md's deployment as far as it goes without AWS: what `make deploy` says to the samconfig.toml
that the repository has, and to one with somebody's own values, which ends where the first call to AWS needs credentials."""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

README, PAGE = pathlib.Path("README.md"), pathlib.Path("docs/deployment.md")
# Runs `make deploy`'s program with the settings of another folder.
RUN = "import pathlib, sys; sys.path.insert(0, 'deploy'); import settings; settings.FOLDER = pathlib.Path(sys.argv.pop(1)); import deploy; sys.exit(deploy.as_command(deploy.main))"
NO_CREDENTIALS = "Unable to locate credentials"
OWN = [
    ("example.com", "lion.kr"), ('"1234567"', '"7654321"'), ("0123456789abcdef" * 2, "fedcba9876543210" * 2),
    ("Z0123456789ABCDEFGHIJ", "ZABCDEF"), ("123456789012", "210987654321"),
]


def blocks(page, language):
    found = re.findall(rf"^ *```{language}\n(.*?)^ *```", page.read_text(), re.MULTILINE | re.DOTALL)
    return [re.sub(r"(?m)^   ", "", block) for block in found]


def deploy(folder, *words):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment |= {"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    ran = subprocess.run([sys.executable, "-c", RUN, folder, *words], capture_output=True, text=True, check=False, env=environment)
    return ran.returncode, ran.stdout + ran.stderr


def words_of(command):
    """How the Makefile runs it."""
    ran = subprocess.run(["bash", "-c", f"make() {{ command make --no-print-directory -n \"$@\"; }}; {command}"], capture_output=True, text=True, check=True)
    lines = ran.stdout.replace("\\\n", " ").splitlines()
    line = next(line for line in lines if "deploy/deploy.py" in line)
    return line.split("deploy/deploy.py", 1)[1].split()


def main():
    commands = [line.split("#")[0].strip() for page in (README, PAGE) for block in blocks(page, "sh") for line in block.splitlines()]
    commands = [line for line in commands if line.startswith("make deploy")]
    if not any("SITE=" in line for line in commands) or not any("ENV=pr-" in line for line in commands):
        yield f"the pages show other commands than expected: {commands}"
    (own,) = [block for block in blocks(PAGE, "toml")]
    with tempfile.TemporaryDirectory() as folder:
        settings, local = pathlib.Path(folder, "samconfig.toml"), pathlib.Path(folder, "samconfig.local.toml")
        site = pathlib.Path(folder, "dist")
        site.mkdir()
        (site / "index.html").write_text("<p>")
        settings.write_text(pathlib.Path("samconfig.toml").read_text())
        status, said = deploy(folder, "prod")
        for name in ("AllowedOrigins", "RedirectUris", "Issuer", "KakaoAppId", "KakaoRestApiKey", "Domain", "HostedZoneId"):
            if status != 1 or f"{name} instead of the example" not in said:
                yield f"the example of {name} in samconfig.toml can be deployed: {said}"
        for mine, value in OWN:
            own = own.replace(mine, value)
        local.write_text(own)
        # Other environments than prod are in the file that git has.
        text = settings.read_text()
        for mine, value in OWN:
            text = text.replace(mine, value)
        settings.write_text(text)
        for command in commands:
            words = [folder + "/dist" if word == "dist" else word for word in words_of(command)]
            status, said = deploy(folder, *words)
            if status != 1 or NO_CREDENTIALS not in said:
                yield f"{command} does not come as far as to AWS: {said}"


if __name__ == "__main__":
    found = list(main())
    for problem in found:
        print(f"README.md, docs/deployment.md: {problem}", file=sys.stderr)
    sys.exit(1 if found else 0)
