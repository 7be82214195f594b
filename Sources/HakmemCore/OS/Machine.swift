// SPDX-License-Identifier: MIT
//
// What is fixed for the life of the process: the machine's page size and the user's options.

import CHakmemShim

struct Process {
    /// Size of an OS page, a power of two.
    var pageBytes: UInt = 4096
    var options = OptionValues()
}

/// Guarded by: written at the start, before the first cache exists (Start.swift), and by mallopt.
nonisolated(unsafe) var process = Process()

enum Machine {
    static func pageBytes() -> UInt {
        let bytes = hak_auxiliary(UInt(AT_PAGESZ))
        return isPowerOfTwo(bytes) ? bytes : 4096
    }

    /// Bytes of memory that the machine has; a guess when the kernel does not say.
    static func memoryBytes() -> UInt {
        var info = sysinfo()
        let result = withUnsafeMutablePointer(to: &info) { info in
            hak_syscall6(Int(SYS_sysinfo), UInt(bitPattern: info), 0, 0, 0, 0, 0)
        }
        return result == 0 ? UInt(info.totalram) * UInt(info.mem_unit) : 16 << 30
    }

    /// Bytes of memory that this process has resident, from the kernel; 0 when it does not say.
    static func residentBytes() -> UInt {
        var pages: UInt = 0
        readStart(of: "/proc/self/statm") { text in
            // "size resident shared …", in pages.
            pages = TextFields.number(text, behind: 1)
        }
        return pages * process.pageBytes
    }

    /// Whether main's thread has ended, and the caller's is the only one besides; nil when the
    /// kernel does not say.
    static func isCallerAlone() -> Bool? {
        var isAlone: Bool?
        readStart(of: "/proc/self/stat") { text in
            // "id (name) state …", where the name may be any; the 20th field counts threads, an
            // ended main's with them until it is the last.
            guard let name = text.lastIndex(of: 41), name + 2 < text.count else { return }
            let rest = UnsafeBufferPointer(rebasing: text[(name + 2)...])
            isAlone = rest[0] == 90 && TextFields.number(rest, behind: 17) <= 2
        }
        return isAlone
    }

    /// Reads the first bytes of a file of the kernel's.
    private static func readStart(
        of path: StaticString, _ body: (UnsafeBufferPointer<UInt8>) -> Void
    ) {
        let start = UnsafeRawPointer(path.utf8Start).assumingMemoryBound(to: CChar.self)
        guard let file = SystemCall.open(start, flags: O_RDONLY | O_CLOEXEC) else { return }
        var buffer = InlineArray<512, UInt8>(repeating: 0)
        var span = buffer.mutableSpan
        span.withUnsafeMutableBufferPointer { buffer in
            let bytes = buffer.baseAddress.unsafelyUnwrapped
            let count = SystemCall.read(file, into: bytes, count: buffer.count)
            if count > 0 { body(UnsafeBufferPointer(start: bytes, count: count)) }
        }
        SystemCall.close(file)
    }
}

/// Texts of fields with a space between them.
private enum TextFields {
    /// The number that follows so many spaces; 0 when there is none.
    static func number(_ text: UnsafeBufferPointer<UInt8>, behind spaces: Int) -> UInt {
        var index = 0
        var seen = 0
        while index < text.count, seen < spaces {
            if text[index] == 32 { seen += 1 }
            index += 1
        }
        var value: UInt = 0
        while index < text.count, text[index] >= 48, text[index] <= 57 {
            value = value * 10 + UInt(text[index] - 48)
            index += 1
        }
        return value
    }
}
