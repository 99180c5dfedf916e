"""What an installation costs, and which limit it meets first: from prices.json and template.yaml.

`python3 bench/cost.py` writes the generated parts of docs/costs.md and README.md, `--check` compares them.
The assumptions are explained in docs/costs.md.
"""

import json
import math
import pathlib
import re
import sys
import textwrap

ROOT = pathlib.Path(__file__).parent.parent
MODEL = json.loads((ROOT / "bench/prices.json").read_text())
TEMPLATE = (ROOT / "template.yaml").read_text()
MONTH = 30 * 86_400
SCHEDULED_RUNS = MONTH // 300
RUNS_FOR_DELETIONS = MONTH // 60
END = "<!-- end of generated part -->"


def default(parameter):
    """The default of a parameter of the template."""
    return int(re.search(rf"^  {parameter}:\n(?:    .*\n)*?    Default: (\d+)$", TEMPLATE, re.MULTILINE)[1])


MEMORY_GB = default("MemorySize") / 1024
RETENTION_MONTHS = default("LogRetentionDays") / 30
# An alarm of several metrics costs as much as one of each. Those that every installation has, and those of user events.
RESOURCES = re.split(r"^  (?=\w+:$)", TEMPLATE, flags=re.MULTILINE)
ALARMS = [resource for resource in RESOURCES if "    Type: AWS::CloudWatch::Alarm\n" in resource]
ALARM_METRICS, EVENT_ALARM_METRICS = (
    sum(max(1, alarm.count(" MetricStat: ")) for alarm in ALARMS if ("    Condition: HasUserEvents\n" in alarm) is of_events)
    for of_events in (False, True)
)
FILTER_METRICS = len(set(re.findall(r"MetricTransformations: .*? MetricName: (\w+),", TEMPLATE)))
CUSTOM_METRICS = MODEL["metrics_in_log_lines"] + FILTER_METRICS
WAF_RULES = len(re.findall(r"^ +Priority: \d+$", (ROOT / "edge.yaml").read_text(), re.MULTILINE))
assert "rate(5 minutes)" in TEMPLATE, "SCHEDULED_RUNS follows the schedule of rotate-keys"
assert TEMPLATE.count("Type: AWS::CloudWatch::Alarm\n") == len(ALARMS), "an alarm is not counted"
assert EVENT_ALARM_METRICS == 2, "the row of UserEvents names them"
assert TEMPLATE.count("Type: AWS::CloudWatch::Dashboard\n") == 1, "the row counts one dashboard"
assert "rate(1 minute)" in TEMPLATE, "RUNS_FOR_DELETIONS follows the schedule of finish-deletions"


def running(milliseconds, price):
    """Dollars for a million invocations that take so long."""
    return price["lambda_per_million"] + milliseconds / 1e3 * MEMORY_GB * price["lambda_gb_second"] * 1e6


def without_logs(call, price):
    """Dollars for a million calls. A million kilobytes are a gigabyte."""
    return (
        price["http_api_per_million"]
        + running(call["milliseconds"], price)
        + call["writes"] * price["write_units_per_million"]
        + call["reads"] * price["read_units_per_million"]
        + MODEL["answer_kb"] * price["egress_per_gb"]
    )


def per_million(call, price):
    """The same with the log lines of function and gateway."""
    return without_logs(call, price) + MODEL["log_kb"] * price["logs_per_gb"]


def month_of_a_user():
    """(the call, its number a month, whether it is a login)"""
    return [(MODEL["calls"][name], count, name.startswith("login")) for name, count in MODEL["a_users_month"].items()]


def per_user(value):
    """The sum over a user's calls in a month."""
    return sum(count * value(call) for call, count, _ in month_of_a_user())


