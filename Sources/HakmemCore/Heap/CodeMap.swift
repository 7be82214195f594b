// SPDX-License-Identifier: MIT
//
// Which files the process's code lies in, from /proc/self/maps: for profiles, in which a site is a
// file's name and an offset, and for the walk past runtimes. Read in pieces; nothing is kept.
//
//   7f12a4c28000-7f12a4dbd000 r-xp 00028000 fe:00 1234    /usr/lib/x86_64-linux-gnu/libc.so.6

import CHakmemShim

enum CodeMap {
    private static let bufferBytes = 64 * 1024
    private static let path: StaticString = "/proc/self/maps"

    /// Calls `body` with each range of code, its offset in its file, and the file's name without
    /// folders, which lives as long as the call.
    static func visit(
        _ body: (_ range: CodeRange, _ offset: UInt, _ name: UnsafeBufferPointer<UInt8>) -> Void
    ) {
        let name = UnsafeRawPointer(path.utf8Start).assumingMemoryBound(to: CChar.self)
        guard let file = SystemCall.open(name, flags: O_RDONLY | O_CLOEXEC) else { return }
        defer { SystemCall.close(file) }
        guard let memory = SystemCall.map(bytes: UInt(bufferBytes)) else { return }
        defer { SystemCall.unmap(memory, bytes: UInt(bufferBytes)) }
        let bytes = pointer(memory, to: UInt8.self)
        var count = 0
        while true {
            let read = SystemCall.read(file, into: bytes + count, count: bufferBytes - count)
            if read <= 0 { return }
            count += read
            var start = 0
            for end in 0..<count where bytes[end] == 10 {
                let line = UnsafePointer(bytes + start)
                parse(UnsafeBufferPointer(start: line, count: end - start), body)
                start = end + 1
            }
            // A line without its end waits for the next piece.
            for index in start..<count { bytes[index - start] = bytes[index] }
            count -= start
        }
    }

    static func parse(
        _ line: UnsafeBufferPointer<UInt8>,
        _ body: (CodeRange, UInt, UnsafeBufferPointer<UInt8>) -> Void
    ) {
        var position = 0
        let start = hexadecimal(line, &position)
        let end = hexadecimal(line, &position)
        guard position + 4 < line.count, line[position + 2] == 120 else { return }
        position += 5
        let offset = hexadecimal(line, &position)
        guard let slash = line.lastIndex(of: 47), slash + 1 < line.count else { return }
        body(
            CodeRange(start: start, end: end), offset,
            UnsafeBufferPointer(rebasing: line[(slash + 1)...]))
    }

    /// The number at `position`, which moves behind the character after it.
    private static func hexadecimal(
        _ line: UnsafeBufferPointer<UInt8>, _ position: inout Int
    ) -> UInt {
        var value: UInt = 0
        while position < line.count {
            let byte = line[position]
            position += 1
            switch byte {
            case 48...57: value = value << 4 | UInt(byte - 48)
            case 97...102: value = value << 4 | UInt(byte - 87)
            default: return value
            }
        }
        return value
    }
}
