"""Where the routes of template.yaml and the pages of a front end lead in edge.yaml, and which rules of its firewall count them."""

from edge_template import METHODS, behavior, is_counted

POLICIES = {
    "658327ea-f89d-4fab-a63d-7e88639e58f6": "CachingOptimized",
    "4135ea2d-6df8-44a3-9df3-4b5a84be39ad": "CachingDisabled",
    "b689b0a8-53d0-40ab-baf2-68738e2966ac": "AllViewerExceptHostHeader",
}
FUNCTIONS = {"ApiRequest": "api-request.js", "PageRequest": "page-request.js"}
# The folder is the site's, so they are the API's by name and without a slash.
WELL_KNOWN = ["/.well-known/jwks.json", "/.well-known/openid-configuration"]
# Pages and files that are the front end's, however much they look like the API's.
PAGES = [
    "/", "/callback", "/index.html", "/assets/auth/index-1.js", "/auth", "/auth.html", "/authors/1", "/Auth/kakao",
    "/x/auth/kakao", "/auth%2Fkakao", "/auth/../kakao", "/api", "/api/", "/api/items", "/webhooks", "/webhooks/other",
    "/kakao/callback", "/login", "/.well-known/apple-app-site-association", "/.well-known/assetlinks.json",
    "/.well-known/security.txt", "/.well-known/", "/.well-known/jwks.json/", "/.well-known/jwks.json.bak",
]
# These too, if front ends do not use the paths of dj-rest-auth, simplejwt and allauth.
DROP_IN_PAGES = [
    "/dj-rest-auth", "/api/profile", "/api/profile/", "/api/token/refresh", "/accounts/kakao/login", "/accounts/kakao/login/",
]
DROP_IN_NEIGHBOURS = ["/api/profiles", "/api/profile/1", "/api/tokens", "/accounts", "/accounts/login", "/accounts/kakao/logins"]


def spellings(path):
    """Other ways to write a path, which CloudFront or API Gateway take for the same."""
    first, _, rest = path[1:].partition("/")
    yield from [path, f"{path}/", f"{path}//", f"/{path}", f"/x/..{path}", f"/./{first}/./{rest}"]
    encoded = "".join(f"%{ord(char):02X}" if char.isalnum() else char for char in rest)
    yield from [f"/{first}/{encoded}", f"/%{ord(first[0]):02x}{first[1:]}/{rest}"]


def rules(resources):
    return {rule["Name"]: rule for rule in resources["Firewall"]["Properties"]["Rules"]}


def counts(resources, rule, method, path):
    return is_counted(rules(resources)[rule]["Statement"]["RateBasedStatement"]["ScopeDownStatement"], method, path)


def policies(behavior):
    """The names of a behavior's policies."""
    ids = [behavior.get("CachePolicyId", "none"), behavior.get("OriginRequestPolicyId", "none")]
    return [POLICIES.get(id, id) for id in ids]


def table(distribution):
    """A row for each behavior, as docs/edge.md has them."""
    for one in [*distribution["CacheBehaviors"], distribution["DefaultCacheBehavior"]]:
        (association,) = one["FunctionAssociations"]
        yield [
            f"`{one['PathPattern']}`" if "PathPattern" in one else "everything else",
            "all" if one["AllowedMethods"] == METHODS else ", ".join(one["AllowedMethods"]),
            {"api": "API", "site": "bucket"}[one["TargetOriginId"]],
            *policies(one),
            f"`{FUNCTIONS[association['FunctionARN']['Fn::GetAtt'][0]]}`",
        ]


def of_routes(resources, routes, has_drop_in):
    """What is wrong with the way of the API's routes."""
    distribution = resources["Distribution"]["Properties"]["DistributionConfig"]
    for route in routes:
        method, path = route.split(" ")
        path = path.replace("{id}", "0123456789abcdefghijkl").replace("{proxy+}", "")
        is_drop_in = not path.startswith(("/auth/", "/webhooks/", "/.well-known/"))
        if (is_drop_in and not has_drop_in) or path.rstrip("/") in WELL_KNOWN and path.endswith("/"):
            continue
        found = behavior(distribution, path)
        if found["TargetOriginId"] != "api":
            yield f"{route} leads to the page"
        if found["AllowedMethods"] != METHODS:
            yield f"{route}: methods {found['AllowedMethods']}"
        expected = ["CachingOptimized", "none"] if path in WELL_KNOWN else ["CachingDisabled", "AllViewerExceptHostHeader"]
        if policies(found) != expected:
            yield f"{route}: policies {policies(found)}"
        calls_kakao = "/kakao/" in f"{path}/" and not path.startswith("/webhooks/") and (method == "POST" or "/callback" in path)
        for spelling in spellings(path.rstrip("/")) if path not in WELL_KNOWN else [path]:
            if behavior(distribution, spelling)["TargetOriginId"] != "api":
                continue
            if counts(resources, "logins", method, spelling) != calls_kakao:
                yield f"{method} {spelling} {'is not counted' if calls_kakao else 'is counted'} as a login"
            if counts(resources, "requests", method, spelling) == path.startswith("/webhooks/"):
                yield f"{method} {spelling} {'is counted' if path.startswith('/webhooks/') else 'is not counted'} as a request"


def of_pages(resources, prefix):
    """What is wrong with the way of a front end's pages and files."""
    distribution = resources["Distribution"]["Properties"]["DistributionConfig"]
    for page in PAGES + DROP_IN_NEIGHBOURS + ([prefix] if prefix else DROP_IN_PAGES):
        found = behavior(distribution, page)
        if found["TargetOriginId"] != "site":
            yield f"{page} leads to the API"
        if found["AllowedMethods"] != ["GET", "HEAD"]:
            yield f"{page}: methods {found['AllowedMethods']}"
        if policies(found) != ["CachingOptimized", "none"]:
            yield f"{page}: policies {policies(found)}"
        # A page whose path has an encoded slash may count: the firewall has to decode what API Gateway decodes.
        if any(counts(resources, rule, "GET", page) for rule in ("logins", "requests")) and "%2F" not in page:
            yield f"{page} is counted as the API's"
