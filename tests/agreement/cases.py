"""Cases for comparing evaluators: policies and a request, drawn at random from components, the same ones each time.

A case is a JSON object:

    service, owner           "s3" or "kms", and the account of the bucket or key
    resource_policy          a document or null
    identity_policies        a list of documents
    restrict_public_buckets  a truth
    caller                   {"kind": "anonymous", "role", "user", "root" or "service", and of it account, arn, session,
                             unique_id, canonical and service}
    action, resource         "s3:GetObject", and an ARN
    context                  condition keys: a text, or a list for keys of several values; null says of one that
                             callers of the kind may have that it is absent

Components are what AWS documents that it takes: no wildcards in the service of an ARN, NotPrincipal in a Deny only, no
NullIfExists.
"""

import random

OWNER, OTHER, THIRD = "111122223333", "444455556666", "777788889999"
CANONICAL = {OWNER: "0" * 63 + "1", OTHER: "0" * 63 + "2", THIRD: "0" * 63 + "3"}
PROVIDERS = ["cognito-identity.amazonaws.com", f"arn:aws:iam::{OWNER}:saml-provider/staff"]
SERVICES = ["logging.s3.amazonaws.com", "cloudtrail.amazonaws.com"]
KEY = f"arn:aws:kms:eu-central-1:{OWNER}:key/1234abcd"


def role(account, path, unique_id):
    return {"kind": "role", "account": account, "arn": f"arn:aws:iam::{account}:role/{path}", "session": "nightly",
            "unique_id": unique_id, "canonical": CANONICAL[account]}


def user(account, path, unique_id):
    return {"kind": "user", "account": account, "arn": f"arn:aws:iam::{account}:user/{path}", "unique_id": unique_id,
            "canonical": CANONICAL[account]}


def root(account):
    return {"kind": "root", "account": account, "arn": f"arn:aws:iam::{account}:root", "canonical": CANONICAL[account]}


MEMBERS = [
    role(OWNER, "reader", "AROAEXAMPLEREADER001"),
    role(OWNER, "team/trainer", "AROAEXAMPLETRAINER01"),
    user(OWNER, "alice", "AIDAEXAMPLEALICE0001"),
    user(OWNER, "staff/bob", "AIDAEXAMPLEBOB000001"),
    role(OTHER, "partner", "AROAEXAMPLEPARTNER01"),
    user(OTHER, "carol", "AIDAEXAMPLECAROL0001"),
]
CALLERS = [*MEMBERS, *MEMBERS, root(OWNER), root(OWNER), root(OTHER), {"kind": "anonymous"},
           *({"kind": "service", "service": name} for name in SERVICES)]


def session_arn(caller):
    """Of a role's session; that of another caller is its ARN."""
    if caller["kind"] != "role":
        return caller["arn"]
    name = caller["arn"].rpartition("/")[2]
    return f"arn:aws:sts::{caller['account']}:assumed-role/{name}/{caller['session']}"


