"""Classes of disagreement: where iam-simulate reads a policy otherwise than AWS's documentation says, or decides what the
documentation leaves open. DISAGREEMENTS.md says who is right.

A class words a case anew so that nothing of the class is left in it: as the documentation reads it, or in each way that
the documentation leaves open. What iam-simulate says of these wordings must be what weightseal says of the case itself,
so that no case belongs to a class for its looks alone.
"""

import copy
import datetime
import itertools
import re
import typing

from cases import CANONICAL, MEMBERS, THIRD, session_arn

VARIABLE = re.compile(r"\$\{([^}]*)\}")
NOBODY = f"arn:aws:iam::{THIRD}:role/nobody"
NOTHING = "arn:aws:s3:::nothing"


class Class(typing.NamedTuple):
    """`sites` finds what is of the class in a normal case; each of `readings` words one site of a copy anew."""

    sites: typing.Callable
    readings: list


# ---- Parts of a case


def listed(value):
    return value if isinstance(value, list) else [value]


def policies_of(case):
    return [policy for policy in (case["resource_policy"], *case["identity_policies"]) if policy]


def normal(case):
    """A copy with a list wherever a single value could stand."""
    case = copy.deepcopy(case)
    for policy in policies_of(case):
        policy["Statement"] = listed(policy["Statement"])
        for statement in policy["Statement"]:
            for name in ("Resource", "NotResource"):
                if name in statement:
                    statement[name] = listed(statement[name])
            for name in ("Principal", "NotPrincipal"):
                if isinstance(statement.get(name), dict):
                    statement[name] = {kind: listed(values) for kind, values in statement[name].items()}
            for keys in statement.get("Condition", {}).values():
                keys.update((key, listed(values)) for key, values in keys.items())
    return case


def statements(case):
    for p, policy in enumerate(policies_of(case)):
        for s, statement in enumerate(policy["Statement"]):
            yield (p, s), policy, statement


def statement_at(case, site):
    return policies_of(case)[site[0]]["Statement"][site[1]]


def conditions(case):
    for site, policy, statement in statements(case):
        for operator, keys in statement.get("Condition", {}).items():
            for key, values in keys.items():
                yield (*site, operator, key), policy, values


def values_at(case, site):
    return statement_at(case, site)["Condition"][site[2]][site[3]]


def context_value(case, key):
    """Of a condition key, in any case; None where it is absent."""
    return {name.lower(): value for name, value in case["context"].items()}.get(key.lower())


def base_of(operator):
    """StringLike of ForAllValues:StringLikeIfExists."""
    return operator.rpartition(":")[2].removesuffix("IfExists")


def is_in_2012(policy):
    return policy["Version"] == "2012-10-17"


# ---- Changes


def drop_condition(case, site):
    """It holds."""
    statement = statement_at(case, site)
    condition = statement["Condition"]
    del condition[site[2]][site[3]]
    if not condition[site[2]]:
        del condition[site[2]]
    if not condition:
        del statement["Condition"]


def fail_condition(case, site):
    """It does not hold."""
    drop_condition(case, site)
    statement = statement_at(case, site)
    statement.setdefault("Condition", {}).setdefault("Null", {})["aws:PrincipalTag/absent"] = ["false"]


def change_values(change):
    """A reading that changes each value of a condition; `change` makes one value or several of it."""
    def read(case, site):
        values = values_at(case, site)
        values[:] = itertools.chain.from_iterable(listed(change(case, site, value)) for value in values)
    return read


def sites_by_value(is_of_class):
    """Conditions with a value of the class."""
    return lambda case: [site for site, policy, values in conditions(case)
                         if any(is_of_class(case, policy, site, value) for value in values)]


# ---- Conditions


def is_set_if_exists(case):
    return [site for site, _, _ in conditions(case) if site[2].startswith("ForAnyValue:") and site[2].endswith("IfExists")
            and context_value(case, site[3]) is None]


def lacks_set_operator(count_is_good):
    def sites(case):
        return [site for site, _, _ in conditions(case) if ":" not in site[2] and base_of(site[2]) != "Null"
                and isinstance(context_value(case, site[3]), list) and count_is_good(len(context_value(case, site[3])))]
    return sites


