"""What samconfig.toml, and samconfig.local.toml over it, say of an environment, and why that cannot be deployed.

SAM reads the first file too. It ignores sections of commands that it does not have, such as [prod.edge.parameters], and the keys
`account` and `path_prefix`."""

import functools
import pathlib
import re
import sys
from dataclasses import dataclass

import tomlkit
from samcli.cli.types import CfnParameterOverridesType
from samcli.yamlhelper import yaml_parse

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Where the settings are.
FOLDER = ROOT
sys.path.append(str(ROOT / "tests/contract"))
import sam_template

FILES = ["samconfig.toml", "samconfig.local.toml"]
PREVIEW = re.compile("pr-[0-9]{1,9}")
DROP_IN = "/dj-rest-auth"
# The values that samconfig.toml has before it is edited.
PLACEHOLDERS = re.compile(r"\bexample\.com\b|^1234567$|^(0123456789abcdef)+$|^Z0123456789ABCDEFGHIJ$|^123456789012$")
# What `make deploy` finds out by itself.
OURS = {"Release"}
OURS_AT_THE_EDGE = {"ApiHost", "OriginSecret", "OriginSecretHash"}


class Refused(Exception):
    """Why nothing was done, and what to write where, in words for the person at the terminal."""


@dataclass(frozen=True)
class Settings:
    env: str
    stack: str
    region: str
    account: str | None
    # Each parameter of the template and its value, whether the files or the template say it.
    parameters: dict
    # Those that the files name.
    named: frozenset
    # The same for the edge stack. None without one.
    edge: dict | None
    named_edge: frozenset
    path_prefix: str

    @property
    def edge_stack(self):
        return f"{self.stack}-edge"

    @property
    def is_preview(self):
        return bool(PREVIEW.fullmatch(self.env))


@functools.cache
def template(name):
    return yaml_parse((ROOT / name).read_text())


def overrides(value):
    """Parameters by name, from a table, a list or a text, as SAM takes them."""
    return CfnParameterOverridesType().convert(value, None, None) if value else {}


def merged(one, other):
    """Tables over tables. Parameters become tables, so that a file can replace one of them."""
    found = dict(one)
    for key, value in other.items():
        if key == "parameter_overrides":
            found[key] = overrides(found.get(key)) | overrides(value)
        elif isinstance(value, dict):
            found[key] = merged(found.get(key, {}), value)
        else:
            found[key] = value
    return found


def sections():
    found = {}
    for path in [FOLDER / name for name in FILES]:
        if path.exists():
            try:
                read = tomlkit.parse(path.read_text()).unwrap()
            except ValueError as error:
                raise Refused(f"{path.name}: {error}") from None
            found = merged(found, {env: content for env, content in read.items() if isinstance(content, dict)})
    return found


def section(found, env):
    """The content of the section for an environment. prod is the default of SAM's commands too."""
    if PREVIEW.fullmatch(env):
        if "preview" not in found:
            raise Refused(f"samconfig.toml has no section preview, from which {env} is made")
        return replaced(found["preview"], env)
    if env == "preview":
        raise Refused("a preview has a number: ENV=pr-12")
    if env not in found or env == "default":
        known = ", ".join([name for name in found if name not in ("default", "preview")])
        raise Refused(f"samconfig.toml has no section {env}, only {known}, and preview for pr-1, pr-2 and so on")
    return merged(found.get("default", {}), found[env]) if env == "prod" else found[env]


def replaced(content, env):
    if isinstance(content, dict):
        return {key: replaced(value, env) for key, value in content.items()}
    if isinstance(content, list):
        return [replaced(value, env) for value in content]
    return content.replace("{env}", env) if isinstance(content, str) else content


def of(content, command):
    return content.get(command, {}).get("parameters", {})


def stack_names(found):
    """Of each environment but previews, which have one each."""
    return {env: of(section(found, env), "global").get("stack_name") for env in found if env not in ("default", "preview")}