# Operators by the type of what they compare; each is also drawn with IfExists, ForAllValues and ForAnyValue.
OPERATORS = {
    "String": ["StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", "StringLike",
               "StringNotLike"],
    "Numeric": ["NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericLessThanEquals", "NumericGreaterThan",
                "NumericGreaterThanEquals"],
    "Date": ["DateEquals", "DateNotEquals", "DateLessThan", "DateLessThanEquals", "DateGreaterThan",
             "DateGreaterThanEquals"],
    "Bool": ["Bool"],
    "Binary": ["BinaryEquals"],
    "Ip": ["IpAddress", "NotIpAddress"],
    "Arn": ["ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike"],
    "Null": ["Null"],
}
# Keys of each type that requests of either service may hold.
KEYS = {
    "String": ["aws:PrincipalAccount", "aws:PrincipalOrgID", "aws:PrincipalTag/team", "aws:PrincipalType", "aws:userid",
               "aws:username", "aws:SourceVpce", "aws:RequestedRegion", *3 * ["aws:referer"]],
    "Numeric": ["aws:MultiFactorAuthAge"],
    "Date": ["aws:CurrentTime", "aws:EpochTime", "aws:TokenIssueTime"],
    "Bool": ["aws:SecureTransport", "aws:MultiFactorAuthPresent", "aws:PrincipalIsAWSService"],
    "Binary": ["aws:PrincipalTag/seal"],
    "Ip": ["aws:SourceIp"],
    "Arn": ["aws:PrincipalArn", "aws:SourceArn"],
    "several": ["aws:TagKeys", "aws:CalledVia", "aws:PrincipalOrgPaths"],
}
VALUES = {
    "aws:PrincipalAccount": [OWNER, OTHER],
    "aws:PrincipalOrgID": ["o-example1", "o-example2"],
    "aws:PrincipalTag/team": ["red", "blue", "Red"],
    "aws:PrincipalType": ["AssumedRole", "User", "Account", "Anonymous"],
    "aws:userid": ["AROAEXAMPLEREADER001:nightly", "AIDAEXAMPLEALICE0001"],
    "aws:username": ["alice", "bob"],
    "aws:SourceVpce": ["vpce-1", "vpce-2"],
    "aws:referer": ["https://example.com/a", "a*b", "a-b", "5$"],
    "aws:RequestedRegion": ["eu-central-1", "us-east-1"],
    "aws:MultiFactorAuthAge": ["60", "3600", "86400"],
    "aws:CurrentTime": ["2026-03-01T12:00:00Z", "2026-06-01T00:00:00Z"],
    "aws:EpochTime": ["1772366400", "1780272000"],  # the same two moments
    "aws:TokenIssueTime": ["2026-03-01T11:00:00Z"],
    "aws:SecureTransport": ["true", "false"],
    "aws:MultiFactorAuthPresent": ["true", "false"],
    "aws:PrincipalIsAWSService": ["true", "false"],
    "aws:PrincipalTag/seal": ["QmluYXJ5", "c2VhbA=="],
    "aws:SourceIp": ["203.0.113.7", "198.51.100.9", "10.1.2.3", "2001:db8::7"],
    "aws:PrincipalArn": [member["arn"] for member in MEMBERS],
    "aws:SourceArn": ["arn:aws:s3:::acme-logs", f"arn:aws:cloudtrail:eu-central-1:{OWNER}:trail/main"],
    "aws:TagKeys": ["team", "stage", "cost"],
    "aws:CalledVia": ["athena.amazonaws.com", "cloudformation.amazonaws.com"],
    "aws:PrincipalOrgPaths": ["o-example1/r-1/ou-1/", "o-example1/r-1/ou-2/"],
    "s3:prefix": ["models/", "home/alice", "home/bob"],
    "s3:max-keys": ["10", "1000"],
    "s3:ExistingObjectTag/stage": ["red", "public"],
    "kms:ViaService": ["s3.eu-central-1.amazonaws.com", "ebs.eu-central-1.amazonaws.com"],
    "kms:EncryptionContextKeys": ["aws:s3:arn", "purpose"],
}
NETWORKS = ["203.0.113.0/24", "203.0.113.7", "10.0.0.0/8", "0.0.0.0/0", "2001:db8::/32", "2001:DB8:0::7",
            "198.51.100.0/25"]
MOMENTS = ["2026-03-01T12:00:00Z", "2026-01-01", "2026-04-01T00:00:00Z", "1772366400", "1775000000"]
ARNS = ["arn:aws:iam::*:role/*", f"arn:aws:iam::{OWNER}:*", f"arn:aws:iam::{OTHER}:role/partner", "arn:aws:s3:::acme-*",
        "arn:*:iam::*:user/*", "arn:aws:iam::${aws:PrincipalAccount}:role/reader",
        "arn:aws:iam::*:user/${aws:username}"]
VARIABLES = ["${aws:username}", "${aws:PrincipalTag/team}", "${aws:PrincipalTag/team, 'red'}", "home/${aws:username}"]
SPECIAL_CHARACTERS = ["a${*}b", "a${?}b", "5${$}"]

# Conditions by which S3 tells public policies from others.
NARROWING = [("StringEquals", "aws:SourceVpce"), ("StringLike", "aws:SourceVpce"), ("IpAddress", "aws:SourceIp"),
             ("StringEquals", "aws:PrincipalOrgID"), ("StringEquals", "aws:PrincipalAccount"),
             ("ArnEquals", "aws:PrincipalArn"), ("ArnLike", "aws:SourceArn"), ("StringLike", "aws:userid"),
             ("StringEqualsIfExists", "aws:SourceVpce"), ("StringNotEquals", "aws:PrincipalAccount")]

