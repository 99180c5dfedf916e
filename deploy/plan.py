"""The order of a deployment: what to do next, by what the two stacks say and what this run knows.

Hashes stand for secrets. A secret is known to the run that made it and to the distribution. `tests/plan_search.py` lets runs die and
stacks fail anywhere: at no time is a request through CloudFront refused."""

from dataclasses import dataclass

BUSY, OK, FAILED = "busy", "ok", "failed"


@dataclass(frozen=True)
class View:
    """What CloudFormation says. `hashes` is None without a regional stack; `sent` is what CloudFront has, None without it. FAILED is a
    stack whose creation failed, and which can only be deleted."""

    regional: str | None
    hashes: tuple | None
    edge: str | None
    sent: str | None
    is_protected: bool = False


@dataclass(frozen=True)
class Run:
    """What this run wants, the hash of the secret that it made, and what it has done."""

    rotates: bool
    protects: bool = False
    made: str | None = None
    done: frozenset = frozenset()


def plan(view, run):
    """The next step and its argument, or None at the end."""
    if BUSY in (view.regional, view.edge):
        return "wait", None
    if view.edge == FAILED:
        return "delete edge", None
    if view.regional == FAILED:
        return "delete regional", None
    needs_secret = (view.sent is None or run.rotates) and "edge" not in run.done
    if needs_secret and run.made is None:
        return "make", None
    # An API that everybody may call stays open until its users have another address.
    is_open = view.hashes == ()
    wanted = tuple(filter(None, (view.sent, run.made if needs_secret else None)))
    if is_open or (view.hashes is not None and not needs_secret):
        wanted = view.hashes
    # New functions know what the edge will send before it sends that. The old ones, which serve during a canary, are gone then.
    if "regional" not in run.done or (needs_secret and view.hashes != wanted):
        return "regional", wanted
    if "edge" not in run.done:
        return "edge", run.made
    if view.hashes != (view.sent,) or view.is_protected != run.protects:
        return "regional", (view.sent,)
    return None


def plan_without_edge(view, run, hashes):
    """The same for an API without an edge stack, with the hashes that the settings say."""
    if view.regional == BUSY:
        return "wait", None
    if view.regional == FAILED:
        return "delete regional", None
    if "regional" not in run.done or view.is_protected != run.protects:
        return "regional", hashes
    return None
