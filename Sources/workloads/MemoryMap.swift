// SPDX-License-Identifier: MIT
//
// The proof of who serves an allocation: the file that the kernel has mapped at the address to
// which the loader resolved a function.

import CWorkload

/// The text of /proc/self/maps.
struct MemoryMap {
    private let text: Text

    init() {
        var text = Text(bytesMax: 1024 * 1024)
        let path: StaticString = "/proc/self/maps"
        guard text.append(fileAt: path.cString) else {
            fail("cannot read ", path.cString, status: ExitStatus.failure)
        }
        self.text = text
    }

    /// The path of the file that holds `function` as this process resolves it; empty when the
    /// function is in no file.
    func object(holding function: StaticString) -> UnsafeBufferPointer<UInt8> {
        guard let symbol = dlsym(nil, function.cString) else {
            return UnsafeBufferPointer(start: nil, count: 0)
        }
        let address = UInt(bitPattern: symbol)
        var start = 0
        while start < text.count {
            var end = start
            while end < text.count, text.bytes[end] != UInt8(ascii: "\n") { end += 1 }
            if let path = path(inLine: start..<end, holding: address) { return path }
            start = end + 1
        }
        return UnsafeBufferPointer(start: nil, count: 0)
    }

    /// The path of a line `first-last permissions offset device inode path` that spans `address`.
    private func path(
        inLine line: Range<Int>, holding address: UInt
    ) -> UnsafeBufferPointer<UInt8>? {
        var position = line.lowerBound
        let first = hexadecimal(at: &position)
        position += 1
        let last = hexadecimal(at: &position)
        guard first <= address, address < last else { return nil }
        while position < line.upperBound, text.bytes[position] != UInt8(ascii: "/") {
            position += 1
        }
        return UnsafeBufferPointer(
            start: text.bytes + position, count: line.upperBound - position)
    }

    /// The number at `position`, which moves behind it.
    private func hexadecimal(at position: inout Int) -> UInt {
        var value: UInt = 0
        while position < text.count {
            let byte = text.bytes[position]
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                value = value << 4 | UInt(byte - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"):
                value = value << 4 | UInt(byte - UInt8(ascii: "a") + 10)
            default:
                return value
            }
            position += 1
        }
        return value
    }
}
