// SPDX-License-Identifier: MIT
//
// What the machine and the kernel are and how they are set.

import Glibc

/// The machine as reports name it.
struct Machine: Codable, Equatable {
    let hardware: String
    let processor: String
    let processorCount: Int
    let memoryMib: Int
    let kernel: String
    let cLibrary: String
    let pageBytes: Int
    let hugePages: String

    /// This machine.
    static func current() -> Machine {
        Machine(
            hardware: hardwareName(),
            processor: processorName(in: FileContents.text(at: "/proc/cpuinfo") ?? "")
                ?? hardwareName(),
            processorCount: sysconf(Int32(_SC_NPROCESSORS_ONLN)),
            memoryMib: sysconf(Int32(_SC_PHYS_PAGES)) / 1024
                * (sysconf(Int32(_SC_PAGESIZE)) / 1024),
            kernel: kernelRelease(),
            cLibrary: cLibraryName(),
            pageBytes: sysconf(Int32(_SC_PAGESIZE)),
            hugePages: hugePages("enabled") ?? "not supported")
    }

    /// The kernel's release.
    static func kernelRelease() -> String { systemName(\.release) }

    /// The hardware's name, as in the names of Debian's library folders.
    static func hardwareName() -> String { systemName(\.machine) }

    /// The C library's name and version, as in `glibc 2.36`.
    private static func cLibraryName() -> String {
        var name = [UInt8](repeating: 0, count: 64)
        let count = name.withUnsafeMutableBytes { bytes in
            confstr(
                Int32(_CS_GNU_LIBC_VERSION), bytes.baseAddress?.assumingMemoryBound(to: CChar.self),
                bytes.count)
        }
        guard count > 0 else { return "unknown C library" }
        return String(decoding: name.prefix { $0 != 0 }, as: UTF8.self)
    }

    /// A setting of transparent huge pages: the word that the kernel puts in brackets.
    static func hugePages(_ setting: String) -> String? {
        FileContents.line(at: "/sys/kernel/mm/transparent_hugepage/\(setting)")
            .flatMap(chosenWord)
    }

    /// `madvise` in `always [madvise] never`.
    static func chosenWord(_ line: String) -> String? {
        line.split(separator: " ").first { $0.hasPrefix("[") && $0.hasSuffix("]") }
            .map { String($0.dropFirst().dropLast()) }
    }

    /// The first model name of /proc/cpuinfo.
    static func processorName(in text: String) -> String? {
        for line in text.split(separator: "\n") where line.hasPrefix("model name") {
            guard let colon = line.firstIndex(of: ":") else { continue }
            return line[line.index(after: colon)...].split(separator: " ").joined(separator: " ")
        }
        return nil
    }

    private static func systemName<Field>(_ field: KeyPath<utsname, Field>) -> String {
        var name = utsname()
        guard uname(&name) == 0 else { return "unknown" }
        return withUnsafeBytes(of: name[keyPath: field]) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }
}
