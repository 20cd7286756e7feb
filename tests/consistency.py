"""usage: consistency.py SOURCE

Checks that facts which must stand in several files agree: the version, the list of exported symbols, the umbrella header.
"""

import pathlib
import re
import sys

source = pathlib.Path(sys.argv[1])
complaints = []


def text(path):
    return (source / path).read_text(encoding="utf-8")


def expect(what, found, wanted):
    if found != wanted:
        complaints.append(f"{what}: found {found}, wanted {wanted}")


def only(pattern, path):
    found = re.findall(pattern, text(path), re.MULTILINE)
    return found[0] if found else "nothing"


version = only(r"^    VERSION (\S+)$", "CMakeLists.txt")
expect("CHANGELOG.md, newest entry", only(r"^## \[?(\d+\.\d+\.\d+)", "CHANGELOG.md"), version)
for manifest in sorted(source.glob("bindings/*/pyproject.toml")):
    name = manifest.relative_to(source)
    if not re.search(r"^dynamic = .*\"version\"", text(name), re.MULTILINE):
        expect(str(name), only(r'^version = "(.+)"$', name), version)

header = "".join(text(path) for path in sorted(source.glob("capi/include/*.h")))
declared = sorted(re.findall(r"^WSEAL_API [^;(]*?\b(wseal_\w+)\(", header, re.MULTILINE))
expect("tests/capi/symbols.txt against the C headers", text("tests/capi/symbols.txt").split(), declared)
abi = only(r"^#define WSEAL_ABI_VERSION (\d+)$", "capi/include/weightseal.h")
expect("capi/weightseal.map", only(r"^WEIGHTSEAL_(\d+) \{$", "capi/weightseal.map"), abi)

# interop/ is for those who use the other library anyway; the umbrella leaves it out.
headers = {
    str(path.relative_to(source / "include"))
    for path in source.glob("include/weightseal/*/*.hpp")
    if path.parent.name != "interop"
}
included = set(re.findall(r'^#include "(.+?)"', text("include/weightseal/weightseal.hpp"), re.MULTILINE))
expect("weightseal.hpp leaves out", sorted(headers - included), [])
expect("weightseal.hpp includes what is not there", sorted(included - headers), [])

print("\n".join(complaints) or f"version {version}: all files agree")
sys.exit(1 if complaints else 0)
