"""`make deploy`: both stacks of an environment, the front end, the lock of the API's own host, and a test of what is then there.

    python deploy/deploy.py prod|staging|pr-12 [--arch ARCH] [--site FOLDER] [--path-prefix PREFIX] [--rotate-origin]

Each step may be repeated. A run that was killed, or whose stack failed, is run again."""

import argparse
import os
import secrets
import sys
from dataclasses import replace

import botocore.exceptions

import finish
import release
import settings as configured
import site_files
import stacks
from plan import OK, Run, plan, plan_without_edge
from settings import Refused
from stacks import EDGE_REGION, Stack

# A plan has fewer steps than this, whatever it finds.
STEPS = 30
# Makes what serves next: nobody else may decide them.
DECIDED = {"Release", "Protection", "OriginSecretHashes", "Architecture", "ApiHost", "OriginSecret", "OriginSecretHash"}


def say(text):
    print(f"== {text}", flush=True)


def check_account(settings):
    """The first call to AWS."""
    found = stacks.session(settings.region).client("sts").get_caller_identity()["Account"]
    if settings.account and found != settings.account:
        raise Refused(f"these are credentials of the account {found}, and {settings.env} belongs to {settings.account}")
    return found


def check_unmentioned(stack, values, named, where):
    """What a stack has and the settings do not mention would go back to its default."""
    left = stack.parameters
    forgotten = {name: left[name] for name in left.keys() & values.keys() - named - DECIDED if left[name] != values[name]}
    if forgotten:
        lines = "\n".join(f'{name} = "{value}"' for name, value in sorted(forgotten.items()))
        raise Refused(f"{stack.name} has parameters that the settings do not mention. Write them to {where}, or with their defaults to reset them:\n{lines}")


def check_table(regional, settings):
    """Without ExistingTable a stack makes a new table, which is empty."""
    before, after = regional.parameters.get("ExistingTable", ""), settings.parameters["ExistingTable"]
    if before and not after and not os.environ.get("FORGET_TABLE"):
        raise Refused(f'{regional.name} uses the table {before}. Without ExistingTable it would make an empty one, and nobody would be logged in. Write ExistingTable = "{before}" to the settings, or deploy with FORGET_TABLE=1')


