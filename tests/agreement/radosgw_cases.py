"""Cases for comparing with radosgw: bucket policies of what it knows, and requests that can really be sent.

A tenant of radosgw is an account here. What it does not have is left out: roles, sessions, services, VPC endpoints, and
actions, operators and variables that it refuses.
"""

import typing

from cases import OTHER, OWNER, Generator

BUCKET = "agreement"
ARN = f"arn:aws:s3:::{BUCKET}"
EVERYTHING = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
BOBS = [
    {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"{ARN}/models/*"},
    {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"},
    {"Effect": "Deny", "Action": "s3:DeleteObject", "Resource": "*"},
]


class Member(typing.NamedTuple):
    """A user, and the statements of the user's identity policy. radosgw asks for none where the bucket is another
    account's, so that there it is one that allows everything; and what the bucket's owner may is in no policy."""

    account: str
    statements: list


MEMBERS = {
    "owner": Member(OWNER, [EVERYTHING]),
    "alice": Member(OWNER, []),
    "bob": Member(OWNER, BOBS),
    "carol": Member(OTHER, [EVERYTHING]),
}
ANONYMOUS = "anonymous"

# Of an action: method, subresource, and patterns that match it.
ACTIONS = {
    "s3:GetObject": ("GET", "", ["s3:*", "s3:Get*", "s3:GetObject", "s3:getobject", "s3:Get?bject", "*"]),
    "s3:PutObject": ("PUT", "", ["s3:*", "s3:Put*", "s3:PutObject", "s3:*Object", "*"]),
    "s3:DeleteObject": ("DELETE", "", ["s3:*", "s3:Delete*", "s3:DeleteObject", "*"]),
    "s3:GetObjectAcl": ("GET", "acl", ["s3:*", "s3:GetObject*", "s3:GetObjectAcl", "*"]),
    "s3:GetObjectTagging": ("GET", "tagging", ["s3:*", "s3:Get*", "s3:GetObjectTagging"]),
    "s3:ListBucket": ("GET", "", ["s3:*", "s3:List*", "s3:ListBucket", "S3:ListBucket", "*"]),
    "s3:GetBucketLocation": ("GET", "location", ["s3:*", "s3:GetBucket*", "s3:GetBucketLocation"]),
    "s3:ListBucketMultipartUploads": ("GET", "uploads", ["s3:*", "s3:List*", "s3:ListBucketMultipartUploads"]),
}
WEIGHTS = (6, 3, 2, 1, 1, 6, 1, 1)
OTHER_ACTIONS = ["s3:GetBucketCORS", "s3:AbortMultipartUpload", "s3:PutBucketCORS", "s3:GetLifecycleConfiguration"]
READ = ["models/a.wseal", "models/sub/b.wseal", "README"]  # are there, and the owner's
WRITTEN = ["models/new.wseal", "inbox/x"]  # may come and go, and nobody reads them
OBJECT_PATTERNS = ["*", "models/*", "models/?.wseal", "*.wseal", "README", "inbox/*", "Models/*", "models/*/*"]
PREFIXES = ["models/", "inbox/", "mod"]
REFERERS = ["https://example.com/a", "https://example.org/"]
AGENTS = ["engine/1.0", "curl/8"]


class Case(typing.NamedTuple):
    policy: dict
    caller: str
    action: str
    object: str  # empty where the bucket is asked
    https: bool
    headers: dict
    parameters: dict  # of ListBucket

    def request(self):
        """Method, object and parameters, as they are sent."""
        method, subresource, _ = ACTIONS[self.action]
        return method, self.object, {subresource: ""} if subresource else self.parameters

    def question(self):
        """The same for the evaluator: see cases.py."""
        member = MEMBERS.get(self.caller)
        if member:
            caller = {"kind": "user", "account": member.account, "arn": arn_of(self.caller)}
            identity = [document(member.statements)] if member.statements else []
        else:
            caller, identity = {"kind": "anonymous"}, []
        context = {
            "aws:SecureTransport": "true" if self.https else "false",
            "aws:SourceIp": "127.0.0.1",
            "aws:CurrentTime": "2026-03-01T12:00:00Z",  # conditions name moments long before or after it and today
            "aws:EpochTime": "1772366400",
            "aws:UserAgent": self.headers["User-Agent"],
            "aws:Referer": self.headers.get("Referer"),
        }
        for name in ("prefix", "delimiter", "max-keys"):
            context[f"s3:{name}"] = self.parameters.get(name)
        return {
            "service": "s3", "owner": OWNER, "resource_policy": self.policy, "identity_policies": identity,
            "caller": caller, "action": self.action, "resource": f"{ARN}/{self.object}" if self.object else ARN,
            "context": context,
        }


def arn_of(name):
    return f"arn:aws:iam::{MEMBERS[name].account}:user/{name}"


def document(statements):
    return {"Version": "2012-10-17", "Statement": statements}


class RadosgwGenerator(Generator):
    def case(self, policy=None):
        """With the policy, or with one that is made for the request."""
        action = self.pick([action for action, weight in zip(ACTIONS, WEIGHTS) for _ in range(weight)])
        caller = self.pick([*MEMBERS, "alice", "carol", ANONYMOUS, ANONYMOUS])
        objects = READ if action.startswith("s3:GetObject") else WRITTEN
        case = Case(policy, caller, action, self.pick(objects) if "Object" in action else "", self.chance(0.5),
                    {"User-Agent": self.pick(AGENTS)}, {})
        if self.chance(0.5):
            case.headers["Referer"] = self.pick(REFERERS)
        if action == "s3:ListBucket":
            if self.chance(0.6):
                case.parameters["prefix"] = self.pick(PREFIXES)
            if self.chance(0.3):
                case.parameters["delimiter"] = "/"
            if self.chance(0.5):
                case.parameters["max-keys"] = self.pick(["10", "100"])
        if policy is None:
            statements = [self.statement(case) for _ in range(self.pick((1, 2, 2, 3)))]
            case = case._replace(policy=document(statements))
        return case

    def statement(self, case):
        effect = "Allow" if self.chance(0.7) else "Deny"
        statement = {"Effect": effect}
        if effect == "Deny" and self.chance(0.2):
            statement["NotPrincipal"] = {"AWS": self.one_or_list(self.some([arn_of(name) for name in MEMBERS], 2))}
        else:
            statement["Principal"] = self.principals(case)
        patterns = ACTIONS[case.action][2]
        actions = [self.pick(patterns) if self.chance(0.85) else self.pick(OTHER_ACTIONS)
                   for _ in range(self.pick((1, 1, 2)))]
        if self.chance(0.06):
            statement["NotAction"] = self.one_or_list(self.some(OTHER_ACTIONS, 2))
        else:
            statement["Action"] = self.one_or_list(actions)
        resources = self.some([*(f"{ARN}/{pattern}" for pattern in OBJECT_PATTERNS), ARN], 2)
        if self.chance(0.7):
            resources[0] = self.pick(["*", f"{ARN}*", f"{ARN}/{case.object}" if case.object else ARN])
        if "*" not in resources and self.chance(0.1):
            statement["NotResource"] = self.one_or_list(resources)
        else:
            statement["Resource"] = self.one_or_list(resources)
        for _ in range(self.pick((0, 0, 1, 1, 2) if effect == "Allow" else (0, 1, 1, 2))):
            self.condition(case, statement)
        return statement

    def principals(self, case):
        if self.chance(0.35):
            return self.pick(["*", {"AWS": "*"}])
        names = [self.pick(list(MEMBERS)) for _ in range(self.pick((1, 1, 2)))]
        if case.caller in MEMBERS and self.chance(0.6):
            names[0] = case.caller
        found = []
        for name in names:
            account = MEMBERS[name].account
            found.append(self.pick([arn_of(name), arn_of(name), account, f"arn:aws:iam::{account}:root"]))
        return {"AWS": self.one_or_list(sorted(set(found)))}

    def condition(self, case, statement):
        """Adds one. Its values fit about every second request."""
        kind = self.pick(["Transport"] * 3 + ["Ip", "Date", "Null", "Null"] + ["Text"] * 5)
        if case.action == "s3:ListBucket" and self.chance(0.7):
            kind = self.pick(["List", "Numeric"])
        if kind == "Null":
            key = self.pick(["aws:Referer", "aws:username", "aws:SourceVpce", "s3:prefix", "s3:max-keys"])
            operator, values = "Null", [self.pick(["true", "false"])]
        elif kind == "Transport":
            operator, key, values = "Bool", "aws:SecureTransport", [self.pick(["true", "false"])]
        elif kind == "Ip":
            operator, key = self.pick(["IpAddress", "NotIpAddress"]), "aws:SourceIp"
            values = self.some(["127.0.0.0/8", "127.0.0.1", "10.0.0.0/8", "203.0.113.7"], 2)
        elif kind == "Date":
            operator = self.pick(["DateLessThan", "DateGreaterThan", "DateLessThanEquals", "DateNotEquals"])
            key = self.pick(["aws:CurrentTime", "aws:EpochTime"])
            values = [self.pick(["2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z", "1500000000"])]
        elif kind == "Numeric":
            operator = self.pick(["NumericLessThanEquals", "NumericEquals", "NumericGreaterThan", "NumericGreaterThan",
                                  "NumericNotEquals", "NumericNotEquals"])
            key, values = "s3:max-keys", [self.pick(["10", "50", "100"])]
        else:
            operator, key, values = self.text_condition(kind)
        if operator != "Null" and ":" not in operator and self.chance(0.1):
            operator += "IfExists"
        if self.chance(0.06):
            key = key.swapcase()
        statement.setdefault("Condition", {}).setdefault(operator, {})[key] = self.one_or_list(values)

    def text_condition(self, kind):
        names = list(MEMBERS)
        if kind == "List":
            key, values = self.pick([("s3:prefix", self.some(PREFIXES, 2)), ("s3:delimiter", ["/"])])
        else:
            key, values = self.pick([
                ("aws:username", self.some(names, 2)), ("aws:username", self.some(names, 2)),
                ("aws:Referer", self.some(REFERERS, 2)), ("aws:UserAgent", self.some(AGENTS, 2)),
                ("aws:PrincipalType", ["User"]), ("aws:PrincipalArn", [arn_of(self.pick(names))]),
                ("aws:SourceVpce", ["vpce-1"]),
            ])
        if self.chance(0.05):
            return self.pick(["ForAnyValue:", "ForAllValues:"]) + "StringEquals", key, values
        operator = self.pick(["StringEquals", "StringEqualsIgnoreCase", "StringLike"])
        if self.chance(0.5):
            operator = operator.replace("String", "StringNot")
        if "Like" in operator:
            values = [self.pick([value, value[:2] + "*", "*" + value[-2:]]) for value in values]
        if "IgnoreCase" in operator:
            values = [value.swapcase() for value in values]
        return operator, key, values


def cases(policies=500, requests=2, seed=20261126):
    """Requests in a row have the same policy."""
    generator = RadosgwGenerator(seed)
    found = []
    for _ in range(policies):
        first = generator.case()
        found += [first, *(generator.case(first.policy) for _ in range(requests - 1))]
    return found
