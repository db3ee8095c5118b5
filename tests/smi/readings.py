# SPDX-License-Identifier: Apache-2.0
"""Compares recorded output of NVIDIA's nvidia-smi line by line with ours on a simulated machine. Every value that
may differ is listed here with the reason; everything else must be equal, blanks included."""

import re

# Paths (parent/element of -q -x, heading/label of -q) whose values may differ.
ANOTHER_MACHINE = {
    "gpu/serial", "gpu/uuid", "gpu/pdi", "gpu/board_id", "gpu/board_part_number", "platformInfo/module_id",
    "pci/pci_bus", "pci/pci_device", "pci/pci_bus_id", "pci/replay_counter", "processes/pid", "process_info/pid",
    "process_info/process_name",
    "GPU/Serial Number", "GPU/GPU UUID", "GPU/GPU PDI", "GPU/Board ID", "GPU/Board Part Number",
    "Platform Info/Module Id", "PCI/Bus", "PCI/Device", "PCI/Bus Id", "PCI/Replays Since Reset",
    "Processes/Process ID", "Process ID/Name",
    # One of the boards had an error in its L2 cache.
    "Aggregate/SRAM Uncorrectable Parity", "Aggregate Uncorrectable SRAM Sources/SRAM L2",
}
LOAD_AND_HEAT = {
    "pci/tx_util", "pci/rx_util", "clocks_event_reasons/clocks_event_reason_gpu_idle", "fb_memory_usage/used",
    "fb_memory_usage/free", "bar1_memory_usage/used", "bar1_memory_usage/free", "utilization/gpu_util",
    "utilization/memory_util", "temperature/gpu_temp", "temperature/gpu_temp_tlimit",
    "gpu_power_readings/average_power_draw", "gpu_power_readings/instant_power_draw", "clocks/graphics_clock",
    "clocks/sm_clock", "process_info/used_memory",
    "PCI/Tx Throughput", "PCI/Rx Throughput", "Clocks Event Reasons/Idle", "FB Memory Usage/Used",
    "FB Memory Usage/Free", "BAR1 Memory Usage/Used", "BAR1 Memory Usage/Free", "Utilization/GPU",
    "Utilization/Memory", "Temperature/GPU Current Temp", "Temperature/GPU T.Limit Temp",
    "GPU Power Readings/Average Power Draw", "GPU Power Readings/Instantaneous Power Draw", "Clocks/Graphics",
    "Clocks/SM", "Process ID/Used GPU Memory",
}
NO_PUBLIC_CALL = {  # no NVML call: nvidia-smi uses private driver calls
    "gpu/display_attached", "gpu/gpu_part_number", "gpu/sparse_operation_mode",
    "GPU/Display Attached", "GPU/GPU Part Number", "GPU/Sparse Operation Mode",
}
NOT_SIMULATED = {  # temperature and power of the memory, video clocks
    "temperature/memory_temp", "gpu_memory_power_readings/average_power_draw", "clocks/video_clock",
    "max_clocks/video_clock",
    "Temperature/Memory Current Temp", "GPU Memory Power Readings/Average Power Draw", "Clocks/Video",
    "Max Clocks/Video",
}
ONE_SAMPLE = {  # the simulated driver's buffer holds the current value only
    f"{kind} Samples/{label}"
    for kind in ("Power", "GPU Utilization", "Memory Utilization", "ENC Utilization", "DEC Utilization",
                 "JPG Utilization", "OFA Utilization", "SM Clock", "Memory Clock")
    for label in ("Duration", "Number of Samples", "Max", "Min", "Avg")
}
MAY_DIFFER = {path: why
              for why, paths in {"another machine": ANOTHER_MACHINE, "load and heat": LOAD_AND_HEAT,
                                 "no public call of NVML": NO_PUBLIC_CALL, "not simulated": NOT_SIMULATED,
                                 "one sample": ONE_SAMPLE}.items()
              for path in paths}
# Must differ: a listed path that no longer differs is an error.
ALWAYS_DIFFER = NO_PUBLIC_CALL | NOT_SIMULATED

# Columns of dmon that may be "-" in ours and a number in NVIDIA's.
DMON_NOT_SIMULATED = {"mtemp"}
DMON_DEFAULT = "gpu pwr gtemp mtemp sm mem enc dec jpg ofa mclk pclk".split()

