"""Checks that what `sam build` left runs where it will be deployed, and lets it be deployed nowhere else.

    python local/check-build.py x86_64|arm64 [FOLDER]

Each binary has to be for that processor, and need no newer C library than Lambda's. A stack with binaries for another processor
deploys without an error, and then every function fails to start. So the built template takes this architecture and no other.
"""

import pathlib
import re
import struct
import sys

MACHINES = {"x86_64": 62, "arm64": 183}
# Amazon Linux 2023's.
GLIBC = (2, 34)


def problems_of(binary, architecture):
    head = binary[:20]
    if head[:5] != b"\x7fELF\x02":
        return ["is not a 64-bit ELF binary"]
    (machine,) = struct.unpack_from("<H", head, 18)
    found = []
    if machine != MACHINES[architecture]:
        names = {number: name for name, number in MACHINES.items()}
        found.append(f"is for {names.get(machine, f'the machine {machine}')}, not for {architecture}")
    # The versions that it needs stand among its strings by their names.
    versions = {tuple(map(int, version.split(b"."))) for version in re.findall(rb"\0GLIBC_(2\.[0-9]+)", binary)}
    if versions and max(versions) > GLIBC:
        found.append(f"needs GLIBC {'.'.join(map(str, max(versions)))}, and Lambda has {'.'.join(map(str, GLIBC))}")
    return found


def for_one_architecture(template, architecture):
    """The template with one allowed value of `Architecture`."""
    block = re.search(r"^  Architecture:\n(?:    .*\n)+", template, re.MULTILINE)
    declared = re.sub(r"^    (?:Default|AllowedValues):.*\n(?:    - .*\n)*", "", block[0], flags=re.MULTILINE)
    declared += f"    Default: {architecture}\n    AllowedValues: [{architecture}]\n"
    return template[: block.start()] + declared + template[block.end() :]


def main():
    if len(sys.argv) not in (2, 3) or sys.argv[1] not in MACHINES:
        print(__doc__, file=sys.stderr)
        return 2
    architecture, folder = sys.argv[1], pathlib.Path((sys.argv[2:] or [".aws-sam/build"])[0])
    binaries = sorted(folder.glob("*/bootstrap"))
    problems = [f"{path}: {problem}" for path in binaries for problem in problems_of(path.read_bytes(), architecture)]
    if not binaries:
        problems.append(f"{folder}: nothing is built")
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        return 1
    template = folder / "template.yaml"
    template.write_text(for_one_architecture(template.read_text(), architecture))
    print(f"{len(binaries)} binaries for {architecture}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
