"""Classes of disagreement: where iam-simulate reads a policy otherwise than AWS's documentation says, or one of both
programs decides what the documentation leaves open. DISAGREEMENTS.md says who is right.

A class words a case anew so that nothing of the class is left in it: as the documentation reads it, or in each way that
the documentation leaves open. What iam-simulate says of these wordings must be what weightseal says of the case itself,
so that no case belongs to a class for its looks alone.
"""

import datetime
import typing

from cases import CANONICAL, MEMBERS, THIRD, session_arn
from parts import (
    VARIABLE, add_condition, base_of, change_principals, change_resources, change_values, changed, conditions,
    context_value, drop_condition, fail_condition, has_variables, names_in, statement_at, statements,
)

NOBODY = f"arn:aws:iam::{THIRD}:role/nobody"
NOTHING = "arn:aws:s3:::nothing"


class Class(typing.NamedTuple):
    """`sites` finds what is of the class in a normal case; each of `readings` changes one site of it."""

    sites: typing.Callable
    readings: list


def wordings(case, names):
    """Of a normal case, all that the readings of these classes make of it."""
    cases = [case]
    for name in names:
        cases = [wording for one in cases for wording in wordings_of_class(one, CLASSES[name])]
    return cases


def wordings_of_class(case, cls):
    cases = [case]
    for site in cls.sites(case):
        cases = [changed(one, site, reading) for one in cases for reading in cls.readings]
    return cases


# ---- Conditions


def by_condition(is_of_class):
    return lambda case: [site for site, _, _ in conditions(case) if is_of_class(case, site)]


def by_value(is_of_class):
    """Conditions with a value of the class."""
    return lambda case: [site for site, policy, values in conditions(case)
                         if any(is_of_class(case, policy, site, value) for value in values)]


def is_set_if_exists(case, site):
    is_of_form = site.name.startswith("ForAnyValue:") and site.name.endswith("IfExists")
    return is_of_form and context_value(case, site.key) is None


def lacks_set_operator(case, site):
    found = context_value(case, site.key)
    return isinstance(found, list) and ":" not in site.name and site.name != "Null"


def is_one_of_set(case, site):
    return lacks_set_operator(case, site) and len(context_value(case, site.key)) == 1


def is_several_of_set(case, site):
    return lacks_set_operator(case, site) and len(context_value(case, site.key)) > 1


def compare_one(case, site):
    values = statement_at(case, site)["Condition"][site.name][site.key]
    drop_condition(case, site)
    add_condition(case, site, "ForAnyValue:" + base_of(site.name), site.key, values)


def is_whole_internet(_case, _policy, _site, value):
    return value == "0.0.0.0/0"


def halves(_case, _site, value):
    return ["0.0.0.0/1", "128.0.0.0/1"] if value == "0.0.0.0/0" else value


def is_single_address(_case, _policy, site, value):
    return base_of(site.name) in ("IpAddress", "NotIpAddress") and "/" not in value


def network_of_one(_case, _site, value):
    return value if "/" in value else f"{value}/{128 if ':' in value else 32}"


def is_other_notation(case, _policy, site, value):
    found = context_value(case, site.key)
    return base_of(site.name).startswith("Date") and found is not None and value.isdigit() != found.isdigit()


def notation_of_request(case, site, value):
    if value.isdigit() == context_value(case, site.key).isdigit():
        return value
    if value.isdigit():
        moment = datetime.datetime.fromtimestamp(int(value), datetime.timezone.utc)
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    moment = datetime.datetime.fromisoformat(value.removesuffix("Z")).replace(tzinfo=datetime.timezone.utc)
    return str(int(moment.timestamp()))


# ---- Variables


def takes_patterns(operator):
    return base_of(operator) in ("StringLike", "StringNotLike") or base_of(operator).startswith("Arn")


def is_set(case, name):
    """Whether a variable has a value."""
    key, _, fallback = name.partition(",")
    return bool(fallback) or name in "*?$" or context_value(case, key) is not None


def are_set(case, value):
    return all(is_set(case, name) for name in names_in(value))


def is_old_variable(_case, policy, _site, value):
    return not has_variables(policy) and bool(names_in(value))


def plain_text(value):
    """Requests hold no text that looks like a variable."""
    return VARIABLE.sub("a-variable", value)


def is_unset_variable(case, policy, _site, value):
    return has_variables(policy) and not are_set(case, value)


def unmatched_if_unset(case, site, value):
    if are_set(case, value):
        return value
    return NOBODY if base_of(site.name).startswith("Arn") else "nothing"


