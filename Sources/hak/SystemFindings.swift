// SPDX-License-Identifier: MIT
//
// The settings of the kernel and the limits that an allocator runs into.

import Glibc

/// Findings about the machine; none of them keeps hakmem from working.
enum SystemFindings {
    /// Mappings that a large program may need: below the kernel's default there is little room.
    private static let mapCountUsual = 65_530

    static func all() -> [Finding] {
        [
            Finding("machine", machine()),
            Finding("page size", "\(sysconf(Int32(_SC_PAGESIZE))) bytes"),
            hugePages(
                enabled: Machine.hugePages("enabled"), defrag: Machine.hugePages("defrag")),
            overcommit(
                mode: FileContents.line(at: "/proc/sys/vm/overcommit_memory"),
                ratio: FileContents.line(at: "/proc/sys/vm/overcommit_ratio")),
            mapCount(FileContents.line(at: "/proc/sys/vm/max_map_count")),
            addressSpace(),
            controlGroup(ControlGroup.current()),
        ]
    }

    private static func machine() -> String {
        let machine = Machine.current()
        return """
            Linux \(machine.kernel), \(machine.hardware), \(machine.processorCount) processors, \
            \(machine.memoryMib) MiB, \(machine.cLibrary)
            """
    }

    static func hugePages(enabled: String?, defrag: String?) -> Finding {
        guard let enabled else { return Finding("huge pages", "not supported by this kernel") }
        let value = "\(enabled), defrag \(defrag ?? "unknown")"
        guard enabled == "always" else { return Finding("huge pages", value) }
        return Finding(
            "huge pages", value, .notable,
            advice: """
                the kernel may back large blocks with huge pages unasked: faster first touches, \
                more resident memory
                """)
    }

    static func overcommit(mode: String?, ratio: String?) -> Finding {
        switch mode {
        case "0": return Finding("overcommit", "0: heuristic")
        case "1": return Finding("overcommit", "1: always granted")
        case "2":
            return Finding(
                "overcommit", "2: strict, \(ratio ?? "?") % of memory", .notable,
                advice: "reserved address space counts; hakmem reserves in smaller steps")
        default: return Finding("overcommit", mode ?? "unknown", .notable)
        }
    }

    static func mapCount(_ line: String?) -> Finding {
        guard let line, let count = Int(line) else {
            return Finding("vm.max_map_count", "unknown", .notable)
        }
        guard count >= mapCountUsual else {
            return Finding(
                "vm.max_map_count", "\(count)", .notable,
                advice: """
                    less than the usual \(mapCountUsual): programs with many large blocks \
                    may run out of mappings
                    """)
        }
        return Finding("vm.max_map_count", "\(count)")
    }

    private static func addressSpace() -> Finding {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0 else {
            return Finding("address space", "unknown", .notable)
        }
        guard limit.rlim_cur != rlim_t.max else { return Finding("address space", "no limit") }
        return Finding(
            "address space", "\(limit.rlim_cur / 1024) KiB (`ulimit -v`)", .notable,
            advice: "the limit counts reserved memory too")
    }

    static func controlGroup(_ group: ControlGroup?) -> Finding {
        guard let group else { return Finding("cgroup memory", "not limited") }
        let used = group.bytesUsed.map { ", \($0 / 1_048_576) MiB in use" } ?? ""
        guard let bytesMax = group.bytesMax else {
            return Finding("cgroup memory", "version \(group.version), no limit\(used)")
        }
        return Finding(
            "cgroup memory",
            "version \(group.version), limit \(bytesMax / 1_048_576) MiB\(used) (\(group.path))")
    }

    /// Which peers `hak bench` can measure.
    static func peers(in folders: [String]) -> [Finding] {
        Peer.all.map { peer in
            if let path = peer.find(in: folders) {
                return Finding("peer \(peer.name)", FileContents.realPath(path) ?? path)
            }
            return Finding(
                "peer \(peer.name)", "\(peer.fileName) is not installed", .notable,
                advice: "`hak bench` leaves it out; \(peer.source), by scripts/install-peers.sh")
        }
    }
}
