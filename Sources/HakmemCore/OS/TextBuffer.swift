// SPDX-License-Identifier: MIT
//
// Lines of text for reports, built without allocating: a fixed buffer that is written out when it
// is full. One writer; lives on its user's stack.

import CHakmemShim

struct TextBuffer: ~Copyable {
    private static let capacity = 1024

    /// Where full buffers go: a descriptor, or a `FILE *` of the C library.
    enum Sink {
        case descriptor(Int32)
        case stream(UnsafeMutableRawPointer)
    }

    private let sink: Sink
    private var bytes = InlineArray<1024, UInt8>(repeating: 0)
    private var count = 0

    init(sink: Sink) { self.sink = sink }

    mutating func append(_ text: StaticString) {
        for index in 0..<text.utf8CodeUnitCount { append(byte: text.utf8Start[index]) }
    }

    mutating func append(cString text: UnsafePointer<CChar>) {
        var index = 0
        while text[index] != 0 {
            append(byte: UInt8(bitPattern: text[index]))
            index += 1
        }
    }

    mutating func append(decimal value: UInt) {
        var digits = InlineArray<20, UInt8>(repeating: 0)
        var rest = value
        var length = 0
        repeat {
            digits[length] = UInt8(48 + rest % 10)
            rest /= 10
            length += 1
        } while rest != 0
        while length > 0 {
            length -= 1
            append(byte: digits[length])
        }
    }

    /// `value` right-aligned in `width` columns.
    mutating func append(decimal value: UInt, width: Int) {
        var length = 1
        var rest = value / 10
        while rest != 0 {
            rest /= 10
            length += 1
        }
        while length < width {
            append(byte: 32)
            length += 1
        }
        append(decimal: value)
    }

    mutating func append(hexadecimal value: UInt) {
        append("0x")
        var shift = 60
        while shift > 0 && (value >> UInt(shift)) & 15 == 0 { shift -= 4 }
        while shift >= 0 {
            let digit = UInt8((value >> UInt(shift)) & 15)
            append(byte: digit < 10 ? 48 + digit : 87 + digit)
            shift -= 4
        }
    }

    mutating func append(byte: UInt8) {
        if count == TextBuffer.capacity { flush() }
        bytes[count] = byte
        count += 1
    }

    /// Writes what has gathered. The last call of every user.
    mutating func flush() {
        let length = count
        let sink = sink
        bytes.span.withUnsafeBufferPointer { buffer in
            guard let start = buffer.baseAddress else { return }
            switch sink {
            case .descriptor(let descriptor):
                SystemCall.write(descriptor, start, count: length)
            case .stream(let stream):
                _ = hak_file_write(stream, start, length)
            }
        }
        count = 0
    }
}