S3_ACTIONS = {
    "s3:GetObject": ["s3:*", "s3:Get*", "s3:GetObject", "s3:getobject", "s3:Get?bject", "*"],
    "s3:PutObject": ["s3:*", "s3:Put*", "s3:PutObject", "s3:*Object", "*"],
    "s3:DeleteObject": ["s3:*", "s3:Delete*", "s3:DeleteObject", "*"],
    "s3:ListBucket": ["s3:*", "s3:List*", "s3:ListBucket", "S3:ListBucket", "*"],
    "s3:PutBucketPolicy": ["s3:*", "s3:Put*", "s3:PutBucketPolicy", "s3:*Policy", "*"],
}
KMS_ACTIONS = {
    "kms:Decrypt": ["kms:*", "kms:Decrypt", "kms:De*", "*"],
    "kms:GenerateDataKey": ["kms:*", "kms:GenerateDataKey*", "*"],
    "kms:DescribeKey": ["kms:*", "kms:Describe*", "kms:describekey", "*"],
}
OTHER_ACTIONS = ["s3:GetBucketAcl", "s3:AbortMultipartUpload", "kms:CreateGrant", "kms:Sign"]
OBJECTS = ["models/a.wseal", "models/sub/b.wseal", "home/alice/x", "home/bob/x", "README"]
OBJECT_PATTERNS = ["*", "models/*", "models/?.wseal", "home/${aws:username}/*", "*.wseal", "README",
                   "home/${aws:PrincipalTag/team}/*"]