class Deployment:
    def __init__(self, settings, options):
        self.settings, self.options = settings, options
        self.regional = Stack(settings.stack, settings.region)
        self.edge = Stack(settings.edge_stack, EDGE_REGION)
        self.run = Run(options.rotate_origin, settings.parameters["Protection"] == "true")
        self.secret, self.is_built = None, False

    def check(self):
        """Everything that can be refused before something is changed."""
        where = f"[{'preview' if self.settings.is_preview else self.settings.env}.deploy.parameters.parameter_overrides]"
        check_unmentioned(self.regional, self.settings.parameters, self.settings.named, where)
        check_table(self.regional, self.settings)
        if self.settings.edge is None and self.edge.exists:
            raise Refused(f"{self.edge.name} exists in {EDGE_REGION}, and the settings have no Domain for it. Write it to {where.replace('deploy', 'edge')}, or delete that stack first, and with it the site's address")
        if self.settings.edge is not None:
            check_unmentioned(self.edge, self.settings.edge, self.settings.named_edge, where.replace("deploy", "edge"))

    def view(self):
        return stacks.view(self.regional.look(), self.edge.look())

    def next(self, view):
        if self.settings.edge is not None:
            return plan(view, self.run)
        return plan_without_edge(view, self.run, tuple(filter(None, self.settings.parameters["OriginSecretHashes"].split(","))))

    def perform(self, view, step, argument):
        done = {"wait": self.wait, "delete edge": self.edge.delete, "delete regional": self.regional.delete, "make": self.make}
        if step in done:
            done[step]()
        elif step == "regional":
            self.deploy_regional(view, argument)
            self.run = replace(self.run, done=self.run.done | {"regional"})
        else:
            self.deploy_edge(argument)
            self.run = replace(self.run, done=self.run.done | {"edge"})

    def wait(self):
        self.regional.wait()
        self.edge.wait()

    def make(self):
        """A secret of this run, which no file and no command line has."""
        self.secret = secrets.token_urlsafe(32)
        self.run = replace(self.run, made=stacks.hash_of(self.secret))

    def deploy_regional(self, view, hashes):
        if not self.is_built:
            release.build(release.architecture(self.options.arch, self.settings), self.options.path_prefix or self.settings.path_prefix)
            self.is_built = True
        # A stack whose first deployment fails could not remove tables that are protected.
        is_later = view.is_protected or (view.regional == OK and "regional" in self.run.done)
        values = self.settings.parameters | {
            "Architecture": release.architecture(self.options.arch, self.settings),
            "OriginSecretHashes": ",".join(hashes or ()),
            "Protection": "true" if self.run.protects and is_later else "false",
        }
        values["Release"] = release.fingerprint(values)
        say(f"{self.settings.stack} in {self.settings.region}, {len(hashes or ())} hashes of the origin secret, Protection={values['Protection']}")
        release.deploy(self.settings, values)

    def deploy_edge(self, made):
        host = self.regional.look().outputs["ApiUrl"].removeprefix("https://")
        # Without a new secret the stack keeps the one that it has.
        secret = {"OriginSecret": self.secret if made else None, "OriginSecretHash": made}
        if not made and "OriginSecretHash" not in self.edge.parameters:
            secret["OriginSecretHash"] = stacks.hash_in_force(self.edge)
        say(f"{self.edge.name} in {EDGE_REGION}{', with a new origin secret' if made else ''}, which takes minutes")
        self.edge.apply(stacks.edge_template(), self.settings.edge | {"ApiHost": host} | secret)
        if self.options.site:
            site_files.upload(self.edge.look(), self.options.site)

    def all(self):
        for stack in (self.regional, self.edge):
            stack.recover()
        for _ in range(STEPS):
            view = self.view()
            step = self.next(view)
            if step is None:
                return
            self.perform(view, *step)
        raise Refused(f"{self.settings.stack} does not become what it should: {self.view()}")


def arguments(words):
    parser = argparse.ArgumentParser(prog="make deploy")
    parser.add_argument("env")
    parser.add_argument("--arch", choices=["arm64", "x86_64"])
    parser.add_argument("--site")
    parser.add_argument("--path-prefix")
    parser.add_argument("--rotate-origin", action="store_true")
    return parser.parse_args(words)


def main(words):
    options = arguments(words)
    settings = configured.read(options.env)
    if options.rotate_origin and settings.edge is None:
        raise Refused(f"ROTATE_ORIGIN=1 is for an edge stack, and {settings.env} has none")
    if options.site:
        if settings.edge is None:
            raise Refused(f"SITE={options.site} is for an edge stack, and {settings.env} has none")
        site_files.files(options.site)
    if options.path_prefix and options.path_prefix != settings.path_prefix:
        raise Refused(f'PATH_PREFIX={options.path_prefix} would be gone after the next deployment. Write path_prefix = "{options.path_prefix}" to [{settings.env}.global.parameters] of samconfig.toml')
    say(f"{settings.env}: {settings.stack} in account {check_account(settings)}")
    deployment = Deployment(settings, options)
    deployment.check()
    deployment.all()
    return finish.check(deployment)


def as_command(main):
    """Runs it as a program: what was refused, and what AWS says, in words instead of a trace."""
    try:
        return main(sys.argv[1:])
    except Refused as refused:
        return f"error: {refused}"
    except botocore.exceptions.NoCredentialsError as error:
        return f"error: {error}. Log in with the AWS command line (.venv/bin/aws configure, or aws sso login), or set AWS_PROFILE"
    except (botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError) as error:
        return f"error: AWS: {error}"


if __name__ == "__main__":
    sys.exit(as_command(main))
