"""Searches everything that can become of deployments: a run dies at any step, CloudFormation goes on without it, rolls back at any
time, and shifts requests between versions. Weaker plans show that the search finds what it looks for."""

import collections
import pathlib
import sys
from dataclasses import dataclass, replace

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))
from plan import BUSY, FAILED, OK, Run, View, plan


@dataclass(frozen=True)
class World:
    hashes: tuple | None = None  # of the version that serves
    coming: tuple | None = None  # of a version that an update brings
    sent: str | None = None  # by the distribution
    sending: str | None = None  # by some of it, while it is updated
    edge: str | None = None
    regional: str | None = None
    protected: bool = False
    run: Run | None = None
    made: int = 0
    runs: int = 0
    was_open: bool = False  # before the first run


# Nothing; an open API; one behind an edge stack that was made by hand, open and locked; an edge stack whose API was deleted.
STARTS = [
    World(),
    World(hashes=(), regional=OK, was_open=True),
    World(hashes=(), regional=OK, sent="hand", edge=OK, was_open=True),
    World(hashes=("hand",), regional=OK, sent="hand", edge=OK, protected=True),
    World(sent="hand", edge=OK),
]


def view(world):
    """Parameters are those of the last update that was complete, outputs too."""
    regional = BUSY if world.coming is not None else world.regional
    return View(regional, world.hashes, BUSY if world.sending else world.edge, world.sent, world.protected)


def next_worlds(world, plan, max_runs, max_made):
    if world.run is None:
        if world.runs < max_runs:
            for rotates in (False, True):
                yield f"run rotates={rotates}", replace(world, run=Run(rotates, True), runs=world.runs + 1)
    else:
        yield "the run dies", replace(world, run=None)
        step = plan(view(world), world.run)
        if step is None:
            yield "end", replace(world, run=None)
        elif step[0] == "make" and world.made < max_made:
            yield "make", replace(world, made=world.made + 1, run=replace(world.run, made=f"s{world.made}"))
        elif step[0] == "regional":
            done = replace(world.run, done=world.run.done | {"regional"})
            yield f"regional {step[1]}", replace(world, coming=step[1] or (), protected="edge" in done.done, run=done)
        elif step[0] == "edge":
            sending = step[1] or world.sent
            yield f"edge {sending}", replace(world, sending=sending, run=replace(world.run, done=world.run.done | {"edge"}))
        elif step[0] == "delete edge":
            yield "delete edge", replace(world, edge=None)
        elif step[0] == "delete regional":
            yield "delete regional", replace(world, regional=None, hashes=None)
    if world.coming is not None:
        yield "regional complete", replace(world, hashes=world.coming, coming=None, regional=OK)
        yield "regional rolls back", replace(world, coming=None, regional=world.regional if world.hashes is not None else FAILED, run=None)
    if world.sending is not None:
        yield "edge complete", replace(world, sent=world.sending, sending=None, edge=OK)
        yield "edge rolls back", replace(world, sending=None, edge=world.edge if world.sent else FAILED, run=None)


def wrong(world):
    accepted = [hashes for hashes in (world.hashes, world.coming) if hashes is not None]
    if world.edge == OK and world.hashes is not None:
        for secret in filter(None, (world.sent, world.sending)):
            if any(hashes and secret not in hashes for hashes in accepted):
                return "a request through the edge is refused"
    if any(len(hashes) > 2 for hashes in accepted):
        return "more than two hashes"
    if () in accepted and not world.was_open:
        return "the API is open"
    if world.was_open and world.sent is None and any(accepted):
        return "callers of an open API are refused before they have another address"
    return None


def is_settled(world, plan):
    return world.run and plan(view(world), world.run) is None and world.coming is None and world.sending is None


def is_right(world):
    return world.hashes == (world.sent,) and world.protected


def search(plan, max_runs=3, max_made=3):
    """What goes wrong, how, and the number of states."""
    seen, queue = {start: None for start in STARTS}, collections.deque(STARTS)
    while queue:
        world = queue.popleft()
        if reason := wrong(world):
            return reason, trace(seen, world), len(seen)
        if is_settled(world, plan) and not is_right(world):
            return "a run ends with another hash than the one in force, or without protection", trace(seen, world), len(seen)
        for name, after in next_worlds(world, plan, max_runs, max_made):
            if after not in seen:
                seen[after] = (name, world)
                queue.append(after)
    # Without deaths and failures a run ends, from everywhere.
    for world in [world for world in seen if world.run is None and world.coming is None and world.sending is None]:
        for rotates in (False, True):
            end = undisturbed(replace(world, run=Run(rotates, True)), plan)
            if end is None or not is_right(end):
                return "a run does not end", trace(seen, world), len(seen)
    return None, [], len(seen)


def undisturbed(world, plan, steps=40):
    for _ in range(steps):
        if is_settled(world, plan):
            return world
        bad = ("the run dies", "regional rolls back", "edge rolls back")
        choices = [after for name, after in next_worlds(world, plan, 99, 99) if name not in bad]
        if not choices:
            return None
        world = choices[-1]
    return None


def trace(seen, world):
    steps = []
    while seen[world]:
        name, world = seen[world]
        steps.append(name)
    return steps[::-1]


def weaker(change):
    """A plan that changes what ours says."""
    return lambda view, run: change(view, run, plan(view, run))


WEAKER = {
    "edge first": lambda v, r, step: ("edge", r.made) if step and step[0] == "regional" and "edge" not in r.done and v.hashes else step,
    "drops the old hash early": lambda v, r, step: ("regional", (r.made,)) if step and step[0] == "regional" and r.made and v.hashes and "edge" not in r.done else step,
    "never drops it": lambda v, r, step: None if step and "edge" in r.done else step,
    "open first": lambda v, r, step: ("regional", ()) if step and step[0] == "regional" and v.hashes is None else step,
    "only adds": lambda v, r, step: ("regional", tuple(dict.fromkeys((v.hashes or ()) + (r.made,)))) if step and step[0] == "regional" and r.made and "edge" not in r.done and v.hashes != () else step,
    "locks an open API at once": lambda v, r, step: ("regional", (r.made,)) if step and step[0] == "regional" and v.hashes == () and r.made else step,
    "does not wait": lambda v, r, step: ("edge", r.made) if step == ("wait", None) and r.made and "edge" not in r.done else step,
}


def main():
    reason, steps, states = search(plan)
    problems = [f"the plan of a deployment: {reason}: {', '.join(steps)}"] if reason else []
    for name, change in WEAKER.items():
        if search(weaker(change))[0] is None:
            problems.append(f"the search does not find what is wrong with the plan: {name}")
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"{states} states, {len(WEAKER)} weaker plans")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
