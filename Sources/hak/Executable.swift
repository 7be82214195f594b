// SPDX-License-Identifier: MIT
//
// Programs on disk, and what keeps the loader from preloading into one.

import Glibc

/// Questions about the file of a program.
enum Executable {
    /// The file that execvp would run for `name`.
    static func find(_ name: String, path: String?) throws -> String {
        if name.contains("/") {
            guard FileContents.isExecutable(name) else {
                throw Failure("'\(name)' is no executable file")
            }
            return name
        }
        for folder in (path ?? "/bin:/usr/bin").split(separator: ":") {
            let candidate = "\(folder)/\(name)"
            if FileContents.isExecutable(candidate) { return candidate }
        }
        throw Failure("'\(name)' is no program in PATH")
    }

    /// Why the loader would not preload into the program at `path`; nil when it would. Scripts
    /// count as their interpreter.
    static func obstacle(to path: String) -> String? {
        obstacle(to: path, depth: 0)
    }

    /// Most interpreters of interpreters that are followed: the kernel's own bound.
    private static let interpreterDepthMax = 4

    private static func obstacle(to path: String, depth: Int) -> String? {
        if let reason = privileges(of: path) { return reason }
        guard let start = FileContents.bytes(at: path, bytesMax: 64 * 1024) else { return nil }
        if let interpreter = interpreter(ofScript: start), depth < interpreterDepthMax {
            return obstacle(to: interpreter, depth: depth + 1)
                .map { "is a script for \(interpreter), which \($0)" }
        }
        guard let elf = ElfFile(start) else { return nil }
        return obstacle(in: elf, own: ElfFile(path: "/proc/self/exe"))
    }

    /// Why the loader would not preload into such a file.
    static func obstacle(in elf: ElfFile, own: ElfFile?) -> String? {
        if let own, elf.is64Bit != own.is64Bit || elf.machine != own.machine {
            let bits = elf.is64Bit ? 64 : 32
            return "is made for \(elf.machineName) (\(bits) bits), not for this machine's code"
        }
        guard let interpreter = elf.interpreter else {
            return "is linked statically, so that no loader runs"
        }
        if elf.usesMusl { return "uses musl (\(interpreter)), not glibc" }
        return nil
    }

    /// The interpreter that a script's first line names.
    static func interpreter(ofScript bytes: [UInt8]) -> String? {
        guard bytes.starts(with: [UInt8(ascii: "#"), UInt8(ascii: "!")]) else { return nil }
        let line = String(decoding: bytes.dropFirst(2).prefix { $0 != 10 }, as: UTF8.self)
        return line.split(whereSeparator: { $0 == " " || $0 == "\t" }).first.map(String.init)
    }

    /// Whether the file carries capabilities. The C library's module lacks getxattr.
    private static func hasCapabilities(_ path: String) -> Bool {
        typealias GetAttribute =
            @convention(c) (
                UnsafePointer<CChar>, UnsafePointer<CChar>, UnsafeMutableRawPointer?, Int
            ) -> Int
        guard let symbol = dlsym(nil, "getxattr") else { return false }
        let getAttribute = unsafeBitCast(symbol, to: GetAttribute.self)
        return getAttribute(path, "security.capability", nil, 0) > 0
    }

    /// The privileges for whose sake the loader ignores LD_PRELOAD.
    private static func privileges(of path: String) -> String? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        if status.st_mode & S_ISUID != 0, status.st_uid != geteuid() {
            return "is set-user-ID, for which the loader ignores LD_PRELOAD"
        }
        if status.st_mode & S_ISGID != 0, status.st_gid != getegid() {
            return "is set-group-ID, for which the loader ignores LD_PRELOAD"
        }
        if geteuid() != 0, hasCapabilities(path) {
            return "has file capabilities, for which the loader ignores LD_PRELOAD"
        }
        return nil
    }
}