def compare_one_of_set(case, site):
    values = values_at(case, site)
    drop_condition(case, site)
    condition = statement_at(case, site).setdefault("Condition", {})
    condition.setdefault("ForAnyValue:" + base_of(site[2]), {}).setdefault(site[3], []).extend(values)


def is_single_address(_case, _policy, site, value):
    return base_of(site[2]) in ("IpAddress", "NotIpAddress") and "/" not in value


def network_of_one(_case, _site, value):
    return value if "/" in value else f"{value}/{128 if ':' in value else 32}"


def is_other_notation(case, _policy, site, value):
    found = context_value(case, site[3])
    return base_of(site[2]).startswith("Date") and found is not None and value.isdigit() != found.isdigit()


def notation_of_request(case, site, value):
    if not is_other_notation(case, None, site, value):
        return value
    if value.isdigit():
        moment = datetime.datetime.fromtimestamp(int(value), datetime.timezone.utc)
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    return str(int(datetime.datetime.fromisoformat(value.replace("Z", "") + "+00:00" * ("T" in value)).replace(
        tzinfo=datetime.timezone.utc).timestamp()))


# ---- Variables


def takes_patterns(operator):
    return base_of(operator) in ("StringLike", "StringNotLike") or base_of(operator).startswith("Arn")


def has_value(case, name):
    key, _, fallback = name.partition(",")
    return bool(fallback) or name in "*?$" or context_value(case, key) is not None


def names_in(value):
    return VARIABLE.findall(value)


def is_old_variable(_case, policy, _site, value):
    return not is_in_2012(policy) and bool(names_in(value))


def literal_text(_case, _site, value):
    """Requests hold no text that looks like a variable."""
    return VARIABLE.sub("a-variable", value)


def is_unset_variable(case, policy, _site, value):
    return is_in_2012(policy) and not all(has_value(case, name) for name in names_in(value))


def unmatched(case, site, value):
    if all(has_value(case, name) for name in names_in(value)):
        return value
    return NOBODY if base_of(site[2]).startswith("Arn") else "nothing"


def is_special_character(_case, policy, site, value):
    return is_in_2012(policy) and not takes_patterns(site[2]) and any(name in "*?$" for name in names_in(value))


def plain_character(_case, _site, value):
    return VARIABLE.sub(lambda found: found[1] if found[1] in "*?$" else found[0], value)


def is_literal_wildcard(_case, policy, site, value):
    return is_in_2012(policy) and takes_patterns(site[2]) and any(name in "*?" for name in names_in(value))


def is_variable_within_arn(case, policy, site, value):
    return (is_in_2012(policy) and base_of(site[2]).startswith("Arn") and context_value(case, site[3]) is not None
            and any(":" in name for name in names_in(value)) and "${" in value.rpartition(":")[0].rpartition(":")[0]
            and all(has_value(case, name) for name in names_in(value)))


def substituted(case, _site, value):
    return VARIABLE.sub(lambda found: context_value(case, found[1]) or found[0], value)


# ---- Resources


def resource_sites(is_of_class):
    def sites(case):
        return [(*site, name) for site, policy, statement in statements(case) for name in ("Resource", "NotResource")
                if any(is_of_class(case, policy, value) for value in statement.get(name, []))]
    return sites


def change_resources(change):
    def read(case, site):
        statement = statement_at(case, site)
        statement[site[2]] = [change(case, value) for value in statement[site[2]]]
    return read


def is_short_arn(_case, _policy, value):
    return value.count(":") == 4 and value.startswith("arn:") and not value.endswith("*")


def long_arn(case, value):
    return value.replace(":*:", ":*:*:", 1) if is_short_arn(case, None, value) else value


# ---- Principals


def principal_sites(is_of_class):
    def sites(case):
        return [(*site, name) for site, _, statement in statements(case) for name in ("Principal", "NotPrincipal")
                if isinstance(statement.get(name), dict)
                and any(is_of_class(case, kind, value) for kind, values in statement[name].items() for value in values)]
    return sites


