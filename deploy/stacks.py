"""The stacks of an environment in CloudFormation: what state they are in, and how to get out of one that cannot be updated."""

import functools
import hashlib
import time

import boto3
import botocore.exceptions

from plan import BUSY, FAILED, OK, View
from settings import ROOT, Refused

EDGE_REGION = "us-east-1"
# Seconds between two looks at a stack that changes.
PAUSE = 10
SECRET_HEADER = "x-origin-secret"
# Nothing of their creation is left, or nothing was created yet.
EMPTY = {"ROLLBACK_COMPLETE", "REVIEW_IN_PROGRESS"}


@functools.cache
def session(region):
    return boto3.Session(region_name=region)


class Stack:
    """A stack by its name, whether or not it exists."""

    def __init__(self, name, region):
        self.name, self.region = name, region
        self.session = session(region)
        self.cloudformation = self.session.client("cloudformation")
        self.described = None
        self.look()

    def look(self):
        try:
            (self.described,) = self.cloudformation.describe_stacks(StackName=self.name)["Stacks"]
        except botocore.exceptions.ClientError as error:
            if "does not exist" not in str(error):
                raise
            self.described = None
        return self

    @property
    def exists(self):
        return self.described is not None

    @property
    def status(self):
        return self.described["StackStatus"] if self.exists else None

    @property
    def parameters(self):
        found = self.described.get("Parameters", []) if self.exists else []
        return {one["ParameterKey"]: one.get("ParameterValue", "") for one in found}

    @property
    def outputs(self):
        found = self.described.get("Outputs", []) if self.exists else []
        return {one["OutputKey"]: one["OutputValue"] for one in found}

    def state(self):
        """Its state as a plan sees it."""
        status = self.status
        if status is None:
            return None
        if status in EMPTY:
            return FAILED
        if status.endswith("_IN_PROGRESS"):
            return BUSY
        if status in ("ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"):
            raise Refused(f"{self.name} in {self.region} is in {status}: see its events in the console, remove what hinders, then delete the stack there and deploy again")
        return OK

    def recover(self):
        """An update whose rollback failed is rolled back once more."""
        if self.status != "UPDATE_ROLLBACK_FAILED":
            return
        print(f"{self.name}: continuing the rollback that failed", flush=True)
        self.cloudformation.continue_update_rollback(StackName=self.name)
        self.wait()
        if self.status == "UPDATE_ROLLBACK_FAILED":
            raise Refused(f"{self.name} in {self.region} cannot be rolled back: see its events in the console, remove what hinders, and deploy again")

    def wait(self):
        """Until it does not change any more."""
        said = None
        while self.look().exists and self.status.endswith("_IN_PROGRESS") and self.status not in EMPTY:
            if said != self.status:
                print(f"{self.name}: {self.status}", flush=True)
                said = self.status
            time.sleep(PAUSE)
        return self

    def delete(self):
        if not self.exists:
            return
        print(f"{self.name}: deleting the stack", flush=True)
        # By its id, which CloudFormation still knows when the stack is gone.
        stack = self.described["StackId"]
        self.cloudformation.delete_stack(StackName=stack)
        while True:
            (found,) = self.cloudformation.describe_stacks(StackName=stack)["Stacks"]
            if found["StackStatus"] == "DELETE_COMPLETE":
                break
            if found["StackStatus"] == "DELETE_FAILED":
                raise Refused(f"{self.name} in {self.region} could not be deleted: {found.get('StackStatusReason', 'see its events in the console')}")
            time.sleep(PAUSE)
        self.look()

    def apply(self, template, parameters):
        """Creates or updates it. A parameter that is None keeps its value."""
        given = [
            {"ParameterKey": name, "UsePreviousValue": True} if value is None else {"ParameterKey": name, "ParameterValue": value}
            for name, value in parameters.items()
        ]
        arguments = {"StackName": self.name, "TemplateBody": template, "Parameters": given}
        try:
            if self.exists:
                self.cloudformation.update_stack(**arguments)
            else:
                self.cloudformation.create_stack(**arguments)
        except botocore.exceptions.ClientError as error:
            if "No updates are to be performed" in str(error):
                return
            raise
        self.wait()
        if self.status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            raise Refused(f"{self.name} in {self.region} is in {self.status} after the deployment: {reasons(self)}")


def reasons(stack):
    """Why its last deployment failed, as CloudFormation says it."""
    events = stack.cloudformation.describe_stack_events(StackName=stack.name)["StackEvents"]
    failed = [event for event in events if event["ResourceStatus"].endswith("_FAILED") and event.get("ResourceStatusReason")]
    return failed[-1]["ResourceStatusReason"] if failed else "see its events in the console"


def view(regional, edge):
    """Both as the plan sees them."""
    hashes = None
    if regional.exists:
        hashes = tuple(filter(None, regional.parameters.get("OriginSecretHashes", "").split(",")))
    # Parameters of a stack that CloudFormation just changes may be those to come: a plan waits until it has finished.
    protected = regional.parameters.get("Protection", "true") == "true"
    return View(regional.state(), hashes, edge.state(), hash_in_force(edge), regional.exists and protected)


def hash_in_force(edge):
    """Of the secret that CloudFront sends. An edge stack that was made by hand has no output for it."""
    if not edge.exists or edge.state() != OK:
        return None
    if "OriginSecretHash" in edge.outputs:
        return edge.outputs["OriginSecretHash"]
    return hash_of(origin_secret(edge))


def origin_secret(edge):
    """The header with which CloudFront calls the API."""
    found = edge.session.client("cloudfront").get_distribution_config(Id=edge.outputs["DistributionId"])
    headers = [header for origin in found["DistributionConfig"]["Origins"]["Items"] for header in origin.get("CustomHeaders", {}).get("Items", [])]
    return next(header["HeaderValue"] for header in headers if header["HeaderName"].lower() == SECRET_HEADER)


def hash_of(secret):
    return hashlib.sha256(secret.encode()).hexdigest()


def edge_template():
    return (ROOT / "edge.yaml").read_text()