def key_read_units(users):
    """Each running function reads its documents of keys again after five minutes, if a request comes."""
    units = 0
    for call, count, _ in month_of_a_user():
        at_peak = users * count / MONTH * MODEL["peak"] * call["milliseconds"] / 1e3
        reads = min(users * count, math.ceil(at_peak) * MONTH // MODEL["key_reads_every_seconds"])
        units += reads * call["keys"]
    return units


def watching(price):
    """Dollars a month for what tells operators how it goes, whatever the load."""
    return {
        f"{CUSTOM_METRICS} custom metrics": CUSTOM_METRICS * price["metric"],
        f"{len(ALARMS) - EVENT_ALARM_METRICS} alarms on {ALARM_METRICS} metrics": ALARM_METRICS * price["alarm"],
        "dashboard (none with `Dashboard=false`)": price["dashboard"],
    }


def rows(users, price):
    """Dollars a month: what every installation pays, and what only some do."""
    millions = users / 1e6
    calls, preflights = per_user(lambda _: 1) * millions, MODEL["preflights_a_month"] * millions
    logs = (
        calls * MODEL["log_kb"]
        + preflights * MODEL["log_kb_of_a_preflight"]
        + SCHEDULED_RUNS / 1e6 * MODEL["log_kb_of_a_scheduled_run"]
    )
    stored = users * MODEL["stored_kb_a_user"] / 1e6
    schedule = running(MODEL["scheduled_run_milliseconds"], price) + price["read_units_per_million"]
    idle = running(MODEL["idle_run_milliseconds"], price) + price["read_units_per_million"] / 2
    idle += MODEL["log_kb_of_an_idle_run"] * price["logs_per_gb"]
    ending = per_million(MODEL["end_of_a_deletion"], price) - price["http_api_per_million"]
    kms_calls = MODEL["functions_with_keys"] * MONTH / MODEL["key_reads_every_seconds"]
    always = {
        "calls: gateway, functions, DynamoDB, traffic": per_user(lambda call: without_logs(call, price)) * millions,
        "CORS preflights": preflights * price["http_api_per_million"],
        "logs, written": logs * price["logs_per_gb"],
        f"logs, kept for {default('LogRetentionDays')} days":
            logs * MODEL["logs_compressed_to"] * RETENTION_MONTHS * price["logs_stored_gb"],
        "users and sessions, stored": stored * price["storage_gb"],
        "point-in-time recovery": stored * price["recovery_gb"],
        "keys: reads of the table, schedule of rotate-keys":
            key_read_units(users) / 1e6 * price["read_units_per_million"] + SCHEDULED_RUNS / 1e6 * schedule,
        "deletions: schedule of finish-deletions, one user in a hundred":
            RUNS_FOR_DELETIONS / 1e6 * idle + users * MODEL["deletions_a_users_month"] / 1e6 * ending,
        **watching(price),
    }
    logins = sum(count for _, count, is_login in month_of_a_user() if is_login) * millions
    batch = running(MODEL["batch_of_events_milliseconds"], price) + MODEL["log_kb"] * price["logs_per_gb"]
    events = MODEL["events_a_users_month"] * millions
    sometimes = {
        "with `UserEvents`: the function at each login, an event at each change, 2 alarms":
            logins * batch + events * price["events_per_million"] + EVENT_ALARM_METRICS * price["alarm"],
        "with `KeysKmsKeyArn`: the KMS key and its use": price["kms_key"] + kms_calls / 1e6 * price["kms_per_million"],
        "with CloudFront in front: its requests and function":
            (calls + preflights) * (price["cloudfront_per_million"] + price["cloudfront_function_per_million"]),
        f"with WAF in front: {WAF_RULES} rules and their requests":
            price["waf_acl"] + WAF_RULES * price["waf_rule"] + (calls + preflights) * price["waf_per_million"],
    }
    return always, sometimes


def dollars(amount):
    """Cents where they matter."""
    if amount < 0.01:
        return "< $0.01"
    return f"${amount:,.2f}" if amount < 100 else f"${amount:,.0f}"


def line(*cells):
    return f"| {' | '.join(cells)} |"


def calls_table():
    lines = [
        line("call", "DynamoDB requests", "write / read units", "Kakao calls", *MODEL["regions"]),
        "|---|---|---|---|" + "---|" * len(MODEL["regions"]),
    ]
    for name, call in MODEL["calls"].items():
        costs = [dollars(per_million(call, price)) for price in MODEL["regions"].values()]
        units = f"{call['writes']:g} / {call['reads']:g}"
        lines.append(line(name, str(call["requests"]), units, str(call["kakao"]), *costs))
    return "\n".join(lines)


def total(users, region):
    return sum(rows(users, MODEL["regions"][region])[0].values())


def months_table():
    first, *others = MODEL["regions"]
    columns = [rows(users, MODEL["regions"][first]) for users in MODEL["users"]]
    heads = [f"{users:,} users" for users in MODEL["users"]]
    lines = [line(f"a month in {first}", *heads), "|---" * (len(columns) + 1) + "|"]
    lines += [line(name, *(dollars(always[name]) for always, _ in columns)) for name in columns[0][0]]
    for region in (first, *others):
        where = "total" if region == first else f"total in {region}"
        lines.append(line(f"**{where}**", *(f"**{dollars(total(users, region))}**" for users in MODEL["users"])))
    lines += [line(name, *(dollars(sometimes[name]) for _, sometimes in columns)) for name in columns[0][1]]

    a_million = rows(1_000_000, MODEL["regions"][first])[0]
    even = MODEL["containers_a_month"] / (sum(a_million.values()) / per_user(lambda _: 1))
    lines += ["", prose(
        f"Two small containers with a load balancer and a database cost about ${MODEL['containers_a_month']} a month "
        f"whatever the load. Above roughly {even:.0f} million requests a month they are cheaper."
    )]
    return "\n".join(lines)


def rounded(users):
    """Two digits."""
    step = 10 ** (math.floor(math.log10(users)) - 1)
    users = users // step * step
    return f"{users / 1e6:g} million" if users >= 1e6 else f"{users:,.0f}"


def limits_table():
    quotas, peak = MODEL["quotas"], MODEL["peak"]
    login_rate, rate = default("LoginRateLimit"), default("ThrottlingRateLimit")
    functions, few_functions = quotas["concurrent_functions"], quotas["concurrent_functions_of_a_new_account"]
    logins = sum(number for _, number, login in month_of_a_user() if login)
    busiest_route = max(number for _, number, login in month_of_a_user() if not login)
    requests = per_user(lambda _: 1) + MODEL["preflights_a_month"]
    busy = per_user(lambda call: call["milliseconds"] / 1e3)

    def by_rate(limit, per_month):
        return limit / (per_month / MONTH * peak)

    raise_quota = "raise the quota (Service Quotas); it takes days"
    limits = [
        (
            quotas["kakao_calls_a_month"] / per_user(lambda call: call["kakao"]),
            f"Kakao: {quotas['kakao_calls_a_month']:,} free calls a month for each app",
            "log in by ID token, which costs no call for a known user; or buy calls from Kakao",
        ),
        (
            by_rate(login_rate, logins),
            f"`LoginRateLimit`: {login_rate} requests/s for each login route",
            "raise it together with Kakao's quota",
        ),
        (
            by_rate(rate, busiest_route),
            f"`ThrottlingRateLimit`: {rate} requests/s for each other route",
            "raise it",
        ),
        (
            by_rate(quotas["new_table_writes"], per_user(lambda call: call["writes"])),
            f"a new on-demand table: {quotas['new_table_writes']:,} write units/s",
            "grows by itself with use; set `WarmThroughput` before a launch or a campaign",
        ),
        (
            by_rate(quotas["gateway_requests"], requests),
            f"API Gateway: {quotas['gateway_requests']:,} requests/s for account and region",
            raise_quota,
        ),
        (by_rate(functions, busy), f"Lambda: {functions:,} functions at once for account and region", raise_quota),
        (by_rate(few_functions, busy), f"Lambda in a new account: {few_functions} functions at once", raise_quota),
    ]
    lines = ["| monthly users | limit | remedy |", "|---|---|---|"]
    lines += [line(rounded(users), limit, remedy) for users, limit, remedy in sorted(limits)]
    return "\n".join(lines)


def sentence():
    pattern = ", ".join(f"{number} × {re.split(' by | [(]', name)[0]}" for name, number in MODEL["a_users_month"].items())
    first, *_ = MODEL["regions"]
    few, *more = MODEL["users"]
    here = " and ".join(f"{dollars(total(few, region))} in {region}" for region in MODEL["regions"])
    there = " and ".join(f"{users:,} cost {dollars(total(users, first))}" for users in more)
    watched = dollars(sum(watching(MODEL["regions"][first]).values()))
    return prose(
        f"{few:,} monthly users ({pattern} each) cost {here} a month, {watched} of it for metrics, alarms and a dashboard; "
        f"in {first}, {there}. Not in it: CloudFront, WAF and a KMS key. [Costs](docs/costs.md) has the tables. Prices of "
        f"{MODEL['date']}."
    )


def prose(text):
    return textwrap.fill(text, 120, break_on_hyphens=False, break_long_words=False)


PARTS = {
    "docs/costs.md": {"calls": calls_table, "months": months_table, "limits": limits_table},
    "README.md": {"costs": sentence},
}


def main():
    stale = []
    for path, parts in PARTS.items():
        file = ROOT / path
        text = file.read_text()
        for name, write in parts.items():
            begin = f"<!-- {name}: written by bench/cost.py -->"
            before, found, rest = text.partition(begin)
            _, ended, after = rest.partition(END)
            if not (found and ended):
                sys.exit(f"{path}: needs the lines {begin} and {END}")
            text = f"{before}{begin}\n{write()}\n{END}{after}"
        if text != file.read_text():
            stale.append(path)
            if sys.argv[1:] != ["--check"]:
                file.write_text(text)
    if stale and sys.argv[1:] == ["--check"]:
        sys.exit(f"{' and '.join(stale)}: not what bench/cost.py writes; run python3 bench/cost.py")


if __name__ == "__main__":
    main()