def is_special_character(_case, policy, site, value):
    return has_variables(policy) and not takes_patterns(site.name) and any(name in "*?$" for name in names_in(value))


def as_character(_case, _site, value):
    return VARIABLE.sub(lambda found: found[1] if found[1] in "*?$" else found[0], value)


def has_literal_wildcard(value):
    return any(name in "*?" for name in names_in(value))


def is_literal_wildcard(_case, policy, site, value):
    return has_variables(policy) and takes_patterns(site.name) and has_literal_wildcard(value)


def literal_wildcards_as(text):
    return change_values(lambda _case, _site, value: text if has_literal_wildcard(value) else value)


def is_variable_within_arn(case, policy, site, value):
    """In a part of the ARN other than the last, so that the colon of the variable counts as one of the ARN's."""
    first, last = value.find("${"), value.rfind(":", 0, value.find("/"))
    is_within = base_of(site.name).startswith("Arn") and -1 < first < last
    return has_variables(policy) and is_within and are_set(case, value)


def substituted(case, _site, value):
    return VARIABLE.sub(lambda found: context_value(case, found[1]) or found[0], value)


# ---- Resources


def by_resource(is_of_class):
    """Elements with a resource of the class."""
    return lambda case: [site._replace(name=name) for site, policy, statement in statements(case)
                         for name in ("Resource", "NotResource")
                         if any(is_of_class(case, policy, value) for value in statement.get(name, []))]


def is_old_variable_resource(_case, policy, value):
    return not has_variables(policy) and bool(names_in(value))


def is_unset_variable_resource(case, policy, value):
    return has_variables(policy) and not are_set(case, value)


def is_short_arn(_case, _policy, value):
    return value.startswith("arn:aws:kms:*:key/")


# ---- Principals


def by_principal(is_of_class):
    """Elements with a principal of the class."""
    return lambda case: [site._replace(name="Principal") for site, _, statement in statements(case)
                         if isinstance(statement.get("Principal"), dict)
                         and any(is_of_class(case, kind, value)
                                 for kind, values in statement["Principal"].items() for value in values)]


def is_unique_id(_case, kind, value):
    return kind == "AWS" and value.startswith(("AROA", "AIDA"))


def arn_of_id(case, kind, value):
    if not is_unique_id(case, kind, value):
        return kind, value
    return kind, next(member["arn"] for member in MEMBERS if member["unique_id"] == value)


def is_canonical_user(_case, kind, _value):
    return kind == "CanonicalUser"


def account_of_canonical_user(_case, kind, value):
    if kind != "CanonicalUser":
        return kind, value
    return "AWS", next(f"arn:aws:iam::{account}:root" for account, canonical in CANONICAL.items() if canonical == value)


def is_provider(case, kind, _value):
    return kind == "Federated" and case["caller"]["kind"] == "role"


def provider_is(arn_of):
    return change_principals(lambda case, kind, value: ("AWS", arn_of(case)) if kind == "Federated" else (kind, value))


def lists_a_part(case):
    """NotPrincipals that list something of the caller, but not account, member and session."""
    caller = case["caller"]
    if caller["kind"] not in ("role", "user"):
        return []
    whole = {caller["arn"], session_arn(caller), f"arn:aws:iam::{caller['account']}:root"}
    return [site for site, _, statement in statements(case) if "NotPrincipal" in statement
            and len(whole & set(statement["NotPrincipal"]["AWS"])) in range(1, len(whole))]


def is_about(principal):
    def change(case, site):
        statement = statement_at(case, site)
        del statement["NotPrincipal"]
        statement["Principal"] = principal
    return change


# ---- Public policies

FIXING = {"aws:sourceip", "aws:sourcearn", "aws:sourcevpce", "aws:userid", "aws:principalorgid"}
ARGUABLY_FIXING = {"aws:principalorgpaths", "aws:principalarn", "aws:principalaccount"}
REQUIRING = {"StringEquals", "StringEqualsIgnoreCase", "StringLike", "ArnEquals", "ArnLike", "IpAddress"}


class Requirement(typing.NamedTuple):
    """A condition that requires a value of a key that can make a policy non-public."""

    operator: str
    key: str
    value: str


def requirements_of(statement):
    return [Requirement(operator.removeprefix("ForAnyValue:"), key.lower(), value)
            for operator, keys in statement.get("Condition", {}).items()
            if operator.removeprefix("ForAnyValue:") in REQUIRING
            for key, values in keys.items() if key.lower() in FIXING | ARGUABLY_FIXING for value in values]


