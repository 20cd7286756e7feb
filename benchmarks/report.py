"""The tables: everything in them was measured in the run that prints them."""

import datetime
import statistics

MODES = ["all cores", "one core"]
MET = {True: "met", False: "**missed**", None: "not measured"}

METHOD = """\
Every contestant is a process of its own that loads the same tensors on command. A round runs each of them once, and every round starts with
another one; ratios are taken within a round, and tables show their median and, in brackets, their range. Before each run, untimed, its file is read into
the page cache, and twice its size of free memory is touched, since a virtual machine gives idle memory back to its host. `one core` gives every contestant one
processor only. The result of a load is private memory, freed after the clock stops, and heaps are given back to the system, so every load pays for
its memory. Every contestant of the load tables is checked first: it must give the model's bytes."""


def gib(count):
    return f"{count / 2**30:.2f} GiB"


def mib(count):
    return f"{count / 2**20:.0f} MiB"


def ratio(values):
    middle = statistics.median(values)
    digits = 2 if middle < 10 else 1
    return f"{middle:.{digits}f} ({min(values):.{digits}f}–{max(values):.{digits}f})"


def table(header, rows):
    lines = ["| " + " | ".join(row) + " |" for row in [header, *rows]]
    lines.insert(1, "|" + " --- |" * len(header))
    return "\n".join(lines)


