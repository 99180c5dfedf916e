"""`make smoke`: asks a deployed site what a stranger may ask, and says what is wrong.

    python deploy/smoke.py prod|staging|pr-12 [--url https://www.example.com] [--login]

Without an address it is the one that the stacks say, and the API's own host has to refuse everybody. With --login it also logs in as an
app does, by an access token of Kakao's from the terminal or from standard input, refreshes, reads the profile, and logs out."""

import argparse
import getpass
import sys
from dataclasses import dataclass

import settings as configured
from checks import Failed, Site, keys, locked, missing, origins, page, strangers, user
from settings import DROP_IN, Refused


@dataclass(frozen=True)
class Expected:
    url: str
    # The API's own host, if there is an edge stack before it.
    api: str | None = None
    has_edge: bool = True
    issuer: str | None = None
    algorithm: str = "ES256"
    # Where the paths of dj-rest-auth are. Empty without them.
    drop_in: str = DROP_IN
    token: str = ""


def expected(settings, url, api, token=""):
    has_edge = settings.edge is not None
    drop_in = settings.edge["DropInPrefix"] if has_edge else settings.path_prefix
    parameters = settings.parameters
    return Expected(url, api if has_edge else None, has_edge, parameters.get("Issuer"), parameters["SigningAlgorithm"], drop_in, token)


def check(wanted):
    """The exit status. Each check is made, whatever the others find."""
    site = Site(wanted.url, wanted.api)
    at_the_edge, with_user = [page, missing] if wanted.has_edge else [], [user] if wanted.token else []
    failures = 0
    for one in [*at_the_edge, keys, strangers, origins, *([locked] if wanted.api else []), *with_user]:
        try:
            one(site, wanted)
            print(f"ok      {one.__doc__}", flush=True)
        except (Failed, OSError, ValueError, KeyError) as failed:
            failures += 1
            print(f"FAILED  {one.__doc__} {failed}", flush=True)
    return 1 if failures else 0


def main(words):
    parser = argparse.ArgumentParser(prog="make smoke")
    parser.add_argument("env")
    parser.add_argument("--url")
    parser.add_argument("--login", action="store_true")
    options = parser.parse_args(words)
    url, api = options.url, None
    settings = configured.read(options.env, with_parameters=False)
    if not url:
        import stacks

        regional, edge = stacks.Stack(settings.stack, settings.region), stacks.Stack(settings.edge_stack, stacks.EDGE_REGION)
        if not regional.exists:
            raise Refused(f"there is no stack {settings.stack} in {settings.region}. make deploy ENV={options.env} makes it")
        api = regional.outputs["ApiUrl"]
        url = edge.outputs["SiteUrl"] if edge.exists else api
    token = ""
    if options.login:
        prompt = "A Kakao access token of yours for this app: "
        token = (getpass.getpass(prompt) if sys.stdin.isatty() else sys.stdin.readline()).strip()
    return check(expected(settings, url, api, token))


if __name__ == "__main__":
    from deploy import as_command

    sys.exit(as_command(main))
