"""Holds the documentation to the repository: links and anchors resolve, pages stay short, and the tables that repeat something of
the code or the template repeat all of it.

`python3 docs/check.py` prints what is wrong, one line each.
"""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
FENCE = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
GENERATED = re.compile(r"^<!-- .*?-->$.*?^<!-- end .*?-->$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^()\s]*(?:\([^()\s]*\)[^()\s]*)*)\)|^\[[^\]]+\]:\s*(\S+)|<(?:a|img)\b[^>]*?\b(?:href|src)=\"([^\"]+)\"", re.MULTILINE)
SCHEME = re.compile(r"^[a-z][a-z0-9+.-]*:")
# An outcome of a request is set at once, or chosen before that by a match, by an if, or as what a function returns.
OUTCOME = r"\boutcome\(\"(\w+)\"\)|=> \(\"(\w+)\", (?:Some|None)\b|\boutcome = if .*? \"(\w+)\" \} else \{ \"(\w+)\"|(?:Ok|Done)\(\"(\w+)\"\)|None if .*? => \"(\w+)\""
# Or by a match that only chooses the outcome.
CHOICE, CHOSEN = re.compile(r"\boutcome\(match .*?\}\)", re.DOTALL), re.compile(r"=> \"(\w+)\"")
CODE = r"\bStatusCode::\w+,\s*\"(\w+)\"|\bcode: \"(\w+)\""
# RFC 8935's codes, with which security event tokens are refused.
TOKEN_CODE = r"=> Some\(\"(\w+)\"\)"
# How an item of the outbox ends.
PUBLISHED = r"\bEnded::well\(\"(\w+)\"\)|\boutcome: \"(\w+)\""
WORK = r"\bEnded::well\(\"(\w+)\"\)|\bself\.(?:wait|done)\([^\"]*\"(\w+)\"|\boutcome: \"(\w+)\""
README_LINES, PAGE_LINES, LINE_LENGTH = 150, 200, 120