def change_principals(change):
    def read(case, site):
        statement, changed = statement_at(case, site), {}
        for kind, values in statement[site[2]].items():
            for value in values:
                new_kind, new_value = change(case, kind, value)
                if new_value not in changed.setdefault(new_kind, []):
                    changed[new_kind].append(new_value)
        statement[site[2]] = changed
    return read


def is_unique_id(_case, kind, value):
    return kind == "AWS" and value.startswith(("AROA", "AIDA"))


def member_of_id(case, kind, value):
    if not is_unique_id(case, kind, value):
        return kind, value
    return kind, next(member["arn"] for member in MEMBERS if member["unique_id"] == value)


def is_canonical(_case, kind, _value):
    return kind == "CanonicalUser"


def account_of_canonical(_case, kind, value):
    if kind != "CanonicalUser":
        return kind, value
    return "AWS", next(f"arn:aws:iam::{account}:root" for account, canonical in CANONICAL.items() if canonical == value)


def is_provider(case, kind, _value):
    return kind == "Federated" and case["caller"]["kind"] == "role"


def provider_is(arn_of):
    return change_principals(lambda case, kind, value: ("AWS", arn_of(case)) if kind == "Federated" else (kind, value))


def names_a_part(case):
    """NotPrincipals that list something of the caller, but not account, member and session."""
    caller, found = case["caller"], []
    if caller["kind"] not in ("role", "user"):
        return []
    wanted = {caller["arn"], session_arn(caller), f"arn:aws:iam::{caller['account']}:root"}
    for site, _, statement in statements(case):
        if "NotPrincipal" in statement:
            listed_of_caller = wanted & set(statement["NotPrincipal"]["AWS"])
            if listed_of_caller and listed_of_caller != wanted:
                found.append(site)
    return found


def about(principal):
    def read(case, site):
        statement = statement_at(case, site)
        del statement["NotPrincipal"]
        statement["Principal"] = principal
    return read


# ---- Public policies

FIXING = {"aws:sourceip", "aws:sourcearn", "aws:sourcevpce", "aws:userid", "aws:principalorgid"}
ARGUABLY_FIXING = {"aws:principalorgpaths", "aws:principalarn", "aws:principalaccount"}
REQUIRING = {"StringEquals", "StringEqualsIgnoreCase", "StringLike", "ArnEquals", "ArnLike", "IpAddress"}


class Requirement(typing.NamedTuple):
    """Of a condition that requires a value of a key that can make a policy non-public."""

    operator: str
    key: str
    value: str


def public_sites(is_of_class):
    """Statements that allow everyone something, in policies for which it counts whether they are public."""
    return lambda case: [site for site, policy, statement in statements(case) if site[0] == 0 and case["resource_policy"]
                         and case["restrict_public_buckets"] and statement["Effect"] == "Allow"
                         and statement["Principal"] in ("*", {"AWS": ["*"]}) and is_of_class(policy, requirements_of(statement))]


def requirements_of(statement):
    return [Requirement(operator.removeprefix("ForAnyValue:"), key.lower(), value)
            for operator, keys in statement.get("Condition", {}).items()
            if operator.removeprefix("ForAnyValue:") in REQUIRING
            for key, values in keys.items() if key.lower() in FIXING | ARGUABLY_FIXING for value in values]


def has_variables_alone(policy, found):
    return is_in_2012(policy) and bool(found) and all("${" in one.value for one in found)


def is_fixed_pattern(_policy, found):
    """A pattern without wildcards is a fixed value."""
    pairs = {("ArnLike", "aws:sourcearn"), ("StringLike", "aws:userid")}
    return bool(found) and all((one.operator, one.key) in pairs and not set("*?$") & set(one.value) for one in found)


def is_arguable(_policy, found):
    return bool(found) and all(one.key in ARGUABLY_FIXING and "${" not in one.value for one in found)


def make_public(case, _site):
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetBucketAcl", "Resource": ["*"]}
    case["resource_policy"]["Statement"].append(statement)