MASKS = (
    (re.compile(r"GPU-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "{uuid}"),
    (re.compile(r"\b[0-9A-F]{8}:(?!FF)[0-9A-F]{2}:[0-9A-F]{2}\.[0-9A-F]\b"), "{bus}"),
    (re.compile(r"\b\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}\b"), "{time}"),
    (re.compile(r"\b\d{4}/\d\d/\d\d \d\d:\d\d:\d\d\.\d{3}\b"), "{stamp}"),
    (re.compile(r"\b20\d{6}\b"), "{date}"),
    (re.compile(r"(?<=[ ,])\d\d:\d\d:\d\d(?=[ ,])"), "{clock}"),
    (re.compile(r"\b(16[0-9]{11}|0{13})\b"), "{serial}"),
    (re.compile(r"\t\d+(?:-\d+)?\t(?=\d+\t\tN/A)"), "\t{cpus}\t"),
    # Counters since the driver's start, and link traffic.
    (re.compile(r"(?<=\n) {4}([A-Z0-9_]+: +)\d+(?=\n)"), r"    \1{count}"),
    (re.compile(r"(\t lane [ \d]\d: )\d+"), r"\1{count}"),
    (re.compile(r"(Raw [TR]x: )\d+"), r"\1{count}"),
)


def masked(text):
    for pattern, word in MASKS:
        text = pattern.sub(word, text)
    return text


def blocks(path):
    """[(words, output, exit code)] of a file of "$ nvidia-smi ..." blocks."""
    found, words, lines = [], None, []
    for line in path.read_text().split("\n"):
        if line.startswith("$ nvidia-smi") and words is None:
            words, lines = line.split()[2:], []
        elif words is not None and re.fullmatch(r"exit \d+", line):
            found.append((words, "".join(each + "\n" for each in lines), int(line.split()[1])))
            words = None
        elif words is not None:
            lines.append(line)
    return found


class Paths:
    """Parser: the path of each line of -q or -q -x, and the line without its value."""

    def __init__(self):
        self.open = []  # (indent, name)

    def of(self, line):
        """(path, line with "<value>") or (None, line)."""
        tag = re.fullmatch(r"(\t*)<(\w+)[^>]*>(.*)</\2>", line)
        if tag:
            return self.inside(len(tag[1]), tag[2]), f"{tag[1]}<{tag[2]}><value></{tag[2]}>"
        opening = re.fullmatch(r"(\t*)<(\w+)( [^>]*)?>", line)
        if opening:
            self.enter(len(opening[1]), opening[2])
            return None, line
        row = re.fullmatch(r"( *)(\S.*?) +: (.*)", line)
        if row and len(line) > 30:
            path = self.inside(len(row[1]), row[2].strip())
            if row[2].strip() == "Process ID":
                self.enter(len(row[1]), "Process ID")
            return path, line[:len(line) - len(row[3])] + "<value>"
        heading = re.fullmatch(r"( *)(\S.*?) *", line)
        if heading and line:
            self.enter(len(heading[1]), "GPU" if line.startswith("GPU ") else heading[2])
        return None, line

    def enter(self, indent, name):
        self.open = [each for each in self.open if each[0] < indent] + [(indent, name)]

    def inside(self, indent, name):
        parents = [each[1] for each in self.open if each[0] < indent]
        return f"{parents[-1]}/{name}" if parents else name


def row_shape(line, names):
    """Shape of a line of dmon or pmon: where each cell ends, and whether it is a number."""
    shape = []
    for place, cell in enumerate(re.finditer(r"\S+", line)):
        name = names[place] if place < len(names) else ""
        word = cell.group().rstrip(",")
        kind = "text" if not re.fullmatch(r"\d+|-", word) else "-" if word == "-" else "n"
        if name in DMON_NOT_SIMULATED:
            kind = "any"
        shape.append((None if "," in line else cell.end(), kind))
    return shape


def compare(words, theirs, ours):
    """Differences that are not allowed, as sentences; and the paths whose values differ."""
    if words[:1] in (["dmon"], ["pmon"]):
        return compare_rows(theirs, ours), set()
    left, right = masked(theirs).split("\n"), masked(ours).split("\n")
    if len(left) != len(right):
        return [f"{len(left)} lines there, {len(right)} here: {first_difference(left, right)}"], set()
    problems, differed, paths = [], set(), Paths()
    for line, mine in zip(left, right):
        path, without = paths.of(line)
        if line == mine or (line.startswith("|") and table_shape(line) == table_shape(mine)):
            continue
        if path in MAY_DIFFER and Paths().of(mine)[1] == without and same_unit(path, line, mine):
            differed.add(path)
        else:
            problems.append(f"there {line!r}, here {mine!r} ({path})")
    return problems, differed


def table_shape(line):
    """A row of the summary: numbers are right-aligned, so blanks and digits together keep their width."""
    line = re.sub(r"(?<=   C   ).{36}", lambda name: "<name>".ljust(len(name.group())), line)
    return re.sub(r" *\d+", lambda number: "N".rjust(len(number.group())), line)


def same_unit(path, line, mine):
    """For values that depend on load: the text around the number must be equal."""
    return path not in LOAD_AND_HEAT or "ctive" in line or (
        re.sub(r"\d+(\.\d\d)?(?=[ <]|$)", "N", line) == re.sub(r"\d+(\.\d\d)?(?=[ <]|$)", "N", mine))


def first_difference(left, right):
    for line, mine in zip(left + ["(end)"], right + ["(end)"]):
        if masked(line) != masked(mine) and Paths().of(line)[1] != Paths().of(mine)[1]:
            return f"there {line!r}, here {mine!r}"
    return "at the end"


def compare_rows(theirs, ours):
    left, right = masked(theirs).split("\n"), masked(ours).split("\n")
    if len(left) != len(right):
        return [f"{len(left)} lines there, {len(right)} here"]
    problems, names = [], DMON_DEFAULT
    for line, mine in zip(left, right):
        if line.startswith("#") and "gpu" in line:
            names = line.lstrip("#").replace(",", "").split()
        is_row = re.match(r" +[\d{]", line) is not None
        same = row_shape(line, names) == row_shape(mine, names) if is_row else line == mine
        if not same:
            problems.append(f"there {line!r}, here {mine!r}")
    return problems