class Report:
    def __init__(self, machine, results):
        self.machine, self.results = machine, results
        self.rounds = results["rounds"]
        self.size = results["model"]["bytes"]

    def ratios(self, title, name, base):
        """{mode: ratios} where both took part."""
        found = {}
        for mode in MODES:
            rounds = self.rounds.get((title, mode))
            if rounds and name in rounds.seconds and base in rounds.seconds:
                found[mode] = rounds.ratios(name, base)
        return found

    def cells(self, title, name, base):
        found = self.ratios(title, name, base)
        return [ratio(found[mode]) if mode in found else "—" for mode in MODES]

    def speed(self, title, name, mode):
        rounds = self.rounds.get((title, mode))
        if not rounds or name not in rounds.seconds:
            return "—"
        return f"{self.size / rounds.median(name) / 1e9:.2f}"

    def head(self):
        facts = [f"* {name}: {value}" for name, value in self.machine.items()]
        model = self.results["model"]
        facts.append(
            f"* model: {model['tensors']} bf16 tensors, {gib(model['bytes'])}, the shapes of TinyLlama-1.1B"
            + (", scaled down" if model["bytes"] < 2**30 else "")
            + ", random bytes from a fixed seed"
        )
        facts.append(f"* read from disk during the rounds, with the untimed reading before each run: {mib(self.results['disk_reads'])}")
        kernels = ", ".join(f"{suite} by {kernel}" for suite, kernel in self.results["kernels"].items())
        facts.append(f"* ciphers of weightseal: {kernels}")
        facts.append(f"* processor time taken by the hypervisor: {100 * self.results['stolen']:.1f} %")
        facts.append(f"* {datetime.date.today().isoformat()}, {self.results['minutes']:.0f} minutes")
        versions = dict.fromkeys(", ".join(self.results["versions"].values()).split(", "))
        facts.append(f"* versions: {', '.join(versions)}")
        return "# Results\n\nWritten by `./dev bench`.\n\n" + "\n".join(facts) + "\n\n" + METHOD

    def load_table(self):
        rows = []
        for title in ["load", "plain loaders", "encrypting loaders", "fernet"]:
            rounds = self.rounds.get((title, "all cores"))
            for name in rounds.seconds if rounds else []:
                if title != "load" and name in ("plain pread", "weightseal"):
                    continue
                if title not in ("load", "plain loaders") and name == "weightseal, Python":
                    continue
                row = [name]
                for mode in MODES:
                    found = self.ratios(title, name, "plain pread").get(mode)
                    row += [self.speed(title, name, mode), ratio(found) if found else "—"]
                rows.append(row + [str(rounds.count)])
        rows += [[name, f"not available: {reason}", "", "", "", ""] for name, reason in self.results["absent"].items()]
        header = ["load", "GB/s, all cores", "÷ plain pread", "GB/s, one core", "÷ plain pread", "rounds"]
        return "## Load\n\n" + table(header, rows)

    def peer_table(self):
        rows = []
        for title in ["plain loaders", "encrypting loaders", "fernet"]:
            rounds = self.rounds.get((title, "all cores"))
            for name in rounds.seconds if rounds else []:
                if name != "plain pread" and not name.startswith("weightseal"):
                    ours = self.cells(title, "weightseal", name)
                    rows.append([name, *ours, *self.cells(title, "weightseal, Python", name)])
        header = ["weightseal, AES-256-GCM ÷", "C++, all cores", "C++, one core", "Python, all cores", "Python, one core"]
        return "## weightseal divided by each peer\n\n" + table(header, rows)

    def part_table(self):
        rows, ceilings = [], []
        for mode in MODES:
            rounds = self.rounds["parts", mode]
            parts = [rounds.median(name) for name in ("reading", "memory", "decrypting")]
            plain = self.rounds["load", mode].median("plain pread")
            loaded = self.rounds["load", mode].median("weightseal, AES-256-GCM")
            rows.append([mode, *(f"{s:.3f}" for s in [*parts, sum(parts), loaded, plain])])
            ceilings.append(f"{plain / sum(parts):.2f} {mode}")
        header = ["seconds", "copy to cache", "fresh memory", "decrypt in cache", "sum", "load", "plain pread"]
        return (
            "## What a load consists of\n\nEach part alone: the file copied by pread into small buffers that stay in cache; fresh "
            "huge pages, touched; one chunk in cache decrypted and checked as often as the model has chunks. Plain pread divided by "
            f"their sum, what a load at no other cost would reach: {', '.join(ceilings)}.\n\n" + table(header, rows)
        )

    def disk_table(self):
        rounds = self.rounds["disk", "all cores"]
        rows = [
            [name, f"{rounds.median(name):.2f}", ratio(rounds.ratios(name, "cp and fsync"))] for name in rounds.seconds
        ]
        verify = self.cells("verify", "verify", "plain pread")
        return (
            "## Seal, unseal, verify\n\n"
            + table(["synced to disk", "seconds", "÷ cp --reflink=never + fsync"], rows)
            + f"\n\nverify ÷ plain pread: {verify[0]} all cores, {verify[1]} one core."
        )

    def memory_table(self):
        size = self.results["memory_model"]
        rows = []
        for name, found in self.results["memory"].items():
            beyond = found["peak_resident"] - found["payload"] if name == "load" else None
            rows.append(
                [
                    name,
                    mib(found["peak_resident"]),
                    mib(found["peak_anonymous"]),
                    mib(beyond) if beyond is not None else "",
                ]
            )
        header = ["", "peak resident", "of it anonymous", "beyond tensors and index"]
        return (
            f"## Memory, a {gib(size)} model\n\nPeak resident is the kernel's own (VmHWM) and includes the program's code; "
            "anonymous is the largest of samples every 2 ms.\n\n" + table(header, rows)
        )

    def slice_text(self):
        found = self.results["slices"]
        return (
            f"## Slices\n\n{found['row_slices']} row ranges (one contiguous run each): at most {found['worst_excess_chunks']:.2f} chunks read "
            f"beyond what was asked. {found['column_slices']} halves of all columns: at most {found['worst_columns_fetched']:.2f} of the tensor read."
        )

    def open_table(self):
        rows = []
        for name in self.rounds["open", "all cores"].seconds:
            rounds = self.rounds["open", "all cores"]
            cost = [1 / value for value in rounds.ratios(name, "safetensors")] if "safetensors" in rounds.seconds else []
            rows.append([name, f"{1000 * rounds.median(name):.1f}", ratio(cost) if cost else "—"])
        header = ["", "milliseconds", "÷ safetensors"]
        return f"## Open {self.results['open_count']:,} tensors and list their names\n\n" + table(header, rows)

    def requirements(self):
        rows = []

        def add(what, wanted, found, met):
            rows.append([what, wanted, found, MET[met]])

        def speed(what, title, ours, base, wanted):
            found = self.ratios(title, ours, base)
            if not found:
                add(what, " / ".join(f"≥ {w}" for w in dict.fromkeys(wanted)), "—", None)
                return
            middles = [statistics.median(found[mode]) for mode in MODES if mode in found]
            shown = ", ".join(f"{m:.2f} {mode}" for m, mode in zip(middles, found))
            limits = ", ".join(f"≥ {w} {mode}" for w, mode in zip(wanted, MODES)) if wanted[0] != wanted[1] else f"≥ {wanted[0]}"
            add(what, limits, shown, all(m >= w for m, w in zip(middles, wanted)))

        speed("load ÷ plain pread", "load", "weightseal, AES-256-GCM", "plain pread", [0.55, 0.48])
        for title, least in [("plain loaders", 1.0), ("encrypting loaders", 1.5), ("fernet", 1.5)]:
            rounds = self.rounds.get((title, "all cores"))
            for name in rounds.seconds if rounds else []:
                if name != "plain pread" and not name.startswith("weightseal"):
                    ours = "weightseal" if "/dev/null" in name else "weightseal, Python"
                    speed(f"{ours}: load ÷ {name}", title, ours, name, [least, least])
        for name in self.results["absent"]:
            add(f"load ÷ {name}", "", "not available", None)
        disk = self.rounds["disk", "all cores"]
        seal = statistics.median(disk.ratios("seal", "cp and fsync"))
        add("seal ÷ cp + fsync", "≥ 0.5", f"{seal:.2f}", seal >= 0.5)
        memory = self.results["memory"]
        for name in ("seal", "verify", "unseal"):
            peak = memory[name]["peak_resident"]
            add(f"peak memory of {name}", "≤ 256 MiB", mib(peak), peak <= 256 << 20)
        beyond = memory["load"]["peak_resident"] - memory["load"]["payload"]
        add("load: peak memory beyond tensors and index", "≤ 64 MiB", mib(beyond), beyond <= 64 << 20)
        excess = self.results["slices"]["worst_excess_chunks"]
        add("slice: read beyond what was asked", "≤ 2 chunks a run", f"{excess:.2f} chunks", excess <= 2)
        opened = self.rounds["open", "all cores"]
        if "safetensors" in opened.seconds:
            for name in ("weightseal", "weightseal, Python"):
                if name in opened.seconds:
                    cost = 1 / statistics.median(opened.ratios(name, "safetensors"))
                    add(f"open: time of {name} ÷ safetensors", "≤ 1.0", f"{cost:.2f}", cost <= 1)
        return "## Goals\n\n" + table(["", "goal", "measured", ""], rows)

    def profile(self):
        return "## Profile of one load, all cores\n\nBy library, then the kernel's functions, in percent.\n\n" + self.results["profile"]

    def text(self):
        parts = [
            self.head(),
            self.load_table(),
            self.peer_table(),
            self.part_table(),
            self.disk_table(),
            self.memory_table(),
            self.slice_text(),
            self.open_table(),
            self.requirements(),
            self.profile(),
        ]
        return "\n\n".join(parts) + "\n"


def render(machine, results):
    return Report(machine, results).text()