def make_non_public(case, site):
    """By a condition that the documentation's list has, and that holds."""
    condition = statement_at(case, site).setdefault("Condition", {})
    condition.setdefault("StringEquals", {})["aws:SourceAccount"] = [case["owner"]]
    case["context"]["aws:SourceAccount"] = case["owner"]


# ---- Decisions


def is_owners_root_at_policy(case):
    is_root = case["caller"]["kind"] == "root" and case["caller"]["account"] == case["owner"]
    return [()] if is_root and case["action"] == "s3:PutBucketPolicy" and case["resource_policy"] else []


def without_resource_policy(case, _site):
    case["resource_policy"] = None


CLASSES = {
    "set-if-exists": Class(is_set_if_exists, [drop_condition, fail_condition]),
    "one-of-set": Class(lacks_set_operator(lambda count: count == 1), [compare_one_of_set]),
    "several-of-set": Class(lacks_set_operator(lambda count: count > 1), [drop_condition, fail_condition]),
    "whole-internet": Class(sites_by_value(lambda _case, _policy, _site, value: value == "0.0.0.0/0"),
                            [change_values(lambda _case, _site, value: ["0.0.0.0/1", "128.0.0.0/1"]
                                           if value == "0.0.0.0/0" else value)]),
    "single-address": Class(sites_by_value(is_single_address), [change_values(network_of_one)]),
    "date-notation": Class(sites_by_value(is_other_notation), [change_values(notation_of_request)]),
    "old-version": Class(sites_by_value(is_old_variable), [change_values(literal_text)]),
    "old-version-resource": Class(
        resource_sites(lambda _case, policy, value: not is_in_2012(policy) and bool(names_in(value))),
        [change_resources(lambda _case, value: VARIABLE.sub("a-variable", value))]),
    "unset-variable": Class(sites_by_value(is_unset_variable), [change_values(unmatched)]),
    "unset-variable-resource": Class(
        resource_sites(lambda case, policy, value: is_in_2012(policy) and not all(map(lambda n: has_value(case, n), names_in(value)))),
        [change_resources(lambda case, value: value if all(has_value(case, name) for name in names_in(value)) else NOTHING)]),
    "special-character": Class(sites_by_value(is_special_character), [change_values(plain_character)]),
    "literal-wildcard": Class(sites_by_value(is_literal_wildcard), [
        change_values(lambda _case, _site, value: "*" if set(names_in(value)) & set("*?") else value),
        change_values(lambda _case, _site, value: "nothing" if set(names_in(value)) & set("*?") else value)]),
    "variable-within-arn": Class(sites_by_value(is_variable_within_arn), [change_values(substituted)]),
    "short-arn": Class(resource_sites(is_short_arn), [change_resources(long_arn)]),
    "unique-id": Class(principal_sites(is_unique_id), [change_principals(member_of_id)]),
    "canonical-user": Class(principal_sites(is_canonical), [change_principals(account_of_canonical)]),
    "provider": Class(principal_sites(is_provider), [provider_is(lambda case: case["caller"]["arn"]),
                                                     provider_is(lambda case: NOBODY)]),
    "not-principal": Class(names_a_part, [about("*"), about({"AWS": [NOBODY]})]),
    "public-variable": Class(public_sites(has_variables_alone), [make_public]),
    "public-pattern": Class(public_sites(is_fixed_pattern), [make_non_public]),
    "public-principal": Class(public_sites(is_arguable), [make_public, make_non_public]),
    "owners-root": Class(is_owners_root_at_policy, [without_resource_policy]),
}


def wordings(case, names):
    """Of a normal case, all that the readings of these classes make of it."""
    cases = [case]
    for name in names:
        cases = [worded for one in cases for worded in worded_by(CLASSES[name], one)]
    return cases


def worded_by(cls, case):
    cases = [case]
    for site in cls.sites(case):
        cases = [changed(one, site, reading) for one in cases for reading in cls.readings]
    return cases


def changed(case, site, reading):
    case = copy.deepcopy(case)
    reading(case, site)
    return case
