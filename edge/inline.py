"""Copies the CloudFront functions of this folder into edge.yaml, because CloudFormation takes their code only as text of a template.

    python3 edge/inline.py [--check]

With --check it changes nothing, and fails if edge.yaml has other code.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
CODE = re.compile(r"^( +)FunctionCode: \| # (edge/[a-z-]+\.js)\n(?:\1  .*\n|\n(?=\n*\1  ))*", re.MULTILINE)


def inlined(text):
    def code(match):
        indent, name = match.groups()
        lines = (ROOT / name).read_text().splitlines()
        return f"{indent}FunctionCode: | # {name}\n" + "".join(f"{indent}  {line}".rstrip() + "\n" for line in lines)

    return CODE.sub(code, text)


def main(arguments):
    template = ROOT / "edge.yaml"
    text = template.read_text()
    if arguments == ["--check"]:
        if text != inlined(text):
            print("edge.yaml has other functions than edge/*.js. Run python3 edge/inline.py", file=sys.stderr)
            return 1
        return 0
    template.write_text(inlined(text))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
