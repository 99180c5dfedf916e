"""What calls cost, from prices.json: `python bench/cost.py` prints the README's table, `--check` compares it with the README.

Tax, free tiers and the first gigabytes that cost nothing are left out.
"""

import json
import pathlib
import sys

HERE = pathlib.Path(__file__).parent
BEGIN, END = "<!-- costs: bench/cost.py -->", "<!-- end of costs -->"


def per_million(call, price, model):
    """Dollars for a million calls. A million kilobytes are a gigabyte."""
    return (
        price["http_api_per_million"]
        + price["lambda_per_million"]
        + call["milliseconds"] / 1e3 * model["memory_gb"] * price["lambda_gb_second"] * 1e6
        + call["writes"] * price["write_units_per_million"]
        + call["reads"] * price["read_units_per_million"]
        + model["log_kb"] * price["logs_per_gb"]
        + model["answer_kb"] * price["egress_per_gb"]
    )


def table(model):
    regions = model["regions"]
    lines = [
        f"| call | DynamoDB requests | write / read units | Kakao calls | {' | '.join(f'{name}, per million' for name in regions)} |",
        "|---|---|---|---|" + "---|" * len(regions),
    ]
    for name, call in model["calls"].items():
        costs = " | ".join(f"${per_million(call, price, model):.2f}" for price in regions.values())
        lines.append(f"| {name} | {call['requests']} | {call['writes']:g} / {call['reads']:g} | {call['kakao']} | {costs} |")

    month = model["a_users_month"]
    calls = sum(month.values())
    pattern = ", ".join(f"{count} × {name.split(' by ')[0]}" for name, count in month.items())
    thousand, even = [], []
    for region, price in regions.items():
        user = sum(count * per_million(model["calls"][name], price, model) for name, count in month.items()) / 1e6
        thousand.append(f"${user * 1_000:.2f} in {region}")
        even.append(user / calls)
    requests = model["containers_a_month"] / even[0] / 1e6
    lines += [
        "",
        f"A thousand users who each do {pattern} in a month cost {' and '.join(thousand)}. The keys cost "
        f"less than a cent a month. Two small containers with a load balancer and a database cost about "
        f"${model['containers_a_month']} a month whatever the load: above roughly {requests:.0f} million requests a month they "
        f"are cheaper. Prices of {model['date']}.",
    ]
    return "\n".join(lines)


def main():
    text = table(json.loads((HERE / "prices.json").read_text()))
    if sys.argv[1:] != ["--check"]:
        print(text)
        return 0
    readme = (HERE.parent / "README.md").read_text()
    if readme.partition(BEGIN)[2].partition(END)[0].strip() == text:
        return 0
    print("README.md: its costs are not what bench/cost.py prints", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
