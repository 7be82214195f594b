// SPDX-License-Identifier: MIT

/// The files that /proc/PID/maps names, each once, in the order of their addresses.
struct MappedObjects: Equatable {
    let paths: [String]

    /// The path is what follows the fifth field, and may hold spaces; ` (deleted)` is dropped.
    init(parsing text: String) {
        var paths: [String] = []
        var known: Set<String> = []
        for line in text.split(separator: "\n") {
            let fields = line.split(separator: " ", maxSplits: 5, omittingEmptySubsequences: true)
            guard fields.count == 6, let first = fields[5].firstIndex(of: "/") else { continue }
            var path = fields[5][first...]
            let deleted = " (deleted)"
            if path.hasSuffix(deleted) { path = path.dropLast(deleted.count) }
            if known.insert(String(path)).inserted { paths.append(String(path)) }
        }
        self.paths = paths
    }

    /// The library among `fileNames` that is mapped, whatever is behind the name's version.
    func path(ofAny fileNames: [String]) -> String? {
        paths.first { path in fileNames.contains { FileContents.name(of: path).hasPrefix($0) } }
    }
}
