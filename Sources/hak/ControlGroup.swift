// SPDX-License-Identifier: MIT
//
// The memory limit of the control group that this process runs in, of either version.
//
// The limit of every group above holds too, so the least one counts.

/// A control group's memory: limit and use, in bytes.
struct ControlGroup: Equatable {
    let version: Int
    /// The group whose limit is the least, or this process's own group when none has a limit.
    let path: String
    /// Nil where there is no limit.
    let bytesMax: UInt64?
    let bytesUsed: UInt64?

    /// Version 1 writes "no limit" as the largest number of pages it can count.
    private static let unlimitedFrom: UInt64 = 1 << 60

    /// This process's group; nil where control groups do not count memory. `read` gives a file's
    /// text.
    static func current(
        read: (String) -> String? = FileContents.text(at:)
    ) -> ControlGroup? {
        guard let membership = read("/proc/self/cgroup"),
            let mounts = read("/proc/self/mountinfo")
        else { return nil }
        for (version, file) in [(1, "memory.limit_in_bytes"), (2, "memory.max")] {
            guard let group = group(in: membership, version: version),
                let mount = mount(in: mounts, version: version)
            else { continue }
            let usage = version == 1 ? "memory.usage_in_bytes" : "memory.current"
            // Inside a container the path may be the host's; the mount then shows the group.
            let groups = chain(from: group, below: mount)
            let found = groups.compactMap { path in
                memory(at: path, version: version, limit: file, usage: usage, read: read)
            }
            if let first = found.first {
                return found.filter { $0.bytesMax != nil }
                    .min { ($0.bytesMax ?? .max) < ($1.bytesMax ?? .max) } ?? first
            }
        }
        return nil
    }

    /// The group's path in /proc/self/cgroup: `4:memory:/path` or `0::/path`.
    static func group(in text: String, version: Int) -> String? {
        for line in text.split(separator: "\n") {
            let fields = line.split(
                separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3 else { continue }
            let controllers = fields[1].split(separator: ",")
            if version == 2 ? fields[0] == "0" && fields[1].isEmpty : controllers.contains("memory")
            {
                return String(fields[2])
            }
        }
        return nil
    }

    /// Where /proc/self/mountinfo says that the hierarchy is: the fifth field, and behind ` - `
    /// the type and, third, the options that name version 1's controllers.
    static func mount(in text: String, version: Int) -> String? {
        for line in text.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard let dash = fields.firstIndex(of: "-"), fields.count > dash + 3, dash > 4
            else { continue }
            let options = fields[dash + 3].split(separator: ",")
            if version == 2
                ? fields[dash + 1] == "cgroup2"
                : fields[dash + 1] == "cgroup" && options.contains("memory")
            {
                return String(fields[4])
            }
        }
        return nil
    }

    /// The folders of a group and of those above it, the group first.
    static func chain(from group: String, below mount: String) -> [String] {
        var names = group.split(separator: "/").filter { $0 != ".." }
        var folders: [String] = []
        while true {
            folders.append(([mount] + names.map(String.init)).joined(separator: "/"))
            guard !names.isEmpty else { return folders }
            names.removeLast()
        }
    }

    private static func memory(
        at path: String, version: Int, limit: String, usage: String, read: (String) -> String?
    ) -> ControlGroup? {
        func number(_ file: String) -> UInt64? {
            read("\(path)/\(file)")?.split(separator: "\n").first.flatMap { UInt64($0) }
        }
        guard read("\(path)/\(limit)") != nil || read("\(path)/\(usage)") != nil else { return nil }
        return ControlGroup(
            version: version, path: path,
            bytesMax: number(limit).flatMap { $0 < unlimitedFrom ? $0 : nil },
            bytesUsed: number(usage))
    }
}
