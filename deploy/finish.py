"""The end of a deployment: what doctor and a stranger find, and what is left to do by hand."""

import os
import subprocess

import smoke
from settings import ROOT


def admin(settings, *arguments):
    """Whether a command of ours for operators has succeeded."""
    environment = os.environ | {"AWS_REGION": settings.region, "AWS_DEFAULT_REGION": settings.region}
    return subprocess.run(["cargo", "run", "-q", "-p", "admin", "--", *arguments], cwd=ROOT, check=False, env=environment).returncode == 0


def check(deployment):
    """The exit status: whether the site answers as it should."""
    settings, api = deployment.settings, deployment.regional.look().outputs["ApiUrl"]
    url = deployment.edge.look().outputs["SiteUrl"] if settings.edge is not None else api
    print(f"== checking {settings.stack}", flush=True)
    is_healthy = admin(settings, "doctor", settings.stack, "--api-url", url)
    failures = smoke.check(smoke.expected(settings, url, api))
    print(f"== {settings.env} is at {url}", flush=True)
    for line in left_to_do(deployment, url, is_healthy):
        print(f"- {line}")
    return failures


def left_to_do(deployment, url, is_healthy):
    settings = deployment.settings
    if not is_healthy:
        yield f"Doctor has findings above. If Kakao's secrets are not stored yet: PATH=\"$PWD/.venv/bin:$PATH\" AWS_REGION={settings.region} cargo run -p admin -- put-kakao-secrets {settings.stack}"
    if not settings.parameters["KakaoAdminKeyHashes"]:
        yield "Write the hash that put-kakao-secrets prints to KakaoAdminKeyHashes and deploy again: until then nobody can delete their account"
    if settings.edge is None:
        yield "There is no edge stack: browsers refuse the cookie as a third party's, unless this API is on the front end's own site. See docs/deployment.md, the same site"
    elif not settings.edge["HostedZoneId"]:
        yield f"Point {settings.edge['Domain']} to {deployment.edge.outputs['DistributionHost']} in your DNS"
    if settings.edge is not None and not deployment.options.site:
        yield "The front end was not uploaded: make deploy SITE=dist does it"
    yield f"In Kakao's console: the redirect URIs {settings.parameters['RedirectUris']}, and the webhooks {url}/webhooks/kakao/unlink and {url}/webhooks/kakao/account-status"
