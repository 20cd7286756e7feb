"""Parts of a case: its statements and conditions, where they are, and how they are changed."""

import copy
import itertools
import re
import typing

VARIABLE = re.compile(r"\$\{([^}]*)\}")


class Site(typing.NamedTuple):
    """A place in a case: a statement, an element of it or an operator, and a key under the operator."""

    policy: int = 0  # 0 is the resource policy, where there is one
    statement: int = 0
    name: str = ""
    key: str = ""


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


def has_variables(policy):
    """Whether what looks like a variable is one."""
    return policy["Version"] == "2012-10-17"


def names_in(text):
    """Of what looks like variables."""
    return VARIABLE.findall(text)


# ---- What there is


def statements(case):
    for p, policy in enumerate(policies_of(case)):
        for s, statement in enumerate(policy["Statement"]):
            yield Site(p, s), policy, statement


def conditions(case):
    for site, policy, statement in statements(case):
        for operator, keys in statement.get("Condition", {}).items():
            for key, values in keys.items():
                yield site._replace(name=operator, key=key), policy, values


def statement_at(case, site):
    return policies_of(case)[site.policy]["Statement"][site.statement]


def context_value(case, key):
    """Of a condition key, in any case; None where it is absent."""
    return {name.lower(): value for name, value in case["context"].items()}.get(key.lower())


def base_of(operator):
    """StringLike of ForAllValues:StringLikeIfExists."""
    return operator.rpartition(":")[2].removesuffix("IfExists")


# ---- Changes


def changed(case, site, change):
    case = copy.deepcopy(case)
    change(case, site)
    return case


def add_condition(case, site, operator, key, values):
    condition = statement_at(case, site).setdefault("Condition", {})
    condition.setdefault(operator, {}).setdefault(key, []).extend(values)


def drop_condition(case, site):
    """It holds."""
    statement = statement_at(case, site)
    condition = statement["Condition"]
    del condition[site.name][site.key]
    if not condition[site.name]:
        del condition[site.name]
    if not condition:
        del statement["Condition"]


def fail_condition(case, site):
    """It does not hold."""
    drop_condition(case, site)
    add_condition(case, site, "Null", "aws:PrincipalTag/absent", ["false"])


def change_values(change):
    """Changes each value of a condition; `change` makes one value of it, or several."""
    def change_all(case, site):
        values = statement_at(case, site)["Condition"][site.name][site.key]
        values[:] = itertools.chain.from_iterable(listed(change(case, site, value)) for value in values)
    return change_all


def change_resources(change):
    def change_all(case, site):
        statement = statement_at(case, site)
        statement[site.name] = [change(case, value) for value in statement[site.name]]
    return change_all


def change_principals(change):
    """Changes the kind and value of each principal."""
    def change_all(case, site):
        statement, found = statement_at(case, site), {}
        for kind, values in statement[site.name].items():
            for value in values:
                new_kind, new_value = change(case, kind, value)
                if new_value not in found.setdefault(new_kind, []):
                    found[new_kind].append(new_value)
        statement[site.name] = found
    return change_all
