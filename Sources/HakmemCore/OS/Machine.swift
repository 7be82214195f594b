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
        let path: StaticString = "/proc/self/statm"
        let start = UnsafeRawPointer(path.utf8Start).assumingMemoryBound(to: CChar.self)
        guard let file = SystemCall.open(start, flags: O_RDONLY | O_CLOEXEC) else { return 0 }
        var buffer = InlineArray<128, UInt8>(repeating: 0)
        var span = buffer.mutableSpan
        let count = span.withUnsafeMutableBufferPointer { buffer in
            SystemCall.read(file, into: buffer.baseAddress.unsafelyUnwrapped, count: buffer.count)
        }
        SystemCall.close(file)
        // "size resident shared …", in pages.
        var index = 0
        while index < count, buffer[index] != 32 { index += 1 }
        index += 1
        var pages: UInt = 0
        while index < count, buffer[index] >= 48, buffer[index] <= 57 {
            pages = pages * 10 + UInt(buffer[index] - 48)
            index += 1
        }
        return pages * process.pageBytes
    }
}
