// SPDX-License-Identifier: MIT

import Testing

@testable import hak

@Suite struct BenchDocumentTests {
    @Test func theJSONComesBackAsItWas() throws {
        var document = BenchDocument.sample()
        document.rows[0].failures = ["json under mine: NOT SERVED"]
        document.rows[0].cells[0].instructionsPerOperation = 28.5
        document.rows[0].cells[0].samples[0].p95Ns = 7
        document.rows[0].touch = BenchCell(allocator: "touch", samples: [.of(cpuNs: 5)])
        document.skipped = ["node: not installed"]
        let decoded = try BenchDocument.decoded(document.encoded(), from: "file")
        #expect(decoded.rows == document.rows)
        #expect(decoded.allocators == document.allocators)
        #expect(decoded.failures == ["json under mine: NOT SERVED"])
        #expect(decoded.skipped == document.skipped)
        #expect(decoded.date == document.date)
        #expect(decoded.allocators.last?.variables == ["MIMALLOC_ALLOW_THP=0"])
    }

    @Test func otherFilesAreRefused() {
        func refusal(_ text: String) -> String {
            let failure = #expect(throws: Failure.self) {
                try BenchDocument.decoded(Array(text.utf8), from: "old.json")
            }
            return failure?.description ?? ""
        }
        #expect(refusal("nothing").contains("'old.json' is no document"))
        #expect(refusal("{\"format\":1}").contains("format 1"))
        #expect(refusal("{\"format\":2}").contains("damaged"))
    }

    @Test func theTablesNameAllocatorsAndRows() {
        let text = BenchDocument.sample().text()
        #expect(text.contains("mimalloc: /libmimalloc.so.3\n"))
        #expect(text.contains("nothp: /libmimalloc.so.3 MIMALLOC_ALLOW_THP=0\n"))
        #expect(text.contains("hand-over ×16"))
        #expect(text.contains("CPU time, ratio to mimalloc"))
        #expect(!text.contains("idle second, ratio"))
    }
}
