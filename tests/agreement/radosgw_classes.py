"""Classes of disagreement with radosgw 16.2: where it does otherwise than AWS documents. DISAGREEMENTS.md says so of each.

A class words a question (see cases.py) anew as radosgw reads it. What weightseal says of that must be what radosgw
said of the question itself, so that nothing belongs to a class for its looks alone.
"""

import copy
import fnmatch
import re

NEGATED = {
    "StringNotEquals", "StringNotEqualsIgnoreCase", "StringNotLike", "NumericNotEquals", "DateNotEquals", "NotIpAddress",
}
WITHOUT_COUNTERPART = "aws:PrincipalTag/none"  # a key that no request here has


def listed(value):
    return value if isinstance(value, list) else [value]


def statements(question):
    return question["resource_policy"]["Statement"]


def conditions(question):
    """Statement, operator, key and values of each."""
    return [
        (statement, operator, key, listed(values))
        for statement in statements(question)
        for operator, keys in statement.get("Condition", {}).items()
        for key, values in keys.items()
    ]


def put(statement, old, new):
    """In the place of a condition another one: operator, key, values."""
    del statement["Condition"][old[0]][old[1]]
    statement["Condition"].setdefault(new[0], {})[new[1]] = new[2]
    statement["Condition"] = {operator: keys for operator, keys in statement["Condition"].items() if keys}


def value_of(question, key):
    """What the request has for a condition's key; None if nothing."""
    caller, context = question["caller"], question["context"]
    of_caller = {}
    if caller["kind"] == "user":
        of_caller = {"aws:username": caller["arn"].rpartition("/")[2], "aws:PrincipalArn": caller["arn"]}
        of_caller["aws:PrincipalType"] = "User"
    known = {name.lower(): value for name, value in {**of_caller, **context}.items()}
    return known.get(key.lower())


def base(operator):
    return operator.rpartition(":")[2].removesuffix("IfExists")


# ---- The request


def plain_http(question):
    """aws:SecureTransport is there for HTTPS alone."""
    if question["context"]["aws:SecureTransport"] == "false":
        question["context"]["aws:SecureTransport"] = None


def anonymous_user(question):
    """Nobody in particular is a user called anonymous."""
    if question["caller"]["kind"] == "anonymous":
        question["context"] |= {"aws:username": "anonymous", "aws:PrincipalType": "User"}


def no_principal_arn(question):
    """aws:PrincipalArn is not known."""
    question["context"]["aws:PrincipalArn"] = None


def default_max_keys(question):
    """A request for a list that does not say how long has s3:max-keys all the same."""
    if question["action"] == "s3:ListBucket" and question["context"]["s3:max-keys"] is None:
        question["context"]["s3:max-keys"] = "1000"


# ---- Conditions


def case_of_keys(question):
    """Keys in other cases are other keys."""
    for statement, operator, key, values in conditions(question):
        if key != key.swapcase() and key[:3] in ("AWS", "S3:"):
            put(statement, (operator, key), (operator, WITHOUT_COUNTERPART, values))


def null_is_true(question):
    """Null asks whether a key is absent, also where it has the value "false"."""
    for statement, operator, key, _ in conditions(question):
        if operator == "Null":
            put(statement, (operator, key), (operator, key, "true"))


def absent_and_negated(question):
    """A negated operator does not hold for an absent key."""
    for statement, operator, key, values in conditions(question):
        if operator in NEGATED and value_of(question, key) is None:
            put(statement, (operator, key), (operator.replace("Not", ""), key, values))


def negated_list(question):
    """A negated operator holds if one of its values differs: as if there were a statement for each."""
    for statement, operator, key, values in conditions(question):
        if base(operator) in NEGATED - {"NotIpAddress"} and len(values) > 1:
            for value in values[1:]:
                other = copy.deepcopy(statement)
                put(other, (operator, key), (operator, key, value))
                statements(question).append(other)
            put(statement, (operator, key), (operator, key, values[0]))


def first_place(question):
    """A * ends at the first character that is the one after it, also where the rest is found further on."""
    for statement, operator, key, values in conditions(question):
        text = value_of(question, key)
        if base(operator) in ("StringLike", "StringNotLike") and text is not None:
            found = [pattern for pattern in values if fnmatch.fnmatchcase(text, pattern)]
            missed = [pattern for pattern in found if not ends_first(pattern, text)]
            put(statement, (operator, key), (operator, key, ["nothing" if one in missed else one for one in values]))


def ends_first(pattern, text):
    """Patterns here have no ?, and no two * side by side."""
    first, *others = pattern.split("*")
    expression = re.escape(first)
    for part in others:
        expression += f"[^{re.escape(part[0])}]*{re.escape(part)}" if part else ".*"
    return re.fullmatch(expression, text) is not None


# ---- Statements


def not_action(question):
    """A statement with NotAction is for no action."""
    question["resource_policy"]["Statement"] = [
        statement for statement in statements(question) if "NotAction" not in statement
    ]


def account_is_its_users(question):
    """To allow an account is to allow each of its users, whatever their own policies."""
    caller = question["caller"]
    for statement in statements(question):
        if statement["Effect"] == "Allow" and isinstance(statement.get("Principal"), dict):
            names = statement["Principal"]["AWS"]
            accounts = {caller.get("account"), f"arn:aws:iam::{caller.get('account')}:root"}
            names = [caller["arn"] if name in accounts else name for name in listed(names)]
            statement["Principal"] = {"AWS": sorted(set(names))}


def not_principal(question):
    """A user is spared without the user's account."""
    for statement in statements(question):
        if "NotPrincipal" in statement:
            names = statement.pop("NotPrincipal")["AWS"]
            is_spared = question["caller"].get("arn") in listed(names)
            nobody = {"AWS": "arn:aws:iam::777788889999:user/nobody"}
            statement["Principal"] = nobody if is_spared else "*"


# In the order in which they are applied.
CLASSES = {
    function.__name__.replace("_", "-"): function
    for function in (
        plain_http, anonymous_user, no_principal_arn, default_max_keys, case_of_keys, null_is_true, first_place,
        negated_list, absent_and_negated, not_action, account_is_its_users, not_principal,
    )
}


def worded(question, names):
    """The question as radosgw reads it in what these classes are about."""
    question = copy.deepcopy(question)
    for name, change in CLASSES.items():
        if name in names:
            change(question)
    return question
