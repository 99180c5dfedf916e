"""Lambda's REPORT lines: what each invocation took, what is billed for it, and the memory that it used."""

import dataclasses
import json
import math
import re

# With the log format JSON, which the template sets, and with the format Text.
JSON_TYPE = "platform.report"
TEXT = re.compile(
    r"^REPORT RequestId: (?P<request>\S+)\s+Duration: (?P<duration>[\d.]+) ms\s+Billed Duration: (?P<billed>\d+) ms\s+"
    r"Memory Size: (?P<size>\d+) MB\s+Max Memory Used: (?P<used>\d+) MB(?:\s+Init Duration: (?P<init>[\d.]+) ms)?"
    r"(?P<failed>.*\sStatus: (?:error|timeout))?",
    re.DOTALL,
)


@dataclasses.dataclass(frozen=True)
class Report:
    """Times are in milliseconds, memory is in MB."""

    request: str
    duration: float
    billed: float
    size: int
    used: int
    # Only the first invocation of a process has it. It is billed too, and part of `billed`.
    init: float | None
    has_failed: bool


def read(line):
    """The report in a line of a function's log, or None if it is another line."""
    found = TEXT.match(line)
    if found:
        number = lambda name: found[name] and float(found[name])
        sizes = int(found["size"]), int(found["used"])
        return Report(found["request"], number("duration"), number("billed"), *sizes, number("init"), bool(found["failed"]))
    try:
        event = json.loads(line)
        if event["type"] != JSON_TYPE:
            return None
        record, metrics = event["record"], event["record"]["metrics"]
        return Report(
            record["requestId"], metrics["durationMs"], metrics["billedDurationMs"], metrics["memorySizeMB"],
            metrics["maxMemoryUsedMB"], metrics.get("initDurationMs"), record.get("status", "success") != "success",
        )
    except (ValueError, TypeError, KeyError):
        return None


def percentile(values, percent):
    """The smallest of the values that is not exceeded by this share of them."""
    ordered = sorted(values)
    return ordered[max(math.ceil(len(ordered) * percent / 100), 1) - 1]


def milliseconds(values, *percents):
    return " / ".join(f"{percentile(values, percent):.1f}" for percent in percents) if values else "–"


def dollars_per_million(reports, price):
    """Lambda's part of the price of a million invocations like these."""
    if not reports:
        return "–"
    gigabyte_seconds = sum(report.billed / 1e3 * report.size / 1024 for report in reports) / len(reports)
    return f"${price['request'] * 1e6 + price['gigabyte_second'] * gigabyte_seconds * 1e6:.2f}"


HEADINGS = [
    "request", "status", "cold starts", "init, ms", "first response, ms", "billed, ms", "a million of them",
    "warm requests", "response, ms", "billed, ms", "a million of them", "memory, MB",
]


def row(request, status, reports, price):
    """A line of the table. Whether an invocation was a cold start is what its own report says."""
    cold = [report for report in reports if report.init is not None]
    warm = [report for report in reports if report.init is None]
    cells = [
        f"`{request}`", str(status),
        str(len(cold)), milliseconds([report.init for report in cold], 50, 99),
        milliseconds([report.duration for report in cold], 50, 99), milliseconds([report.billed for report in cold], 50),
        dollars_per_million(cold, price),
        str(len(warm)), milliseconds([report.duration for report in warm], 50, 90, 99),
        milliseconds([report.billed for report in warm], 50), dollars_per_million(warm, price),
        str(max((report.used for report in reports), default="–")),
    ]
    return f"| {' | '.join(cells)} |"


def table(rows, price):
    """`rows` are names of requests, the statuses of their responses, and reports."""
    head = [f"| {' | '.join(HEADINGS)} |", "|---" * len(HEADINGS) + "|"]
    return "\n".join(head + [row(*cells, price) for cells in rows])
