"""Checks edge.yaml for several parameter sets: cfn-lint, where each route of template.yaml and each page leads, what the firewall
counts, and that the files of the front end and the origin secret are open to nobody else."""

import copy
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

from samcli.cli.types import CfnParameterOverridesType

import edge_paths
import edge_template
import sam_template
from edge_template import METHODS

sys.path.append("local")
import path_prefix

# The codes whose caching a distribution may decide:
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/custom-error-pages-response-code.html
ERRORS = {400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504}
WRONG = {
    "another region": ({}, "ap-northeast-2"),
    "a domain alone": ({"Domain": "www.example.com"}, "us-east-1"),
    "a certificate alone": ({"CertificateArn": edge_template.CERTIFICATE}, "us-east-1"),
    "a zone alone": ({"HostedZoneId": "Z0123456789ABCDEFGHIJ"}, "us-east-1"),
    "a domain with https": ({"Domain": "https://www.example.com", "CertificateArn": edge_template.CERTIFICATE}, "us-east-1"),
    "a certificate elsewhere": ({"Domain": "a.kr", "CertificateArn": edge_template.CERTIFICATE.replace("us-east-1", "eu-west-1")}, "us-east-1"),
    "ApiUrl instead of its host": ({"ApiHost": f"https://{edge_template.REQUIRED['ApiHost']}"}, "us-east-1"),
    "a short secret": ({"OriginSecret": "0" * 31}, "us-east-1"),
    "a secret instead of its hash": ({"OriginSecretHash": "A" * 64}, "us-east-1"),
    "a prefix with a slash": ({"DropInPrefix": "/dj-rest-auth/"}, "us-east-1"),
    "a prefix with a pattern": ({"DropInPrefix": "/*"}, "us-east-1"),
    "a policy of two lines": ({"ContentSecurityPolicy": "default-src 'self';\nscript-src 'self'"}, "us-east-1"),
    "a policy that is too long": ({"ContentSecurityPolicy": "x" * 1784}, "us-east-1"),
    "fewer than WAF counts": ({"LoginsPerFiveMinutes": "9"}, "us-east-1"),
}
# What takes the place of a command, and says what it was called with.
SAY = "import json, sys; print(json.dumps(sys.argv[1:]))"

problems = []


def check(holds, problem):
    if not holds:
        problems.append(problem)


