"""That a deployment reaches users, and can be moved back: the alias `live` of each function with routes, the versions behind it, and the
alarms that CodeDeploy watches."""

import sam_template

WATCHED = ["FunctionErrorsAlarm", "UnavailableAlarm"]
STOPS = {"DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"}
# Of parameters that are texts of any kind.
OTHER_TEXTS = {
    "AllowHeaders": "authorization,content-type", "Audience": "another", "Issuer": "https://auth.example.com", "KakaoAppId": "2",
    "KakaoRestApiKey": "1" * 32, "RedirectUris": "https://m.example.com/callback", "AllowedOrigins": "https://m.example.com",
    "Credentials": "access_token,code",
}


def of_functions(resources, kind, member):
    """Resources of a kind, by the function that they are of."""
    found = {}
    for name, made in resources.items():
        if made["Type"] == kind:
            found.setdefault(made["Properties"][member]["Ref"], []).append(name)
    return found


def problems(source, resources):
    functions = {name: made["Properties"] for name, made in source["Resources"].items() if made["Type"] == "AWS::Serverless::Function"}
    with_routes = {name for name, made in functions.items() if any(event["Type"] == "HttpApi" for event in made.get("Events", {}).values())}
    aliases = of_functions(resources, "AWS::Lambda::Alias", "FunctionName")
    versions = of_functions(resources, "AWS::Lambda::Version", "FunctionName")
    # The others are invoked by name, by schedules, operators and Lambda: one version is enough, and an operator's command must meet it.
    if aliases.keys() != with_routes or versions.keys() != with_routes:
        yield f"aliases of {sorted(aliases)} and versions of {sorted(versions)}, and routes of {sorted(with_routes)}"
        return
    for name in sorted(with_routes):
        [alias], [version] = aliases[name], versions[name]
        made = resources[alias]
        if alias != f"{name}Aliaslive" or made["Properties"]["Name"] != "live":
            yield f"{name} publishes {made['Properties']['Name']}, and not live"
        if made["Properties"]["FunctionVersion"] != {"Fn::GetAtt": [version, "Version"]}:
            yield f"{alias} is not the version that is deployed"
        if "UpdatePolicy" not in made:
            yield f"{name}: all requests move at once, and nothing moves them back"
            continue
        group = resources[made["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]["DeploymentGroupName"]["Ref"]]["Properties"]
        alarms, rollback = group["AlarmConfiguration"], group["AutoRollbackConfiguration"]
        if alarms != {"Enabled": True, "Alarms": [{"Name": {"Ref": alarm}} for alarm in WATCHED]}:
            yield f"the deployment of {name} watches {alarms}"
        if not rollback["Enabled"] or set(rollback["Events"]) != STOPS:
            yield f"the deployment of {name} is moved back by {rollback}"
    for name, made in resources.items():
        if made["Type"] != "AWS::Lambda::Permission" or made["Properties"]["Principal"] != "apigateway.amazonaws.com":
            continue
        called = made["Properties"]["FunctionName"].get("Ref", "")
        if called.removesuffix("Aliaslive") not in with_routes or not called.endswith("Aliaslive"):
            yield f"{name}: API Gateway may call {made['Properties']['FunctionName']}, and not an alias"
        if "SourceArn" not in made["Properties"]:
            yield f"{name}: any API may call it"


def other_values(source):
    """For every parameter but Release a value that is not its default."""
    found = {}
    for name, declared in source["Parameters"].items():
        default = str(declared.get("Default", sam_template.REQUIRED.get(name)))
        offered = [str(value) for value in declared.get("AllowedValues", [])]
        if declared["Type"] == "Number" and not offered:
            offered = [str(int(default) + 1)]
        offered += [chosen[name] for chosen in sam_template.PARAMETER_SETS.values() if name in chosen]
        offered += [OTHER_TEXTS[name]] if name in OTHER_TEXTS else []
        found[name] = next((value for value in offered if value != default), None)
    return found


def release_problems(source):
    """SAM names a version by the function's text, in which a parameter has the same name whatever its value. So `Release` alone decides:
    `make deploy` has all values in it."""
    versions = lambda given: of_functions(sam_template.translate(source, given)["Resources"], "AWS::Lambda::Version", "FunctionName")
    others = other_values(source)
    unknown = sorted(name for name, value in others.items() if value is None)
    if unknown:
        yield f"tests/contract/aliases.py knows no other value of {unknown}"
        return
    release = others.pop("Release")
    refused = sam_template.refusals(source, others)
    if refused:
        yield f"other values of all parameters are refused: {refused}"
    before, same, after = versions(sam_template.REQUIRED), versions(others), versions(others | {"Release": release})
    for name in before:
        if same[name] != before[name]:
            yield f"{name}: the same Release makes another version, so a deployment of nothing is a deployment"
        if after[name] == before[name]:
            yield f"{name}: another Release makes no other version, so changed parameters do not reach users"
