// SPDX-License-Identifier: MIT
//
// Where libhakmem.so is, and whether a library can be preloaded at all.

import Glibc

/// Finds the allocator's library and the workloads, which SwiftPM builds beside this tool.
enum Library {
    static let fileName = "libhakmem.so"
    static let variable = "HAKMEM_LIBRARY"

    /// The path of libhakmem.so: the one asked for, else beside the tool, else
    /// `$HAKMEM_LIBRARY`, else `../lib` beside the tool.
    static func find(
        requested: String?, toolFolder: String = toolFolder(),
        environment: [String: String], exists: (String) -> Bool = FileContents.isFile
    ) throws -> String {
        if let requested {
            guard exists(requested) else {
                throw Failure("--library '\(requested)' is no file; give the path of a library")
            }
            return requested
        }
        var candidates = ["\(toolFolder)/\(fileName)"]
        if let given = environment[variable], !given.isEmpty { candidates.append(given) }
        candidates.append("\(toolFolder)/../lib/\(fileName)")
        if let found = candidates.first(where: exists) { return found }
        throw Failure(
            """
            \(fileName) not found; looked for \(candidates.joined(separator: ", ")). \
            `swift run hak` builds the tool alone: run `swift build -c release` first, \
            or set \(variable) or --library to the library's path
            """)
    }

    /// The absolute path of a library that the loader can take from LD_PRELOAD.
    static func preloadable(_ path: String) throws -> String {
        guard let real = FileContents.realPath(path) else {
            throw Failure("library '\(path)' is no file; give the path of a shared library")
        }
        guard let elf = ElfFile(path: real) else {
            throw Failure("library '\(real)' is no shared library: it has no ELF header")
        }
        if let own = ElfFile(path: "/proc/self/exe"),
            elf.machine != own.machine || elf.is64Bit != own.is64Bit
        {
            throw Failure(
                """
                library '\(real)' is for \(elf.machineName) and this machine runs \
                \(own.machineName); build the library here
                """)
        }
        if real.contains(where: { $0 == " " || $0 == ":" || $0 == "\t" || $0 == "\n" }) {
            throw Failure(
                """
                library '\(real)': LD_PRELOAD cannot carry a path with spaces or colons; \
                move the library
                """)
        }
        return real
    }

    /// LD_PRELOAD with our library in front of what was there.
    static func preloadValue(library: String, existing: String?) -> String {
        guard let existing, !existing.isEmpty else { return library }
        return "\(library):\(existing)"
    }

    /// The executable with the benchmark workloads, which lies beside the tool.
    static func workloads(toolFolder: String = toolFolder()) throws -> String {
        let path = "\(toolFolder)/workloads"
        guard FileContents.isExecutable(path) else {
            throw Failure(
                """
                '\(path)', which runs the measurements, is missing; \
                run `swift build -c release`, which builds it beside this tool
                """)
        }
        return path
    }

    /// The folder of this tool's own executable.
    static func toolFolder() -> String {
        FileContents.folder(of: FileContents.realPath("/proc/self/exe") ?? "./hak")
    }
}