def check_distribution(name, given, resources):
    distribution = resources["Distribution"]["Properties"]["DistributionConfig"]
    errors = {error.pop("ErrorCode"): error for error in copy.deepcopy(distribution["CustomErrorResponses"])}
    check(errors == {code: {"ErrorCachingMinTTL": 0} for code in ERRORS}, f"{name}: error responses {errors}")
    api = [one for one in distribution["CacheBehaviors"] if one["TargetOriginId"] == "api"]
    check(api == distribution["CacheBehaviors"], f"{name}: a behavior that is not the API's")
    for one in api:
        same = {key: value for key, value in one.items() if key not in ("PathPattern", "CachePolicyId", "OriginRequestPolicyId")}
        check(same == {
            "TargetOriginId": "api",
            "ViewerProtocolPolicy": "https-only",
            "AllowedMethods": METHODS,
            # Tokens in compressed bodies can be guessed by their length.
            "Compress": False,
            "FunctionAssociations": [{"EventType": "viewer-request", "FunctionARN": {"Fn::GetAtt": ["ApiRequest", "FunctionARN"]}}],
        }, f"{name}: {one['PathPattern']} differs from the API's other behaviors: {same}")
    patterns = [one["PathPattern"] for one in api]
    check(len(patterns) == len(set(patterns)), f"{name}: CloudFront refuses a pattern that occurs twice: {patterns}")
    page = distribution["DefaultCacheBehavior"]
    check(page["ViewerProtocolPolicy"] == "redirect-to-https", f"{name}: pages are served by {page['ViewerProtocolPolicy']}")
    check(page["ResponseHeadersPolicyId"] == {"Ref": "PageHeaders"}, f"{name}: no headers of the page")
    headers = resources["PageHeaders"]["Properties"]["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]
    check(headers == {
        "ContentSecurityPolicy": {"ContentSecurityPolicy": given.get("ContentSecurityPolicy", edge["Parameters"]["ContentSecurityPolicy"]["Default"]), "Override": True},
        "ContentTypeOptions": {"Override": True},
        "FrameOptions": {"FrameOption": "DENY", "Override": True},
        "ReferrerPolicy": {"ReferrerPolicy": "strict-origin-when-cross-origin", "Override": True},
        "StrictTransportSecurity": {"AccessControlMaxAgeSec": 63072000, "Override": True},
    }, f"{name}: headers of the page {headers}")
    check(distribution.get("WebACLId") == {"Fn::GetAtt": ["Firewall", "Arn"]}, f"{name}: the firewall is in front of nothing")
    for unwanted in ("DefaultRootObject", "Logging"):
        # A root object would be a second rule beside page-request.js. Logs have the codes of Kakao's in their queries.
        check(unwanted not in distribution, f"{name}: {unwanted}")

    origins = {origin["Id"]: origin for origin in distribution["Origins"]}
    secret = [{"HeaderName": "x-origin-secret", "HeaderValue": given["OriginSecret"]}]
    check(origins["api"].pop("OriginCustomHeaders") == secret, f"{name}: the API does not get the secret")
    check(given["OriginSecret"] not in json.dumps(resources), f"{name}: the secret is elsewhere too")
    check(origins["api"]["DomainName"] == given["ApiHost"], f"{name}: another API")
    check(origins["api"]["CustomOriginConfig"]["OriginProtocolPolicy"] == "https-only", f"{name}: the secret may travel in plain text")
    check(origins["site"]["OriginAccessControlId"] == {"Fn::GetAtt": ["SiteAccess", "Id"]}, f"{name}: no access control of the bucket")

    has_domain, has_zone = given.get("Domain", ""), given.get("HostedZoneId", "")
    makes_certificate = has_zone and not given.get("CertificateArn")
    check(distribution.get("Aliases") == ([given["Domain"]] if has_domain else None), f"{name}: aliases {distribution.get('Aliases')}")
    certificate = {"Ref": "Certificate"} if makes_certificate else given.get("CertificateArn")
    viewer = distribution["ViewerCertificate"]
    check(viewer.get("AcmCertificateArn") == certificate, f"{name}: certificate {viewer}")
    check(viewer.get("MinimumProtocolVersion") == ("TLSv1.2_2021" if has_domain else None), f"{name}: {viewer}")
    check(viewer.get("CloudFrontDefaultCertificate", False) != bool(has_domain), f"{name}: {viewer}")
    optional = {"Certificate"} if makes_certificate else set()
    optional |= {"Ipv4Record", "Ipv6Record"} if has_zone else set()
    found = resources.keys() & {"Certificate", "Ipv4Record", "Ipv6Record"}
    check(found == optional, f"{name}: {sorted(found)} instead of {sorted(optional)}")


def check_bucket(resources):
    site = resources["Site"]
    kept = (site["DeletionPolicy"], site["UpdateReplacePolicy"])
    check(kept == ("RetainExceptOnCreate", "Retain"), f"the files go with the stack, or stay when it was never made: {kept}")
    check(set(site["Properties"]["PublicAccessBlockConfiguration"].values()) == {True}, "the bucket can be made public")
    check(len(site["Properties"]["PublicAccessBlockConfiguration"]) == 4, "the bucket can be made public in some way")
    check("WebsiteConfiguration" not in site["Properties"], "the bucket is a website of its own")
    arn = "arn:${AWS::Partition}:cloudfront::${AWS::AccountId}:distribution/${Distribution}"
    ours = {"StringEquals": {"AWS:SourceArn": {"Fn::Sub": arn}}}
    statements = resources["SitePolicy"]["Properties"]["PolicyDocument"]["Statement"]
    allowed = [statement for statement in statements if statement["Effect"] == "Allow"]
    for statement in allowed:
        check(statement["Principal"] == {"Service": "cloudfront.amazonaws.com"}, f"the bucket is open to {statement['Principal']}")
        check(statement["Condition"] == ours, f"the bucket is open to other distributions: {statement['Condition']}")
    check([statement["Action"] for statement in allowed] == ["s3:GetObject", "s3:ListBucket"], "CloudFront may do other things")
    denied = [statement for statement in statements if statement["Effect"] == "Deny"]
    check([statement["Condition"] for statement in denied] == [{"Bool": {"aws:SecureTransport": "false"}}], f"denied: {denied}")
    access = resources["SiteAccess"]["Properties"]["OriginAccessControlConfig"]
    check((access["SigningBehavior"], access["SigningProtocol"]) == ("always", "sigv4"), "CloudFront does not sign its requests")


def check_firewall(name, given, resources):
    firewall = resources["Firewall"]["Properties"]
    check(firewall["Scope"] == "CLOUDFRONT" and firewall["DefaultAction"] == {"Allow": {}}, f"{name}: {firewall['Scope']}")
    names = list(edge_paths.rules(resources))
    check(names == ["logins", "requests", "reputation", "bad-inputs"], f"{name}: rules {names}")
    blocks = given.get("WafMode", "Block") == "Block"
    for rule in firewall["Rules"]:
        managed = rule["Statement"].get("ManagedRuleGroupStatement")
        if managed:
            check(rule["OverrideAction"] == ({"None": {}} if blocks else {"Count": {}}), f"{name}: {rule['OverrideAction']}")
            continue
        rate = rule["Statement"]["RateBasedStatement"]
        limit = {"logins": "LoginsPerFiveMinutes", "requests": "RequestsPerFiveMinutes"}[rule["Name"]]
        check(int(rate["Limit"]) == int(given.get(limit, edge["Parameters"][limit]["Default"])), f"{name}: {rate['Limit']}")
        check((rate["AggregateKeyType"], rate["EvaluationWindowSec"]) == ("IP", 300), f"{name}: {rate['AggregateKeyType']}")
        response = rule["Action"].get("Block", {}).get("CustomResponse", {})
        check(("Block" in rule["Action"]) == blocks and ("Count" in rule["Action"]) != blocks, f"{name}: {rule['Action']}")
        if blocks:
            [header] = response["ResponseHeaders"]
            check((response["ResponseCode"], header["Name"]) == (429, "retry-after"), f"{name}: {response}")
            check(response["CustomResponseBodyKey"] in firewall["CustomResponseBodies"], f"{name}: {response}")
    hidden = firewall["DataProtectionConfig"]["DataProtections"]
    fields = {key.lower() for one in hidden for key in one["Field"].get("FieldKeys", [one["Field"]["FieldType"]])}
    check(fields == {"authorization", "cookie", "query_string", "body"}, f"{name}: samples of requests hide {sorted(fields)}")
    check({one["Action"] for one in hidden} == {"SUBSTITUTION"}, f"{name}: samples of requests are hashed, not replaced")


def check_functions(resources):
    files = {path.name for path in pathlib.Path("edge").glob("*-request.js")}
    functions = {name: one["Properties"] for name, one in resources.items() if one["Type"] == "AWS::CloudFront::Function"}
    check({edge_paths.FUNCTIONS[name] for name in functions} == files, f"functions {sorted(functions)}, files {sorted(files)}")
    for name, function in functions.items():
        check(function["FunctionConfig"]["Runtime"] == "cloudfront-js-2.0", f"{name}: runtime")
        check(function["AutoPublish"], f"{name} is not published")
        check(len(function["FunctionCode"].encode()) <= 10 * 1024, f"{name} is longer than CloudFront takes")


def check_page():
    """docs/edge.md has the table of behaviors, and a command that CloudFormation and its command line accept."""
    page = pathlib.Path("docs/edge.md").read_text()
    lines = [line for line in page.splitlines() if line.startswith(("| `/", "| everything"))]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    resources = edge_template.resolve(edge, edge_template.REQUIRED)["Resources"]
    computed = list(edge_paths.table(resources["Distribution"]["Properties"]["DistributionConfig"]))
    for row in computed:
        check(row in rows, f"docs/edge.md lacks the row {' | '.join(row)}")
    check(rows == computed, "docs/edge.md has other rows, or in another order, than edge.yaml has behaviors")

    blocks = re.findall(r"^```sh\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    (lines,) = [block for block in blocks if "cloudformation deploy" in block]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment |= {"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    run = lambda script: subprocess.run(["bash", "-c", f"set -e\n{script}"], capture_output=True, text=True, check=False, env=environment)
    said = run(f"aws() {{ '{sys.executable}' -c '{SAY}' \"$@\"; }}\n{lines}")
    check(said.returncode == 0, f"docs/edge.md: {said.stderr}")
    arguments = json.loads(said.stdout.splitlines()[-1])
    overrides = arguments[arguments.index("--parameter-overrides") + 1 :]
    parameters = CfnParameterOverridesType().convert(tuple(overrides), None, None)
    region = arguments[arguments.index("--region") + 1]
    for refusal in sam_template.refusals(edge, parameters, region):
        check(False, f"docs/edge.md: {refusal}")
    ran = run(lines)
    said = ran.stdout + ran.stderr
    check("Unable to locate credentials" in said, f"docs/edge.md, deploy, does not come as far as to AWS:\n{said}")


edge, api = edge_template.load(), sam_template.load()
secret = edge["Parameters"]["OriginSecret"]
check(secret.get("NoEcho") is True and "Default" not in secret, "the origin secret is shown, or the same for everybody")
check(pathlib.Path("edge.yaml").stat().st_size <= 51200, "CloudFormation takes no longer template without a bucket for it")
for name, (given, region) in WRONG.items():
    check(sam_template.refusals(edge, edge_template.REQUIRED | given, region), f"{name} is accepted")

with tempfile.TemporaryDirectory() as folder:
    for name, chosen in edge_template.PARAMETER_SETS.items():
        given = edge_template.REQUIRED | chosen
        for refusal in sam_template.refusals(edge, given, edge_template.REGION):
            check(False, f"{name}: {refusal}")
        made = edge_template.resolve(edge, given)
        (pathlib.Path(folder) / f"{name}.json").write_text(json.dumps(made, indent=1))
        resources = made["Resources"]
        prefix = given.get("DropInPrefix", edge["Parameters"]["DropInPrefix"]["Default"])
        moved = copy.deepcopy(api)
        if prefix:
            path_prefix.with_prefix(moved, prefix)
        routes = [key for _, _, key in path_prefix.routes(moved)]
        problems += [f"{name}: {one}" for one in edge_paths.of_routes(resources, routes, bool(prefix))]
        problems += [f"{name}: {one}" for one in edge_paths.of_pages(resources, prefix)]
        output = made["Outputs"].get("OriginSecretHash", {}).get("Value")
        check(output == given.get("OriginSecretHash"), f"{name}: the output of the secret's hash is {output}")
        check(given["OriginSecret"] not in json.dumps(made["Outputs"]), f"{name}: an output tells the secret")
        check_firewall(name, given, resources)
        check_functions(resources)
        check_bucket(resources)
        check_distribution(name, given, resources)
    # W1030 takes the empty default of CertificateArn for what CloudFront gets; the resolved templates show what it does get.
    command = ["cfn-lint", "--regions", edge_template.REGION, "--ignore-checks", "W1030", "--"]
    linted = subprocess.run([*command, "edge.yaml", *pathlib.Path(folder).iterdir()], capture_output=True, text=True, check=False)
    check(linted.returncode == 0, f"cfn-lint:\n{linted.stdout}{linted.stderr}")

timeout = api["Globals"]["Function"]["Timeout"]
origins = edge["Resources"]["Distribution"]["Properties"]["DistributionConfig"]["Origins"]
(origin,) = [one for one in origins if one["Id"] == "api"]
waits = origin["CustomOriginConfig"]["OriginReadTimeout"]
check(waits > timeout, f"CloudFront waits {waits} s for functions that may take {timeout} s")
patience = int(re.search(r"timeoutMs = ([\d_]+)", pathlib.Path("web/src/api.ts").read_text())[1].replace("_", "")) / 1_000
connects = origin["ConnectionAttempts"] * origin["ConnectionTimeout"]
check(connects < patience, f"CloudFront tries to connect for {connects} s, and the client gives up after {patience} s")
check_page()

for problem in problems:
    print(f"edge.yaml: {problem}", file=sys.stderr)
sys.exit(1 if problems else 0)
