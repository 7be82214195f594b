// SPDX-License-Identifier: MIT
//
// Text in mapped memory of a fixed bound, written with write(2).
//
// Invariant: count <= bytesMax. What does not fit is dropped, and the text stays a valid prefix.

import CWorkload

/// A growing text that allocates nothing.
struct Text {
    let bytes: UnsafeMutablePointer<UInt8>
    let bytesMax: Int
    private(set) var count = 0

    init(bytesMax: Int) {
        guard let memory = workload_map(bytesMax) else { _exit(ExitStatus.failure) }
        bytes = memory.assumingMemoryBound(to: UInt8.self)
        self.bytesMax = bytesMax
    }

    mutating func append(byte: UInt8) {
        guard count < bytesMax else { return }
        bytes[count] = byte
        count += 1
    }

    mutating func append(_ text: StaticString) {
        for index in 0..<text.utf8CodeUnitCount { append(byte: text.utf8Start[index]) }
    }

    mutating func append(_ string: UnsafePointer<CChar>) {
        var index = 0
        while string[index] != 0 {
            append(byte: UInt8(bitPattern: string[index]))
            index += 1
        }
    }

    /// Decimal digits, with a sign where negative.
    mutating func append(_ value: Int) {
        if value < 0 { append(byte: UInt8(ascii: "-")) }
        let magnitude = value.magnitude
        var divisor: UInt = 1
        while magnitude / divisor >= 10 { divisor *= 10 }
        while divisor > 0 {
            append(byte: UInt8(ascii: "0") + UInt8(magnitude / divisor % 10))
            divisor /= 10
        }
    }

    /// `"key":value,` of a JSON object.
    mutating func append(key: StaticString, _ value: Int) {
        append(key: key)
        append(value)
        append(",")
    }

    /// `"key":"value",` of a JSON object, quotes, backslashes and control characters escaped.
    mutating func append(key: StaticString, bytes value: UnsafeBufferPointer<UInt8>) {
        append(key: key)
        append("\"")
        for byte in value {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                append("\\")
                append(byte: byte)
            case 0..<32:
                append("?")
            default:
                append(byte: byte)
            }
        }
        append("\",")
    }

    private mutating func append(key: StaticString) {
        append("\"")
        append(key)
        append("\":")
    }

    /// Replaces the comma behind the last value by what ends a line of JSON.
    mutating func closeObject() {
        if count > 0, bytes[count - 1] == UInt8(ascii: ",") { count -= 1 }
        append("}\n")
    }

    /// The rest of an open file, as far as there is room; false when it cannot be read.
    mutating func append(fileAt path: UnsafePointer<CChar>) -> Bool {
        let file = workload_open(path)
        guard file >= 0 else { return false }
        defer { close(file) }
        while count < bytesMax {
            let got = read(file, bytes + count, bytesMax - count)
            guard got >= 0 else { return false }
            guard got > 0 else { break }
            count += got
        }
        return true
    }

    mutating func removeAll() { count = 0 }

    func write(to file: Int32) { writeAll(bytes, count: count, to: file) }
}

/// write(2) until all is written; a reader that went away ends the process.
func writeAll(_ memory: UnsafeRawPointer, count: Int, to file: Int32) {
    var done = 0
    while done < count {
        let written = write(file, memory + done, count - done)
        if written < 0 {
            if __errno_location().pointee == EINTR { continue }
            _exit(ExitStatus.failure)
        }
        done += written
    }
}
