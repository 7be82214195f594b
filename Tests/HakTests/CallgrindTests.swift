// SPDX-License-Identifier: MIT

import Testing

@testable import hak

@Suite struct CallgrindTests {
    @Test func theCountIsRead() {
        let text = """
            ==1== Callgrind, a call-graph generating cache profiler
            ==1==
            ==1== Events    : Ir
            ==1== Collected : 123456
            """
        #expect(Callgrind.instructions(in: text) == 123_456)
        #expect(Callgrind.instructions(in: "==1== Events : Ir") == nil)
    }

    @Test func theTableShowsCounts() {
        var document = BenchDocument.sample()
        #expect(!document.text().contains("instructions an operation"))
        document.rows[0].cells[0].instructionsPerOperation = 28.25
        #expect(document.text().contains("instructions an operation"))
        #expect(document.text().contains("28.3"))
    }
}