class Generator:
    def __init__(self, seed):
        self.random = random.Random(seed)

    # Of the module's functions only random() gives the same in every version of Python.
    def chance(self, probability):
        return self.random.random() < probability

    def pick(self, items):
        return items[int(self.random.random() * len(items))]

    def some(self, items, most):
        """Some of them, at least one, in any order."""
        count, rest, found = self.pick(range(1, min(most, len(items)) + 1)), list(items), []
        while len(found) < count:
            found.append(rest.pop(self.pick(range(len(rest)))))
        return found

    @staticmethod
    def one_or_list(items):
        return items[0] if len(items) == 1 else items

    # ---- the request

    def context(self, case):
        caller = case["caller"]
        kind = caller["kind"]
        context = {
            "aws:PrincipalType": {"role": "AssumedRole", "user": "User", "root": "Account", "anonymous": "Anonymous",
                                  "service": None}[kind],
            "aws:PrincipalOrgID": None, "aws:PrincipalOrgPaths": None, "aws:PrincipalServiceNamesList": None,
            "aws:userid": {"role": f"{caller.get('unique_id')}:nightly", "user": caller.get("unique_id"),
                           "root": caller.get("account"), "anonymous": "anonymous", "service": None}[kind],
        }
        if kind == "service":
            context |= {"aws:PrincipalIsAWSService": "true", "aws:PrincipalServiceName": caller["service"],
                        "aws:PrincipalServiceNamesList": [caller["service"]]}
        elif kind != "anonymous":
            context |= {"aws:PrincipalArn": caller["arn"], "aws:PrincipalAccount": caller["account"],
                        "aws:PrincipalIsAWSService": "false"}
            if self.chance(0.5):
                context |= {"aws:PrincipalOrgID": self.pick(VALUES["aws:PrincipalOrgID"]),
                            "aws:PrincipalOrgPaths": [self.pick(VALUES["aws:PrincipalOrgPaths"])]}
            for tag in ("aws:PrincipalTag/team", "aws:PrincipalTag/seal"):
                if self.chance(0.6):
                    context[tag] = self.pick(VALUES[tag])
        if kind == "user":
            context["aws:username"] = caller["arn"].rpartition("/")[2]
        if kind == "role":
            context["aws:TokenIssueTime"] = self.pick(VALUES["aws:TokenIssueTime"])
        moment = self.pick((0, 1))
        for key in ("aws:CurrentTime", "aws:EpochTime"):
            context[key] = VALUES[key][moment]
        context["aws:SecureTransport"] = self.pick(VALUES["aws:SecureTransport"])
        context["aws:SourceIp"] = self.pick(VALUES["aws:SourceIp"])
        for key in ("aws:SourceVpce", "aws:referer", "aws:RequestedRegion", "aws:MultiFactorAuthAge", "aws:SourceArn",
                    "aws:MultiFactorAuthPresent", *self.keys_of(case["action"])):
            if self.chance(0.6):
                context[key] = self.pick(VALUES[key])
        for key in ("aws:TagKeys", "aws:CalledVia"):
            if self.chance(0.6):
                context[key] = self.some(VALUES[key], 2)
        if case["action"] == "kms:Decrypt" and self.chance(0.6):
            context["kms:EncryptionContextKeys"] = self.some(VALUES["kms:EncryptionContextKeys"], 2)
        return context

    @staticmethod
    def keys_of(action):
        """Keys of one value that only requests for an action hold."""
        if action.startswith("kms:"):
            return ["kms:ViaService"]
        keys = {"s3:ListBucket": ["s3:prefix", "s3:max-keys"], "s3:GetObject": ["s3:ExistingObjectTag/stage"]}
        return keys.get(action, [])

    # ---- conditions

    def condition(self, case, statement):
        """Adds one."""
        context = case["context"]
        kind = self.pick([kind for kind, weight in zip(OPERATORS, (8, 2, 2, 3, 1, 3, 3, 2)) for _ in range(weight)])
        if kind == "Null":
            key = self.pick([key for keys in KEYS.values() for key in keys])
            self.add_condition(statement, "Null", key, [self.pick(["true", "false"])])
            return
        several = kind == "String" and self.chance(0.3)
        if several:
            keys = KEYS["several"] + (["kms:EncryptionContextKeys"] if case["action"] == "kms:Decrypt" else [])
        else:
            own = [key for key in self.keys_of(case["action"]) if (key == "s3:max-keys") == (kind == "Numeric")]
            keys = KEYS[kind] + (own * 3 if kind in ("String", "Numeric") else [])
        key = self.pick(keys)
        operator = self.pick(OPERATORS[kind])
        values = []
        for _ in range(self.pick((1, 1, 2))):
            values.append(self.value(kind, operator, key, context))
        if self.chance(0.2):
            operator += "IfExists"
        if self.chance(0.85 if several else 0.15):
            operator = self.pick(["ForAllValues:", "ForAnyValue:"]) + operator
        self.add_condition(statement, operator, key, values)

    def value(self, kind, operator, key, context):
        found = context.get(key)
        found = self.pick(found) if isinstance(found, list) else found
        if kind == "Ip":
            return self.pick(NETWORKS)
        if kind == "Date":
            return self.pick(MOMENTS)
        if kind == "Arn" and self.chance(0.6):
            return self.pick(ARNS)
        if kind == "String" and self.chance(0.2):
            own = [] if isinstance(context.get(key), list) else [f"${{{key}}}"] * 3
            return self.pick(SPECIAL_CHARACTERS if key == "aws:referer" else VARIABLES + own)
        value = found if found and self.chance(0.5) else self.pick(VALUES[key])
        if "IgnoreCase" in operator and self.chance(0.5):
            return value.swapcase()
        if "Like" in operator and kind == "String" and self.chance(0.7):
            return self.pick([value[:2] + "*", "*" + value[-2:], value[:1] + "?" + value[2:]])
        return value

    def add_condition(self, statement, operator, key, values):
        if self.chance(0.1):
            key = key.upper()  # keys are the same in any case
        statement.setdefault("Condition", {}).setdefault(operator, {})[key] = self.one_or_list(values)

    # ---- statements

    def principal(self, caller):
        """A principal's kind and value: the caller half of the time, in one of the forms that name it."""
        kind = caller["kind"]
        if self.chance(0.6) and kind != "anonymous":
            if kind == "service":
                return "Service", caller["service"]
            if self.chance(0.1):
                return "CanonicalUser", caller["canonical"]
            forms = [caller["arn"], session_arn(caller), caller["account"], f"arn:aws:iam::{caller['account']}:root"]
            return "AWS", self.pick(forms + [caller["unique_id"]] if "unique_id" in caller else forms)
        member = self.pick(MEMBERS)
        return self.pick([
            ("AWS", member["arn"]), ("AWS", session_arn(member)), ("AWS", member["unique_id"]),
            ("AWS", member["account"]), ("AWS", f"arn:aws:iam::{THIRD}:root"), ("Service", self.pick(SERVICES)),
            ("Federated", self.pick(PROVIDERS)), ("CanonicalUser", self.pick(list(CANONICAL.values()))),
        ])

    def principals(self, caller):
        if self.chance(0.25):
            return self.pick(["*", {"AWS": "*"}])
        found = {}
        for _ in range(self.pick((1, 1, 2, 3))):
            kind, value = self.principal(caller)
            if value not in found.setdefault(kind, []):
                found[kind].append(value)
        return {kind: self.one_or_list(values) for kind, values in found.items()}

    def not_principals(self, caller):
        """What AWS advises: an account with its member, role and session; or a part of it."""
        member = caller if "account" in caller and self.chance(0.6) else self.pick(MEMBERS)
        names = [member["arn"], session_arn(member), f"arn:aws:iam::{member['account']}:root"]
        if self.chance(0.5):
            names = self.some(names, 2)
        return {"AWS": self.one_or_list(sorted(set(names)))}

    def actions(self, case):
        patterns = S3_ACTIONS.get(case["action"]) or KMS_ACTIONS[case["action"]]
        return [self.pick(patterns if self.chance(0.8) else OTHER_ACTIONS) for _ in range(self.pick((1, 1, 2)))]

    def resources(self, case):
        if case["service"] == "kms":
            return [self.pick(["*", KEY, f"arn:aws:kms:*:{OWNER}:key/*", "arn:aws:kms:*:key/1234abcd",
                               f"arn:aws:kms:eu-central-1:{OWNER}:key/9999"])]
        bucket = "arn:aws:s3:::acme-weights"
        patterns = [*(f"{bucket}/{pattern}" for pattern in OBJECT_PATTERNS), bucket, f"{bucket}*", "arn:aws:s3:::*", "*",
                    "arn:aws:s3:::other/*"]
        fitting = [case["resource"], f"{bucket}*", "*", "arn:aws:s3:*"]
        return [self.pick(fitting if self.chance(0.6) else patterns) for _ in range(self.pick((1, 1, 2)))]

    def statement(self, case, is_resource_policy):
        effect = "Allow" if self.chance(0.7) else "Deny"
        statement = {"Effect": effect}
        if is_resource_policy:
            if effect == "Deny" and self.chance(0.25):
                statement["NotPrincipal"] = self.not_principals(case["caller"])
            else:
                statement["Principal"] = self.principals(case["caller"])
        actions = self.actions(case)
        if self.chance(0.15):
            actions = [action for action in actions if action != "*"] or OTHER_ACTIONS[:1]
            if self.chance(0.7):
                actions = [self.pick(OTHER_ACTIONS)]
            statement["NotAction"] = self.one_or_list(actions)
        else:
            statement["Action"] = self.one_or_list(actions)
        not_resource = self.chance(0.12)
        resources = self.resources(case)
        if not_resource:
            resources = [resource for resource in resources if resource != "*"] or ["arn:aws:s3:::other/*"]
        statement["NotResource" if not_resource else "Resource"] = self.one_or_list(resources)
        for _ in range(self.pick((0, 0, 1, 1, 2)) if effect == "Allow" else self.pick((1, 1, 2))):
            self.condition(case, statement)
        return statement

    def narrowed(self, case):
        """To everyone, under a condition that may make it non-public."""
        statement = {"Effect": "Allow", "Principal": "*", "Action": case["action"], "Resource": case["resource"]}
        operator, key = self.pick(NARROWING)
        kind = next(kind for kind, operators in OPERATORS.items() if operator.removesuffix("IfExists") in operators)
        value = self.value(kind, operator, key, case["context"])
        if kind == "String" and self.chance(0.2):
            value = f"${{{key}}}"
        self.add_condition(statement, operator, key, [value])
        return statement

    def policy(self, case, most, is_resource_policy):
        version = "2008-10-17" if self.chance(0.15) else "2012-10-17"
        count = self.pick(range(1, most + 1))
        return {"Version": version, "Statement": [self.statement(case, is_resource_policy) for _ in range(count)]}

    def case(self):
        caller = self.pick(CALLERS)
        service = "kms" if self.chance(0.2) and caller["kind"] not in ("anonymous", "service") else "s3"
        action = self.pick(list(KMS_ACTIONS if service == "kms" else S3_ACTIONS))
        resource = KEY if service == "kms" else "arn:aws:s3:::acme-weights"
        if action.endswith("Object"):
            resource += "/" + self.pick(OBJECTS)
        case = {"service": service, "owner": OWNER, "caller": caller, "action": action, "resource": resource}
        case["context"] = self.context(case)
        case["resource_policy"] = self.policy(case, 3, True) if service == "kms" or self.chance(0.95) else None
        case["restrict_public_buckets"] = service == "s3" and self.chance(0.2)
        if case["restrict_public_buckets"] and case["resource_policy"] and self.chance(0.5):
            case["resource_policy"]["Statement"].append(self.narrowed(case))
        case["identity_policies"] = []
        if caller["kind"] == "root":  # may do everything that no resource policy forbids
            everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
            case["identity_policies"] = [{"Version": "2012-10-17", "Statement": everything}]
        elif caller["kind"] in ("role", "user"):
            case["identity_policies"] = [self.policy(case, 2, False) for _ in range(self.pick((0, 1, 1, 2)))]
        return case


def cases(count=5000, seed=20261126):
    generator = Generator(seed)
    return [generator.case() for _ in range(count)]
