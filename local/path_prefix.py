"""Serves the routes of dj-rest-auth under another prefix in a built template.

    python local/path_prefix.py /api/v1/auth [TEMPLATE]

CloudFormation takes no parameter in the path of a route, so the prefix is part of the build. A route that exists under the prefix
already stays as it is.
"""

import re
import sys

from samcli.yamlhelper import yaml_dump, yaml_parse

DROP_IN = "/dj-rest-auth"


def routes(template):
    """Each function's events, and the key of each route among them."""
    for resource in template["Resources"].values():
        events = resource.get("Properties", {}).get("Events", {})
        for name, event in list(events.items()):
            if event["Type"] == "HttpApi":
                properties = event["Properties"]
                yield events, name, f"{properties['Method']} {properties['Path']}"


def moved(text, prefix):
    return text.replace(DROP_IN, prefix, 1)


def with_prefix(template, prefix):
    """Changes the template."""
    if not re.fullmatch(r"(/[A-Za-z0-9._-]+)+", prefix):
        raise SystemExit(f"PATH_PREFIX must be a path such as /api/v1/auth, not {prefix}")
    taken = {key for _, _, key in routes(template)}
    for events, name, key in routes(template):
        if DROP_IN in key and moved(key, prefix) in taken:
            del events[name]
        else:
            properties = events[name]["Properties"]
            properties["Path"] = moved(properties["Path"], prefix)
    for resource in template["Resources"].values():
        settings = resource.get("Properties", {}).get("RouteSettings")
        if settings:
            resource["Properties"]["RouteSettings"] = {moved(key, prefix): value for key, value in settings.items()}


def main(prefix, file=".aws-sam/build/template.yaml"):
    with open(file) as source:
        template = yaml_parse(source.read())
    with_prefix(template, prefix)
    with open(file, "w") as built:
        built.write(yaml_dump(template))
    print(f"{DROP_IN} is served at {prefix}")


if __name__ == "__main__":
    main(*sys.argv[1:])