def by_public_statement(is_of_class):
    """Statements that allow everyone something under requirements of the class alone, where it counts whether the
    policy is public."""
    def sites(case):
        if not case["restrict_public_buckets"] or not case["resource_policy"]:
            return []
        found = [(site, policy, requirements_of(statement)) for site, policy, statement in statements(case)
                 if site.policy == 0 and statement["Effect"] == "Allow"
                 and statement["Principal"] in ("*", {"AWS": ["*"]})]
        return [site for site, policy, requirements in found
                if requirements and all(is_of_class(policy, one) for one in requirements)]
    return sites


def is_fixed(policy, requirement):
    """Of a user id what stands before the colon must be fixed."""
    text = requirement.value.partition(":")[0] if requirement.key == "aws:userid" else requirement.value
    return not set("*?") & set(text) and not (has_variables(policy) and "${" in text)


def is_unfixed(policy, requirement):
    return requirement.key != "aws:sourceip" and not is_fixed(policy, requirement)


def is_fixed_pattern(policy, requirement):
    forms = {("ArnLike", "aws:sourcearn"), ("StringLike", "aws:userid")}
    return is_fixed(policy, requirement) and (requirement.operator, requirement.key) in forms


def is_fixed_principal(policy, requirement):
    return is_fixed(policy, requirement) and requirement.key in ARGUABLY_FIXING


def make_public(case, _site):
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetBucketAcl", "Resource": ["*"]}
    case["resource_policy"]["Statement"].append(statement)


def make_non_public(case, site):
    """By a condition that the documentation's list has, and that holds."""
    add_condition(case, site, "StringEquals", "aws:SourceAccount", [case["owner"]])
    case["context"]["aws:SourceAccount"] = case["owner"]


# ---- Decisions


def owners_root_at_policy(case):
    is_root = case["caller"]["kind"] == "root" and case["caller"]["account"] == case["owner"]
    return [None] if is_root and case["action"] == "s3:PutBucketPolicy" and case["resource_policy"] else []


def drop_resource_policy(case, _site):
    case["resource_policy"] = None


# In the order in which they word a case anew.
CLASSES = {
    # First, for they look at variables as they are written.
    "public-unfixed": Class(by_public_statement(is_unfixed), [make_public]),
    "public-pattern": Class(by_public_statement(is_fixed_pattern), [make_non_public]),
    "public-principal": Class(by_public_statement(is_fixed_principal), [make_public, make_non_public]),
    "set-if-exists": Class(by_condition(is_set_if_exists), [drop_condition, fail_condition]),
    "one-of-set": Class(by_condition(is_one_of_set), [compare_one]),
    "several-of-set": Class(by_condition(is_several_of_set), [drop_condition, fail_condition]),
    "whole-internet": Class(by_value(is_whole_internet), [change_values(halves)]),
    "single-address": Class(by_value(is_single_address), [change_values(network_of_one)]),
    "date-notation": Class(by_value(is_other_notation), [change_values(notation_of_request)]),
    "old-version": Class(by_value(is_old_variable), [change_values(lambda _case, _site, value: plain_text(value))]),
    "old-version-resource": Class(
        by_resource(is_old_variable_resource), [change_resources(lambda _case, value: plain_text(value))]),
    "unset-variable": Class(by_value(is_unset_variable), [change_values(unmatched_if_unset)]),
    "unset-variable-resource": Class(
        by_resource(is_unset_variable_resource),
        [change_resources(lambda case, value: value if are_set(case, value) else NOTHING)]),
    "special-character": Class(by_value(is_special_character), [change_values(as_character)]),
    "literal-wildcard": Class(
        by_value(is_literal_wildcard), [literal_wildcards_as("*"), literal_wildcards_as("nothing")]),
    "variable-within-arn": Class(by_value(is_variable_within_arn), [change_values(substituted)]),
    "short-arn": Class(
        by_resource(is_short_arn), [change_resources(lambda _case, value: value.replace(":*:key/", ":*:*:key/"))]),
    "unique-id": Class(by_principal(is_unique_id), [change_principals(arn_of_id)]),
    "canonical-user": Class(by_principal(is_canonical_user), [change_principals(account_of_canonical_user)]),
    "provider": Class(
        by_principal(is_provider),
        [provider_is(lambda case: case["caller"]["arn"]), provider_is(lambda _case: NOBODY)]),
    "not-principal": Class(lists_a_part, [is_about("*"), is_about({"AWS": [NOBODY]})]),
    "owners-root": Class(owners_root_at_policy, [drop_resource_policy]),
}