def read(env, with_parameters=True):
    """The settings of an environment. `with_parameters` is false for commands that deploy nothing."""
    found = sections()
    content = section(found, env)
    where = f"[{'preview' if PREVIEW.fullmatch(env) else env}."
    common = of(found.get("default", {}), "global") | of(content, "global")
    if env != "prod" and "stack_name" not in of(content, "global"):
        raise Refused(f"samconfig.toml: write to {where}global.parameters] the stack's name, such as stack_name = \"kakao-login-{env}\"")
    for name, example in (("stack_name", "kakao-login"), ("region", "ap-northeast-2")):
        if not common.get(name):
            raise Refused(f'samconfig.toml: write to {where}global.parameters] {name} = "{example}"')
    stack, account = common["stack_name"], common.get("account")
    if PREVIEW.fullmatch(env) and env not in stack:
        raise Refused(f"samconfig.toml: stack_name in [preview.global.parameters] must contain {{env}}, or all previews are one stack")
    others = [name for name, taken in stack_names(found).items() if taken == stack and name != env]
    if others:
        raise Refused(f"samconfig.toml: {env} and {others[0]} have the same stack_name, {stack}")
    given, given_edge = (overrides(of(content, command).get("parameter_overrides")) for command in ("deploy", "edge"))
    has_edge = bool(given_edge.get("Domain"))
    prefix = common.get("path_prefix") or given_edge.get("DropInPrefix") or DROP_IN
    if has_edge:
        given_edge = {"DropInPrefix": prefix} | given_edge
    regional, edge = template("template.yaml"), template("edge.yaml")
    if with_parameters:
        problems = [*refusals(where, regional, given, common, has_edge), *edge_refusals(where, edge, given, given_edge, prefix)]
        if problems:
            raise Refused("\n".join([f"{env} cannot be deployed. Change this in samconfig.toml, or write it to samconfig.local.toml, which git ignores:", *problems]))
    return Settings(
        env, stack, common["region"], account, effective(regional, given), frozenset(given),
        effective(edge, given_edge) if has_edge else None, frozenset(given_edge), prefix,
    )


def effective(template, given):
    return {name: str(declared.get("Default", "")) for name, declared in template["Parameters"].items()} | given


def refusals(where, template, given, common, has_edge):
    """What is wrong with the parameters of the API's stack."""
    where = f"  {where}deploy.parameters.parameter_overrides]"
    ours = OURS | ({"OriginSecretHashes"} if has_edge else set())
    yield from (f"{where} nothing of {name}, which make deploy sets" for name in sorted(ours & given.keys()))
    yield from placeholders(where, template, given)
    yield from (f"{where} {problem}" for problem in sam_template.refusals(template, given, common["region"]))


def edge_refusals(where, template, given, given_edge, prefix):
    """What is wrong with those of the edge stack."""
    where = f"  {where}edge.parameters.parameter_overrides]"
    if not given_edge:
        return
    if not given_edge.get("Domain"):
        yield f"{where} Domain, the host of the front end. Without an edge stack, leave the section out"
        return
    yield from (f"{where} nothing of {name}, which make deploy sets" for name in sorted(OURS_AT_THE_EDGE & given_edge.keys()))
    yield from placeholders(where, template, given_edge)
    found_out = {"ApiHost": "a.execute-api.ap-northeast-2.amazonaws.com", "OriginSecret": "0" * 43}
    yield from (f"{where} {problem}" for problem in sam_template.refusals(template, found_out | given_edge, "us-east-1"))
    origin = f"https://{given_edge['Domain']}"
    if origin not in [one.strip() for one in given.get("AllowedOrigins", "").split(",")]:
        yield f"{where} Domain={given_edge['Domain']}, and {origin} to AllowedOrigins of the API, which refuses the pages otherwise"
    if given_edge["DropInPrefix"] not in ("", prefix):
        yield f"{where} DropInPrefix={prefix}, as path_prefix in [global.parameters] says, or leave it out"


def placeholders(where, template, given):
    for name, value in given.items():
        if any(PLACEHOLDERS.search(item) for item in str(value).split(",")) and name in template["Parameters"]:
            yield f"{where} {name} is still the example {value}. {template['Parameters'][name]['Description']}"