def tracked():
    """Every file that git knows or would add."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    return {name for name in listed.split("\0") if (ROOT / name).exists()}


def anchors(text):
    """The anchors of a page's headings, as GitHub makes them."""
    found, seen = set(), {}
    for heading in re.findall(r"^#{1,6} +(.+?) *#*$", FENCE.sub("", text), re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").replace("*", "")
        slug = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        found.add(f"{slug}-{seen[slug]}" if slug in seen else slug)
        seen[slug] = seen.get(slug, 0) + 1
    return found | set(re.findall(r"<a (?:id|name)=\"([^\"]+)\"", text))


def links(page, files):
    """What is wrong with a page's relative links."""
    text = (ROOT / page).read_text()
    prose = re.sub(r"`[^`\n]*`", "", FENCE.sub("", text))
    for target in ("".join(groups) for groups in LINK.findall(prose)):
        if SCHEME.match(target):
            continue
        path, _, anchor = target.partition("#")
        there = page
        if path:
            resolved = (ROOT / page).parent.joinpath(path).resolve()
            if not resolved.is_relative_to(ROOT):
                yield f"{page}: {target} is outside of the repository"
                continue
            there = resolved.relative_to(ROOT).as_posix()
        if there not in files and not any(name.startswith(f"{there}/") for name in files):
            yield f"{page}: {target} does not exist"
        elif anchor and not (there.endswith(".md") and anchor in anchors((ROOT / there).read_text())):
            yield f"{page}: {target} has no such heading"


def sizes(page):
    """Whether a page is short enough to be read, and its lines too. Tables, code and generated text may be wider."""
    text = (ROOT / page).read_text()
    allowed = README_LINES if page == "README.md" else PAGE_LINES
    if (lines := text.count("\n")) > allowed:
        yield f"{page}: {lines} lines are more than {allowed}"
    for line in GENERATED.sub("", FENCE.sub("", text)).splitlines():
        if len(line) >= LINE_LENGTH and not line.startswith("|"):
            yield f"{page}: a line of {len(line)} characters: {line[:60]}…"


def first_cells(text, *headings):
    """Every name in code font in the first column of the tables below these headings."""
    parts = [re.search(rf"^## {heading}\n(.*?)(?=^##|\Z)", text, re.MULTILINE | re.DOTALL) for heading in headings]
    rows = [line.split("|")[1] for part in parts if part for line in part.group(1).splitlines() if line.startswith("|")]
    return {name for cell in rows for name in re.findall(r"`([^`]+)`", cell)}


def log():
    """Every event, outcome and code is in the page about the log."""
    sources = [path for top in ("shared/src", "functions") for path in sorted((ROOT / top).rglob("*.rs"))]
    code = "\n".join(path.read_text() for path in sources)
    logged = {
        "event": set(re.findall(r"\bevent = \"(\w+)\"|\bfailure\(\s*\"(\w+)\"", code)),
        "outcome": set(re.findall(OUTCOME, code)) | {name for choice in CHOICE.findall(code) for name in CHOSEN.findall(choice)},
        "code": set(re.findall(CODE, (ROOT / "shared/src/error.rs").read_text()))
        | set(re.findall(TOKEN_CODE, (ROOT / "shared/src/kakao/security_event.rs").read_text())),
    }
    text = (DOCS / "log.md").read_text()
    described = {
        "event": first_cells(text, "Events"),
        "outcome": first_cells(text, "Outcomes of successes", "Outcomes of errors"),
        "code": first_cells(text, "Outcomes of errors"),
    }
    events = re.findall(r"^\| `(\w+)`", re.search(r"^## Events\n(.*?)(?=^## )", text, re.MULTILINE | re.DOTALL).group(1), re.MULTILINE)
    for name in sorted({name for name in events if events.count(name) > 1}):
        yield f"docs/log.md: the event {name} has more than one row"
    for kind, names in logged.items():
        names = {name for match in names for name in ([match] if isinstance(match, str) else match) if name}
        if not names:
            yield f"docs/check.py finds no {kind} in the code"
        for name in sorted(names - described[kind]):
            yield f"docs/log.md: the {kind} {name} is missing"


def alarms():
    """Every alarm has a section of the runbook, which its description names, and every section has an alarm."""
    template = (ROOT / "template.yaml").read_text()
    resources = re.split(r"^  (?=\w+:$)", template, flags=re.MULTILINE)
    declared = {resource.partition(":")[0]: resource for resource in resources if "\n    Type: AWS::CloudWatch::Alarm\n" in resource}
    text = re.search(r"^## Alarms\n(.*?)(?=^## )", (DOCS / "runbook.md").read_text(), re.MULTILINE | re.DOTALL).group(1)
    sections = dict(re.findall(r"^### `(\w+)`\n\n(\S.*)$", text, re.MULTILINE))
    for name in sorted(declared.keys() ^ sections.keys()):
        yield f"docs/runbook.md: {name} has {'no section' if name in declared else 'a section, but it is not in the template'}"
    for name, alarm in declared.items():
        if not re.search(rf"^      AlarmDescription: .* See docs/runbook.md, {name}$", alarm, re.MULTILINE):
            yield f"template.yaml: the description of {name} does not name its section of docs/runbook.md"


def work(function, pattern, page):
    """Every outcome of an item of the outbox is in the page about deletions, and every one of a batch in that about user events."""
    code = "\n".join(path.read_text() for path in sorted((ROOT / f"functions/{function}/src").glob("*.rs")))
    outcomes = {name for names in re.findall(pattern, code) for name in names if name}
    if not outcomes:
        yield f"docs/check.py finds no outcome of {function} in the code"
    rows = re.findall(r"^\| (`[^|]*) \|", (DOCS / page).read_text(), re.MULTILINE)
    described = {name for row in rows for name in re.findall(r"`([^`]+)`", row)}
    for name in sorted(outcomes - described):
        yield f"docs/{page}: the outcome {name} is missing"


def trail():
    """Every event and reason of the audit trail is in its page, and the page's queries name members of lines."""
    text = (DOCS / "audit.md").read_text()
    code = (ROOT / "shared/src/log/audit.rs").read_text()
    names = set(re.findall(r'=> "(\w+)"', code)) | set(re.findall(r'=> Some\("(\w+)"', code))
    for arm in re.findall(r'"[a-z-]+",\s+((?:"\w+"[\s|]*)+)[^"]*?=> Self::(?:SessionKept|LoginRefused)', code):
        names |= set(re.findall(r'"(\w+)"', arm))
    for name in sorted(name for name in names if f"`{name}`" not in text):
        yield f"docs/audit.md: {name} is missing"
    members = set(re.findall(r"`(\w+)`", text + (DOCS / "log.md").read_text())) | {"kind", "times", "last"}
    for query in re.findall(r"^```\n(.*?)\n```", text, re.MULTILINE | re.DOTALL):
        bare = re.sub(r'"[^"]*"|\w+\(|@\w+|[0-9]+h|[0-9]+d', " ", query)
        for name in set(re.findall(r"[a-z_]+", bare)) - {"filter", "and", "in", "stats", "by", "as", "sort", "desc", "display", "not"}:
            if name not in members:
                yield f"docs/audit.md: a query asks for {name}, which no line has"


def settings(source, page, column):
    """The table of a page has each parameter of a template, and in this column its default."""
    template = (ROOT / source).read_text()
    block = re.search(r"^Parameters:\n(.*?)^\w", template, re.MULTILINE | re.DOTALL).group(1)
    parameters = dict(re.findall(r"^  (\w+):\n((?:    .*\n)+)", block, re.MULTILINE))
    rows = [line.split("|") for line in (DOCS / page).read_text().splitlines() if re.match(r"\| `[A-Z][a-z]", line)]
    described = {cells[1].strip().strip("`"): cells[column].strip().strip("`") for cells in rows}
    for name in sorted(parameters.keys() - described.keys()):
        yield f"docs/{page}: the parameter {name} is missing"
    for name in sorted(described.keys() - parameters.keys()):
        yield f"docs/{page}: {source} has no parameter {name}"
    for name in sorted(parameters.keys() & described.keys()):
        declared = re.search(r"^    Default: (.*)$", parameters[name], re.MULTILINE)
        expected = "" if declared is None else declared.group(1).strip('"') or "none"
        if described[name] != expected:
            yield f"docs/{page}: the default of {name} is {expected!r}, not {described[name]!r}"


def targets():
    """The table of targets has each that the GitHub workflow runs as a job."""
    groups = re.findall(r"^(?:ALONE|RUST|NODE|LONG) := (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    jobs = {name for names in groups for name in names.split()}
    described = set(re.findall(r"^\| `make ([a-z-]+)`", (DOCS / "testing.md").read_text(), re.MULTILINE))
    for name in sorted(jobs - described):
        yield f"docs/testing.md: the target {name} is missing"
    for name in sorted(described - jobs):
        yield f"docs/testing.md: no job of the GitHub workflow is make {name}"


def main():
    files = tracked()
    pages = sorted(name for name in files if name.endswith(".md"))
    problems = [problem for page in pages for problem in links(page, files)]
    ours = [page for page in pages if page == "README.md" or page.startswith("docs/")]
    problems += [problem for page in ours for problem in sizes(page)]
    index = (DOCS / "README.md").read_text()
    for page in ours:
        name = page.removeprefix("docs/")
        if name != "README.md" and f"({name})" not in index:
            problems.append(f"docs/README.md: {name} is missing")
    problems += [*log(), *alarms(), *trail(), *targets(), *settings("template.yaml", "configuration.md", 3), *settings("edge.yaml", "edge.md", 2)]
    problems += [*work("finish-deletions", WORK, "deletions.md"), *work("publish-user-events", PUBLISHED, "user-events.md")]
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
