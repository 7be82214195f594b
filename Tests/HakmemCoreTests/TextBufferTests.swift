// SPDX-License-Identifier: MIT

import Glibc
import Testing

@testable import HakmemCoreHosted

@Suite struct TextBufferTests {
    private func written(_ body: (inout TextBuffer) -> Void) -> String {
        let pipe = Pipe()
        var text = TextBuffer(sink: .descriptor(pipe.writing))
        body(&text)
        text.flush()
        return pipe.collect()
    }

    @Test func textsAndBytes() {
        let text = written { text in
            text.append("static ")
            "given".withCString { text.append(cString: $0) }
            text.append(byte: 33)
        }
        #expect(text == "static given!")
    }

    @Test(arguments: [0, 1, 9, 10, 12_345, UInt.max]) func decimals(value: UInt) {
        #expect(written { $0.append(decimal: value) } == String(value))
    }

    @Test(arguments: [0, 1, 15, 16, 0xDEAD_BEEF, UInt.max]) func hexadecimals(value: UInt) {
        #expect(written { $0.append(hexadecimal: value) } == "0x" + String(value, radix: 16))
    }

    @Test func widthsAlignAndNeverCut() {
        #expect(written { $0.append(decimal: 7, width: 4) } == "   7")
        #expect(written { $0.append(decimal: 0, width: 2) } == " 0")
        #expect(written { $0.append(decimal: 12_345, width: 3) } == "12345")
    }

    @Test func aFullBufferIsWrittenOut() {
        let line: StaticString = "0123456789abcdef"
        let text = written { text in
            for _ in 0..<200 { text.append(line) }
        }
        #expect(text == String(repeating: "0123456789abcdef", count: 200))
    }

    @Test func streamsAreSinksToo() {
        var bytes: UnsafeMutablePointer<CChar>?
        var count = 0
        let stream = open_memstream(&bytes, &count)!
        var text = TextBuffer(sink: .stream(UnsafeMutableRawPointer(stream)))
        text.append(decimal: 42)
        text.flush()
        fclose(stream)
        #expect(String(cString: bytes!) == "42")
        free(bytes)
    }

    @Test func aDeadDescriptorEndsNothing() {
        var text = TextBuffer(sink: .descriptor(9999))
        text.append("lost")
        text.flush()
    }
}
